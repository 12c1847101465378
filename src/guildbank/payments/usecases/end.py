"""End a payment that took no money: failed, canceled by someone, or expired."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import NOT_CANCELABLE
from guildbank.payments.contracts.rows import AttemptState, Intent, IntentState
from guildbank.payments.rules import ATTEMPT, INTENT, LIVE_ATTEMPTS
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments
from guildbank.payments.usecases.keep_checks import keep_checks
from guildbank.payments.usecases.limits import give_back_limits, reserved_needs
from guildbank.pipelines import Answer


class EndPayment(PaymentAct):
    """End it, with its current attempt when the provider confirmed that this one is over."""

    verb = "payments.end"
    rounds = 2
    __slots__ = ("attempt_id", "checked", "confirmed", "detail", "end", "problem")

    def __init__(
        self,
        intent: Intent,
        end: IntentState,
        principal: str,
        problem: str | None,
        confirmed: AttemptState | None,
        detail: str | None,
        checked: tuple[Answer, ...],
    ) -> None:
        super().__init__(intent.id, principal)
        self.attempt_id = intent.attempt_id
        self.end = end
        self.problem = problem
        self.confirmed = confirmed
        self.detail = detail
        self.checked = checked

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment, its attempt, and what it reserved."""
        needs = super().needs(stage)
        if self.attempt_id is not None:
            needs.append((ATTEMPTS, self.attempt_id))
        if stage.loaded(INTENTS, self.payment_id):
            intent = stage.get(INTENTS, self.payment_id)
            needs += [] if intent is None else reserved_needs(intent)
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Refuse with `payment_not_cancelable` when it ended, or its attempt may still pay."""
        intent = stage.get(INTENTS, self.payment_id)
        if intent is None or self.end not in INTENT[intent.state]:
            return NOT_CANCELABLE
        if intent.attempt_id != self.attempt_id:
            return NOT_CANCELABLE
        attempt = stage.get(ATTEMPTS, self.attempt_id) if self.attempt_id else None
        if attempt is not None and attempt.state in LIVE_ATTEMPTS:
            if self.confirmed is None or self.confirmed not in ATTEMPT[attempt.state]:
                return NOT_CANCELABLE
            ended = msgspec.structs.replace(
                attempt, state=self.confirmed, action=None, changed_at=stage.now
            )
            stage.put(ATTEMPTS, attempt.id, ended)
        give_back_limits(stage, intent)
        stage.put(
            INTENTS,
            intent.id,
            msgspec.structs.replace(
                intent, state=self.end, reserved=False, room=False,
                problem=self.problem or intent.problem,
                problem_detail=self.detail, changed_at=stage.now,
            ),
        )  # fmt: skip
        keep_checks(stage, intent.id, intent.attempts + 1, self.checked)
        told = {"payment": intent.id, "player": intent.player_id, "reason": self.problem}
        return Draft(f"payments.{self.end}", facts(told))


async def end_payment(
    payments: Payments,
    tenant: TenantRef,
    intent: Intent,
    end: IntentState,
    *,
    principal: str = "system",
    problem: str | None = None,
    confirmed: AttemptState | None = None,
    detail: str | None = None,
    checked: tuple[Answer, ...] = (),
) -> Refusal | None:
    """End a payment; `confirmed` is what the provider said of its live attempt.

    `detail` is the sentence of the `problem` that the player is shown, `checked` what checks said
    of it.
    """
    act = EndPayment(intent, end, principal, problem, confirmed, detail, checked)
    receipt = await payments.journal.submit(tenant.schema, act)
    return None if isinstance(receipt, Receipt) else receipt
