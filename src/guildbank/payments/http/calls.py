"""Keeps what a caller asked about a payment or payout and was answered, by fields of nobody's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from guildbank.infra.http import Body, Caller, Problem, View
from guildbank.payments.archive import Exchange, Subject
from guildbank.payments.exchanges import fields_of
from guildbank.payments.usecases import Payments

KIND = "caller"
ASKED = (
    "packId", "currency", "provider", "playerId", "coins", "country", "method", "platform",
    "methodId", "attemptId", "amount", "amount.amount", "amount.currency", "destinationId",
    "decision", "paymentMethod",
)  # fmt: skip
ANSWERED = (
    "id", "state", "problem", "provider", "nextAction.kind", "amount.amount", "paymentId",
    "payment.state", "payment.problem", "payment.provider",
)  # fmt: skip


class Call:
    """A call that is under way. What it is about may become known only by its answer."""

    def __init__(self, subject: Subject | None) -> None:
        self.subject = subject
        self.status: int | None = 200
        self._view: View | None = None

    def answered(self, view: View, status: int = 200) -> None:
        """Note the answer."""
        self.status, self._view = status, view

    @property
    def body(self) -> bytes | None:
        """The answer's body."""
        return None if self._view is None else msgspec.json.encode(self._view)


@contextmanager
def kept_call(
    payments: Payments,
    caller: Caller,
    path: str,
    subject: Subject | None,
    body: Body | None = None,
) -> Iterator[Call]:
    """Keep a POST to `path` with what it is about, refused or not; nothing where that is nothing.

    In a suspended tenant nobody's call leaves anything behind, and this is no exception.
    """
    began, call, problem = time.monotonic_ns(), Call(subject), None
    try:
        yield call
    except Problem as refused:
        call.status, problem = refused.status, refused.refusal.code
        raise
    finally:
        if call.subject is not None and caller.home.state == "active":
            micros = (time.monotonic_ns() - began) // 1_000

            def exchange() -> Exchange:
                return Exchange(
                    of=caller.principal,
                    method="POST",
                    host="",
                    path=path,
                    status=call.status,
                    problem=problem,
                    micros=micros,
                    asked=fields_of(None if body is None else msgspec.json.encode(body), ASKED),
                    answered=fields_of(call.body, ANSWERED),
                )

            payments.archive.keep(caller.home, call.subject, KIND, exchange)
