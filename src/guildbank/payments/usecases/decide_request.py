"""Decide on a refund request: begin its refund, or say no; or take one's own request back."""

import msgspec

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import (
    EXCEEDS_REQUEST,
    NO_CHANGE,
)
from guildbank.payments.contracts.requests import (
    REQUEST_WITHDRAWN,
    GrantCommand,
    RejectCommand,
    RequestState,
)
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.requests import REQUESTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.read_requests import ShownRequest, get_request
from guildbank.payments.usecases.refund import refund_payment
from guildbank.payments.usecases.refund_reason import hash_before
from guildbank.payments.usecases.request_acts import EndRequest, RejectRequest, request_facts
from guildbank.payments.usecases.request_words import Words, rejection_letter, seal_words

DECIDE = "refund-requests:decide"


class WithdrawRequest(EndRequest):
    """Take one's own request back."""

    verb = "payments.withdraw_refund_request"
    __slots__ = ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return the player too, who must be one who may start something."""
        return [*super().needs(stage), (PLAYERS, self.principal)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Withdraw it. Refusals: `not_found`, `player_suspended`, `player_closed`,
        `refund_request_closed`, `no_change` (withdrawn before).
        """
        player = stage.get(PLAYERS, self.principal)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        known = stage.get(REQUESTS, self.request_id)
        if known is not None and known.state is RequestState.WITHDRAWN:
            return NO_CHANGE
        request = self.open_request(stage)
        if isinstance(request, Refusal):
            return request
        ended = msgspec.structs.replace(
            request, state=RequestState.WITHDRAWN, decided_by=self.principal, decided_at=stage.now
        )
        self.close(stage, ended)
        return Draft(REQUEST_WITHDRAWN, facts(request_facts(ended)))


async def grant_request(
    payments: Payments, tenant: TenantRef, principal: str, key: str, command: GrantCommand
) -> ShownRequest | Receipt | Refusal:
    """Grant a request, whole or in part: its refund begins in the commit that grants it.

    The receipt is that of a command which waits for a second person. Refusals: `not_found`,
    `refund_request_closed`, `exceeds_request`, `changed_meanwhile`, and those of
    `refund_payment`. Raises Unavailable.
    """
    found = await get_request(payments, tenant, command.request_id)
    if isinstance(found, Refusal):
        return found
    request = found.request
    asked = request.amount_minor
    if command.amount_minor is not None and asked is not None and command.amount_minor > asked:
        return EXCEEDS_REQUEST
    refund = RefundCommand(
        payment_id=request.payment_id,
        amount_minor=command.amount_minor or asked,
        money=command.money or request.money,
        reason=command.note,
        request_id=request.id,
    )
    made = await refund_payment(payments, tenant, principal, key, refund, permission=DECIDE)
    if isinstance(made, Refusal | Receipt):
        return made
    return await get_request(payments, tenant, request.id)


async def reject_request(
    payments: Payments, tenant: TenantRef, principal: str, key: str, command: RejectCommand
) -> ShownRequest | Refusal:
    """Reject a request. The same key answers the same.

    Refusals: `not_found`, `refund_request_closed`, `key_reused`, `tenant_suspended`. Raises
    Unavailable.
    """
    found = await get_request(payments, tenant, command.request_id)
    if isinstance(found, Refusal):
        return found
    request = found.request
    said = Words(answer=command.answer, note=command.note)
    words = await seal_words(payments, tenant, request.player_id, said)
    if isinstance(words, Refusal):
        return words
    mail = await rejection_letter(payments, tenant, request.payment_id, command.answer)

    def act(hashed: str | None) -> RejectRequest:
        return RejectRequest(
            request.id, request.payment_id, principal, words, mail, key, (request.id, hashed)
        )

    # Of who was erased only the entry knows the hash that the same words had.
    known = await hash_before(payments, tenant, act(None)) if words is None else words.hash
    outcome = await payments.journal.submit(tenant.schema, act(known))
    if isinstance(outcome, Refusal):
        return outcome
    return await get_request(payments, tenant, request.id)


async def withdraw_request(
    payments: Payments, tenant: TenantRef, player_id: str, request_id: str
) -> ShownRequest | Refusal:
    """Take one's own request back; safe to repeat.

    Refusals: `not_found`, `player_suspended`, `player_closed`, `refund_request_closed`,
    `tenant_suspended`. Raises Unavailable.
    """
    found = await get_request(payments, tenant, request_id, player_id=player_id)
    if isinstance(found, Refusal):
        return found
    act = WithdrawRequest(request_id, found.request.payment_id, player_id)
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome != NO_CHANGE:
        return outcome
    return await get_request(payments, tenant, request_id)
