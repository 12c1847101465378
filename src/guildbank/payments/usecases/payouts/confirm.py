"""Confirm a payout: an operator says that the money was sent, was not, or came back."""

from typing import ClassVar

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import payouts as shelf
from guildbank.payments.archive import Subject
from guildbank.payments.asking import ask_confirmation
from guildbank.payments.contracts.payouts import Payout, PayoutState
from guildbank.payments.contracts.refusals import NO_CHANGE, TENANT_SUSPENDED, TRANSACTION_USED
from guildbank.payments.contracts.refusals_payouts import NO_PAYOUT, NOT_AWAITED, OTHER_AMOUNT
from guildbank.payments.payouts import PAYOUT_REFERENCES, PAYOUTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_with
from guildbank.payments.usecases.confirm import Key, hash_of, refused_as
from guildbank.payments.usecases.payouts.finish import FinishPayout
from guildbank.payments.usecases.payouts.letters import letter_of_outcome
from guildbank.payments.usecases.payouts.send import request_of
from guildbank.plugin_api import ConfirmsPayouts, NotConfirmed, Outcome, OutcomeStatus

CONFIRM = "payouts:confirm"
_NOTHING = Outcome(status=OutcomeStatus.UNKNOWN)
_BY_HAND = (PayoutState.PENDING, PayoutState.UNKNOWN, PayoutState.PAID)


class PayoutConfirmation(msgspec.Struct, frozen=True):
    """What is said of which payout."""

    payout_id: str
    data: dict[str, str]


class ConfirmPayout(FinishPayout):
    """Finish a payout by an operator's word: the act is theirs, and under their key."""

    verb: ClassVar[str] = "payments.confirm_payout"
    __slots__ = ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return what finishing needs, and the payout that the transaction paid, if any."""
        return [*super().needs(stage), *((PAYOUT_REFERENCES, one) for one in self._places(stage))]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it. Refusals: `not_found`, `transaction_used`, `payout_not_confirmable`."""
        places = self._places(stage)
        for place in places:
            paid = stage.get(PAYOUT_REFERENCES, place)
            if paid is not None and paid.id != self.payout_id:
                return TRANSACTION_USED
        known = stage.get(PAYOUTS, self.payout_id)
        if known is not None and known.state not in _BY_HAND:
            return NOT_AWAITED
        draft = super().decide(stage)
        if isinstance(draft, Refusal):
            return NOT_AWAITED if draft == NO_CHANGE else draft
        for place in places:
            stage.put(PAYOUT_REFERENCES, place, stage.get(PAYOUTS, self.payout_id))
        return draft

    def reference_of(self, payout: Payout) -> str | None:
        """Return the transaction by which it was sent."""
        return self.outcome.reference or payout.reference

    def _places(self, stage: Stage) -> list[tuple[str, str]]:
        loaded = stage.loaded(PAYOUTS, self.payout_id)
        known = stage.get(PAYOUTS, self.payout_id) if loaded else None
        if known is None or self.outcome.reference is None:
            return []
        return [(known.provider, self.outcome.reference)]


async def confirm_payout(
    payments: Payments, tenant: TenantRef, principal: str, key: str, said: PayoutConfirmation
) -> Payout | Refusal:
    """Record what an operator saw of a payout's money; return the payout as it stands.

    Refusals: `not_found`, `payout_not_confirmable`, `confirmation_refused`, `transaction_used`,
    `unknown_provider`, `sandbox_refused`, `key_reused`, `tenant_suspended`. Raises Unavailable.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    known = await _find(payments, tenant, said.payout_id)
    if known is None:
        return NO_PAYOUT
    told = msgspec.json.encode(said, order="deterministic")
    named = Key(key, await hash_of(payments, tenant, told))
    # An outcome that is none: only what was booked under the key before answers to it.
    done = await payments.journal.submit(
        tenant.schema, ConfirmPayout(known, _NOTHING, principal, *named)
    )
    if isinstance(done, Refusal):
        if done != NOT_AWAITED or known.state not in _BY_HAND:
            return done
        outcome = await _ask(payments, tenant, known, said)
        if isinstance(outcome, Refusal):
            return outcome
        act = ConfirmPayout(known, outcome, principal, *named)
        act.letter = await letter_of_outcome(payments, tenant, known, outcome)
        done = await payments.journal.submit(tenant.schema, act)
    if not isinstance(done, Receipt):
        return done
    return await _find(payments, tenant, known.id) or NO_PAYOUT


async def _ask(
    payments: Payments, tenant: TenantRef, payout: Payout, said: PayoutConfirmation
) -> Outcome | Refusal:
    line = await line_with(payments, tenant, payout.provider, payout.state_version)
    if isinstance(line, Refusal):
        return line
    plugin = line.plugin
    if not isinstance(plugin, ConfirmsPayouts):
        return NOT_AWAITED
    about = Subject(about=payout.id, player_id=payout.player_id)
    line = line.about(payments, tenant, about)
    request = await request_of(payments, tenant, payout)
    outcome = await ask_confirmation(line, plugin.confirm_payout(line.context, request, said.data))
    if isinstance(outcome, NotConfirmed):
        return refused_as(outcome)
    sent = (outcome.amount_minor, outcome.currency)
    asked = (payout.amount_minor, payout.money)
    if outcome.status is OutcomeStatus.PROCESSED and sent != asked:
        return OTHER_AMOUNT
    return outcome


async def _find(payments: Payments, tenant: TenantRef, payout_id: str) -> Payout | None:
    if parse_id("pyo", payout_id) is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await shelf.payout_by_id(tx.driver, payout_id)
