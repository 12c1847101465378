"""The acts that end a refund request without money, and what entries say of requests."""

import msgspec

from guildbank.journal import Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.notify import OUTGOING, SealedMail
from guildbank.payments.contracts.refusals import NO_REQUEST, request_closed
from guildbank.payments.contracts.requests import REQUEST_REJECTED, RefundRequest, RequestState
from guildbank.payments.requests import OPEN_REQUESTS, REQUESTS
from guildbank.payments.usecases import PaymentAct


def request_facts(request: RefundRequest) -> dict[str, object]:
    """Return what an entry says of a request; what people wrote stays outside."""
    return {
        "payment": request.payment_id,
        "refundRequest": request.id,
        "player": request.player_id,
        "reason": request.reason,
        "money": request.money,
        "amount": request.amount_minor,
    }


class EndRequest(PaymentAct):
    """End an open request without money: the payment's lock keeps a grant away meanwhile."""

    __slots__ = ("request_id",)

    def __init__(
        self,
        request_id: str,
        payment_id: str,
        principal: str,
        key: str | None = None,
        command: object = None,
    ) -> None:
        super().__init__(payment_id, principal, key, command)
        self.request_id = request_id

    def needs(self, stage: Stage) -> list[Need]:
        """Return the request and its payment."""
        return [
            *super().needs(stage),
            (REQUESTS, self.request_id),
            (OPEN_REQUESTS, self.payment_id),
        ]

    def open_request(self, stage: Stage) -> RefundRequest | Refusal:
        """Return the request as it stands. Refusals: `not_found`, `refund_request_closed`."""
        request = stage.get(REQUESTS, self.request_id)
        if request is None:
            return NO_REQUEST
        if request.state is not RequestState.OPEN:
            return request_closed(request.state, request.refund_id)
        return request

    def close(self, stage: Stage, ended: RefundRequest) -> None:
        """Put the request as it ended."""
        stage.put(REQUESTS, ended.id, ended)
        stage.put(OPEN_REQUESTS, ended.payment_id, None)


class RejectRequest(EndRequest):
    """Say no, with a sentence for the player."""

    verb = "payments.reject_refund_request"
    __slots__ = ("because", "mail", "words")

    def __init__(
        self,
        request_id: str,
        payment_id: str,
        principal: str,
        words: Sealed | None,
        mail: SealedMail | None,
        key: str | None = None,
        command: object = None,
    ) -> None:
        super().__init__(request_id, payment_id, principal, key, command)
        self.words = words
        self.mail = mail
        self.because: str | None = None

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Reject it. Refusals: `not_found`, `refund_request_closed`."""
        request = self.open_request(stage)
        if isinstance(request, Refusal):
            return request
        words = self.words
        ended = msgspec.structs.replace(
            request, state=RequestState.REJECTED, decided_by=self.principal, decided_at=stage.now,
            because=self.because, sealed_words=None if words is None else words.ciphertext,
        )  # fmt: skip
        self.close(stage, ended)
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)
        payload = {} if words is None else {"payload": words.hash}
        return Draft(REQUEST_REJECTED, facts({**request_facts(ended), **payload}), words)
