"""Agree to a payout, say no to it, or take it back before anything has left."""

from typing import ClassVar

import msgspec

from guildbank.approvals import gate, is_waiting
from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Sealed, Stage, facts
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import payouts as shelf
from guildbank.payments.contracts.payouts import (
    PAYOUT_APPROVED,
    PAYOUT_CANCELED,
    PAYOUT_REJECTED,
    ApproveCommand,
    Payout,
    PayoutState,
)
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_payouts import NO_PAYOUT, NOT_CANCELABLE, not_waiting
from guildbank.payments.payouts import PAYOUTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.coins import money_needs
from guildbank.payments.usecases.payouts.finish import book_end, end_facts
from guildbank.payments.usecases.payouts.letters import EndLetter, letter_of_end
from guildbank.payments.usecases.payouts.request import finish
from guildbank.payments.usecases.refund_reason import hash_before, seal_reason
from guildbank.payments.withdrawing import PAYOUT
from guildbank.wallets import account_needs

DECIDE = "payouts:decide"


class StoredApproval(msgspec.Struct, frozen=True):
    """A yes as it waits for a second person; the command has the hash of its sealed reason."""

    command: ApproveCommand
    reason: Sealed | None = None


class ApprovePayout(Act):
    """Let a payout that waits be sent."""

    verb: ClassVar[str] = "payments.approve_payout"
    rounds: ClassVar[int] = 2
    __slots__ = ("payout_id", "reason")

    def __init__(self, principal: str, key: str | None, stored: StoredApproval) -> None:
        super().__init__(principal, key, stored.command)
        self.payout_id = stored.command.payout_id
        self.reason = stored.reason

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payout, then its player."""
        needs: list[Need] = [(PAYOUTS, self.payout_id)]
        known = stage.get(PAYOUTS, self.payout_id) if stage.loaded(*needs[0]) else None
        return needs if known is None else [*needs, (PLAYERS, known.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Agree. Refusals: `not_found`, `payout_not_waiting`, `player_suspended`,
        `player_closed`, `unknown_player`.
        """
        known = stage.get(PAYOUTS, self.payout_id)
        if known is None:
            return NO_PAYOUT
        if known.state is not PayoutState.WAITING:
            return not_waiting(known.state)
        player = stage.get(PLAYERS, known.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        return _decided(stage, known, PayoutState.REQUESTED, self)


class EndPayout(Act):
    """Give the coins of a payout back that was never sent: rejected, or taken back."""

    verb: ClassVar[str] = "payments.end_payout"
    rounds: ClassVar[int] = 2
    __slots__ = ("after", "letter", "payout_id", "player_id", "reason")

    def __init__(
        self,
        principal: str,
        payout_id: str,
        after: PayoutState,
        *,
        key: str | None = None,
        command: object = None,
        reason: Sealed | None = None,
        player_id: str | None = None,
    ) -> None:
        super().__init__(principal, key, command)
        self.payout_id = payout_id
        self.after = after
        self.reason = reason
        self.player_id = player_id
        self.letter: EndLetter | None = None

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payout, then the accounts that it moves."""
        needs: list[Need] = [(PAYOUTS, self.payout_id)]
        known = stage.get(PAYOUTS, self.payout_id) if stage.loaded(*needs[0]) else None
        if known is not None:
            needs += account_needs(known.player_id, known.currency)
            needs += money_needs(known.money, known.provider)
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Give them back. Refusals: `not_found` (another player's too), `no_change`,
        `payout_not_waiting`, `payout_not_cancelable`.
        """
        known = stage.get(PAYOUTS, self.payout_id)
        if known is None or self.player_id not in (None, known.player_id):
            return NO_PAYOUT
        rejects = self.after is PayoutState.REJECTED
        if known.state is self.after and not rejects:
            return NO_CHANGE
        if rejects and known.state is not PayoutState.WAITING:
            return not_waiting(known.state)
        if self.after not in PAYOUT[known.state]:
            return NOT_CANCELABLE
        if (refusal := book_end(stage, known, self.after)) is not None:
            return refusal
        if self.letter is not None:
            self.letter.put(stage, self.after)
        return _decided(stage, known, self.after, self)


_KINDS = {
    PayoutState.REQUESTED: PAYOUT_APPROVED,
    PayoutState.REJECTED: PAYOUT_REJECTED,
    PayoutState.CANCELED: PAYOUT_CANCELED,
}


def _decided(
    stage: Stage, known: Payout, after: PayoutState, act: ApprovePayout | EndPayout
) -> Draft:
    reason = act.reason
    fresh = msgspec.structs.replace(
        known,
        state=after,
        decided_by=act.principal,
        sealed_reason=known.sealed_reason if reason is None else reason.ciphertext,
        changed_at=stage.now,
    )
    stage.put(PAYOUTS, fresh.id, fresh)
    told = end_facts(fresh)
    if reason is not None:
        told["payload"] = reason.hash
    return Draft(_KINDS[after], facts(told), reason)


async def approve_payout(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    key: str,
    payout_id: str,
    reason: str | None,
) -> Payout | Receipt | Refusal:
    """Agree to a payout and send it; the same key answers with the same payout.

    Where a second person must agree, the receipt is that of the stored command. Refusals: those of
    ApprovePayout, `too_many_approvals`, `key_reused`, `tenant_suspended`. Raises Unavailable.
    """
    known = await _find(payments, tenant, payout_id)
    if known is None:
        return NO_PAYOUT
    sealed = await seal_reason(payments, tenant, known.player_id, reason)
    if isinstance(sealed, Refusal):
        return sealed
    words = None if sealed is None else sealed.hash
    if reason is not None and sealed is None:
        unsaid = StoredApproval(ApproveCommand(payout_id=payout_id))
        words = await hash_before(payments, tenant, ApprovePayout(principal, key, unsaid))
    stored = StoredApproval(ApproveCommand(payout_id=payout_id, reason=words), sealed)
    act = ApprovePayout(principal, key, stored)
    gated = await gate(payments.four_eyes, tenant, act, act.verb, stored)
    outcome = await payments.journal.submit(tenant.schema, gated)
    if isinstance(outcome, Refusal) or is_waiting(outcome):
        return outcome
    return await finish(payments, tenant, outcome)


async def reject_payout(
    payments: Payments, tenant: TenantRef, principal: str, key: str, payout_id: str, reason: str
) -> Payout | Refusal:
    """Say no to a payout that waits: the coins are back in the same commit.

    Refusals: `not_found`, `payout_not_waiting`, `key_reused`, `tenant_suspended`.
    """
    known = await _find(payments, tenant, payout_id)
    if known is None:
        return NO_PAYOUT
    sealed = await seal_reason(payments, tenant, known.player_id, reason)
    if isinstance(sealed, Refusal):
        return sealed
    words = None if sealed is None else sealed.hash
    if sealed is None:
        unsaid = EndPayout(principal, payout_id, PayoutState.REJECTED, key=key)
        words = await hash_before(payments, tenant, unsaid)
    command = ApproveCommand(payout_id=payout_id, reason=words)
    act = EndPayout(
        principal, payout_id, PayoutState.REJECTED, key=key, command=command, reason=sealed
    )
    act.letter = await letter_of_end(payments, tenant, known, PayoutState.REJECTED)
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return outcome
    return await _find(payments, tenant, payout_id) or NO_PAYOUT


async def cancel_payout(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    payout_id: str,
    *,
    player_id: str | None = None,
) -> Payout | Refusal:
    """Take a payout back that was never sent; safe to repeat. `player_id` is whose it must be.

    Refusals: `not_found`, `payout_not_cancelable`, `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("pyo", payout_id) is None:
        return NO_PAYOUT
    act = EndPayout(principal, payout_id, PayoutState.CANCELED, player_id=player_id)
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome != NO_CHANGE:
        return outcome
    return await _find(payments, tenant, payout_id) or NO_PAYOUT


async def _find(payments: Payments, tenant: TenantRef, payout_id: str) -> Payout | None:
    if parse_id("pyo", payout_id) is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await shelf.payout_by_id(tx.driver, payout_id)
