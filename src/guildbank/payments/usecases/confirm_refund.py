"""Confirm a refund: an operator says that the money was sent, where no machine tells of it."""

from collections.abc import Sequence

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import store
from guildbank.payments.asking import ask_confirmation
from guildbank.payments.contracts.refusals import (
    NO_CHANGE,
    NO_REFUND,
    NOT_BY_YOU,
    REFUND_NOT_AWAITED,
    TENANT_SUSPENDED,
    TRANSACTION_USED,
)
from guildbank.payments.contracts.rows import Attempt, Dispute, Refund, RefundState
from guildbank.payments.store import REFUND_REFERENCES, REFUNDS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.confirm import Confirming, Key, hash_of, refused_as
from guildbank.payments.usecases.finish_refund import FinishRefund, with_disputes
from guildbank.payments.usecases.money import MoneyAct
from guildbank.payments.usecases.read import get_refund
from guildbank.plugin_api import (
    ConfirmsRefunds,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    RefundRequest,
)

_REQUESTS = msgspec.json.Decoder(RefundRequest)
_NOTHING = Outcome(status=OutcomeStatus.UNKNOWN)
OTHER_AMOUNT = Refusal(
    code="confirmation_refused",
    detail="Another amount than the refund's was sent. Nothing was booked.",
    field="data.amount",
)


class RefundConfirmation(msgspec.Struct, frozen=True):
    """What is said of which refund."""

    refund_id: str
    data: dict[str, str]


class ConfirmRefund(FinishRefund):
    """Finish a refund by an operator's word: the act is theirs, and under their key."""

    verb = "payments.confirm_refund"
    __slots__ = ()

    def __init__(
        self,
        attempt: Attempt,
        refund: Refund,
        outcome: Outcome,
        principal: str,
        key: Key,
        disputes: Sequence[Dispute] = (),
        *,
        sure: bool = False,
    ) -> None:
        super().__init__(attempt, refund, outcome, disputes, sure=sure)
        MoneyAct.__init__(self, attempt, principal, key.text, key.command)

    def needs(self, stage: Stage) -> list[Need]:
        """Return what finishing needs, and the refund that the transaction paid, if any."""
        return [*super().needs(stage), *((REFUND_REFERENCES, one) for one in self._places(stage))]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it. Refusals: `transaction_used`, `refund_not_confirmable`."""
        for place in self._places(stage):
            paid = stage.get(REFUND_REFERENCES, place)
            if paid is not None and paid.id != self.refund_id:
                return TRANSACTION_USED
        refund = stage.get(REFUNDS, self.refund_id)
        if refund is None or refund.state is not RefundState.PENDING:
            return REFUND_NOT_AWAITED
        draft = super().decide(stage)
        if isinstance(draft, Refusal):
            return REFUND_NOT_AWAITED if draft == NO_CHANGE else draft
        for place in self._places(stage):
            stage.put(REFUND_REFERENCES, place, stage.get(REFUNDS, self.refund_id))
        return draft

    def reference_of(self, refund: Refund) -> str | None:
        """Return the transaction by which it was sent."""
        return self.outcome.reference or refund.reference

    def _places(self, stage: Stage) -> list[tuple[str, str]]:
        loaded = stage.loaded(REFUNDS, self.refund_id)
        refund = stage.get(REFUNDS, self.refund_id) if loaded else None
        if refund is None or self.outcome.reference is None:
            return []
        return [(refund.provider, self.outcome.reference)]


async def confirm_refund(
    payments: Payments, tenant: TenantRef, who: Confirming, key: str, said: RefundConfirmation
) -> Refund | Refusal:
    """Record that a refund's money was sent, or was not; return the refund as it stands.

    A second person agreed to the refund itself, where the policy asks for one. Refusals:
    `not_found`, `forbidden`, `refund_not_confirmable`, `confirmation_refused`, `transaction_used`,
    `unknown_provider`, `sandbox_refused`, `key_reused`, `tenant_suspended`. Raises Unavailable.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    if parse_id("ref", said.refund_id) is None:
        return NO_REFUND
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refund = await store.refund_by_id(tx.driver, said.refund_id)
        found = None if refund is None else await store.attempt_by_id(tx.driver, refund.attempt_id)
    if refund is None or found is None:
        return NO_REFUND
    told = msgspec.json.encode(said, order="deterministic")
    named = Key(key, await hash_of(payments, tenant, told))
    # An outcome that is none: only what was booked under the key before answers to it.
    done = await payments.journal.submit(
        tenant.schema, ConfirmRefund(found, refund, _NOTHING, who.principal, named)
    )
    if isinstance(done, Refusal):
        if done != REFUND_NOT_AWAITED or refund.state is not RefundState.PENDING:
            return done
        outcome = await _ask(payments, tenant, refund, who, said)
        if isinstance(outcome, Refusal):
            return outcome

        def act(disputes: Sequence[Dispute], sure: bool) -> ConfirmRefund:
            return ConfirmRefund(found, refund, outcome, who.principal, named, disputes, sure=sure)

        done = await with_disputes(payments, tenant, refund.payment_id, act)
    return await get_refund(payments, tenant, refund.id) if isinstance(done, Receipt) else done


async def _ask(
    payments: Payments,
    tenant: TenantRef,
    refund: Refund,
    who: Confirming,
    said: RefundConfirmation,
) -> Outcome | Refusal:
    line = await line_about(payments, tenant, refund.provider, refund.payment_id)
    if isinstance(line, Refusal):
        return line
    plugin = line.plugin
    if not isinstance(plugin, ConfirmsRefunds):
        return REFUND_NOT_AWAITED
    if who.by != "operator":
        return NOT_BY_YOU
    request = _REQUESTS.decode(refund.request)
    outcome = await ask_confirmation(line, plugin.confirm_refund(line.context, request, said.data))
    if isinstance(outcome, NotConfirmed):
        return refused_as(outcome)
    sent = (outcome.amount_minor, outcome.currency)
    if outcome.status is OutcomeStatus.PROCESSED and sent != (refund.amount_minor, refund.money):
        return OTHER_AMOUNT
    return outcome
