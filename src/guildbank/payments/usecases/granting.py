"""Grant a player's request in the commit that begins its refund: neither is without the other."""

import msgspec

from guildbank.infra.http import write_money
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.notify import OUTGOING, SealedMail
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_REQUEST, request_closed
from guildbank.payments.contracts.requests import RefundRequest, RequestState
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.requests import GRANTED, OPEN_REQUESTS, REQUESTS, request_by_id
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.request_words import GRANTED as GRANTED_MAIL
from guildbank.payments.usecases.request_words import letter_to_player


class Grant(msgspec.Struct, frozen=True):
    """A request that a refund of `amount_minor` grants, and the mail that tells of this amount.

    `because` says as JSON which rule did, where no person does.
    """

    request_id: str
    payment_id: str
    amount_minor: int
    mail: SealedMail | None = None
    because: str | None = None

    def needs(self) -> list[Need]:
        """Return the request, and that it is the payment's open one."""
        return [(REQUESTS, self.request_id), (OPEN_REQUESTS, self.payment_id)]

    def request(self, stage: Stage) -> RefundRequest | Refusal:
        """Return the open request. Refusals: `not_found`, `refund_request_closed`."""
        request = stage.get(REQUESTS, self.request_id)
        if request is None or request.payment_id != self.payment_id:
            return NO_REQUEST
        if request.state is not RequestState.OPEN:
            return request_closed(request.state, request.refund_id)
        return request

    def put(self, stage: Stage, request: RefundRequest, refund: Refund, principal: str) -> None:
        """Mark the request as granted by this refund."""
        granted = msgspec.structs.replace(
            request, state=RequestState.GRANTED, refund_id=refund.id, decided_by=principal,
            decided_at=stage.now, because=self.because,
        )  # fmt: skip
        stage.put(REQUESTS, granted.id, granted)
        stage.put(OPEN_REQUESTS, granted.payment_id, None)
        player = granted.player_id
        if stage.loaded(GRANTED, player):
            # Rules count what was granted; those of the same batch must not miss this one.
            stage.put(GRANTED, player, (*(stage.get(GRANTED, player) or ()), stage.now))
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)


async def granting(
    payments: Payments, tenant: TenantRef, attempt: Attempt, command: RefundCommand
) -> Grant | Refusal | None:
    """Return what a command grants and the mail that tells its player; None for no request.

    Refusal: `not_found`. Not inside a transaction.
    """
    if command.request_id is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        request = await request_by_id(tx.driver, command.request_id)
        intent = await store.intent_by_id(tx.driver, command.payment_id)
    if request is None or intent is None:
        return NO_REQUEST
    amount_minor, money = command.amount_minor or attempt.left_minor, attempt.captured_money
    mail = None
    if money is not None and request.state is RequestState.OPEN:
        mail = await grant_letter(payments, tenant, intent, amount_minor, money)
    return Grant(request.id, intent.id, amount_minor, mail)


async def grant_letter(
    payments: Payments, tenant: TenantRef, intent: Intent, amount_minor: int, money: str
) -> SealedMail | None:
    """Return the mail that tells the player of a yes."""
    told = write_money(amount_minor, money)
    values = {"amount": f"{told.amount} {told.currency}"}
    return await letter_to_player(payments, tenant, intent, GRANTED_MAIL, values)
