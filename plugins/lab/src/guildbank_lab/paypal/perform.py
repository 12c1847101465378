"""Does what a call asks of the lab's PayPal and answers it, as switches and request ids say."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from guildbank_lab.effects import KNOWN
from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import MOST_KEPT, Desk
from guildbank_lab.paypal.errors import CONFLICT, Refused, body_of
from guildbank_lab.paypal.records import Account, Kept
from guildbank_lab.switches import (
    DELAY,
    ERROR_AFTER,
    ERROR_BEFORE,
    LOST,
    ON_THE_WIRE,
    SILENCE,
    Place,
)

WebRequest = Request[Any, Any, Any]
Answer = Response[Any]
T = TypeVar("T")
_NO_ANSWER = 504


class Amount(msgspec.Struct):
    """An amount in a request."""

    currency_code: str
    value: str


class Once:
    """The same request id with the same body gets the same answer, for as long as PayPal says.

    What PayPal answers to the same id with another body it does not say; the lab refuses.
    """

    def __init__(
        self, request: WebRequest, desk: Desk, account: Account, body: bytes, lasts: timedelta
    ) -> None:
        self._key = request.headers.get("paypal-request-id", "")
        self._place = (account.client_id, request.url.path, self._key)
        self._desk = desk
        self._body = body
        self._lasts = lasts

    def earlier(self) -> Kept | None:
        """Return what this id got before."""
        kept = self._desk.kept.get(self._place) if self._key else None
        if kept is None or kept.until <= self._desk.bench.clock.now():
            return None
        if kept.body != self._body:
            raise Refused(422, "LAB_REQUEST_ID_REUSED", "The request id had another body.")
        return kept

    def keep(self, status: int, answer: object) -> None:
        """Remember an answer."""
        if not self._key:
            return
        while len(self._desk.kept) >= MOST_KEPT:
            del self._desk.kept[next(iter(self._desk.kept))]
        until = self._desk.bench.clock.now() + self._lasts
        self._desk.kept[self._place] = Kept(
            body=self._body, status=status, answer=answer, until=until
        )


async def perform(
    desk: Desk,
    at: Place,
    subjects: tuple[str, ...],
    work: Callable[[str | None], object],
    status: int,
    once: Once | None = None,
) -> Answer:
    """Do the work and answer, as the switches say: late, in vain, or with nobody told."""
    switch = desk.bench.switches.take("paypal", at, *subjects, knows=KNOWN["paypal"][at])
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return Response(body_of(500, "INTERNAL_SERVER_ERROR"), status_code=500)
    if effect == LOST:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    kept = once.earlier() if once is not None else None
    if kept is None:
        word = None if effect in ON_THE_WIRE else effect
        code, answer = _answer(work, word, status)
        # What is in progress has no answer yet that could be repeated.
        if once is not None and code != CONFLICT:
            once.keep(code, answer)
    else:
        code, answer = kept.status, kept.answer
    if effect == ERROR_AFTER:
        return Response(body_of(500, "INTERNAL_SERVER_ERROR"), status_code=500)
    if effect == SILENCE:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return Response(answer, status_code=code)


def _answer(
    work: Callable[[str | None], object], word: str | None, status: int
) -> tuple[int, object]:
    try:
        return status, work(word)
    except Refused as refused:
        return refused.status, refused.body


def asking(request: WebRequest, desk: Desk) -> Account:
    """Return whose access token a request bears."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Refused(401, "INVALID_TOKEN")
    return desk.account_of(given)


def decode(body: bytes, shape: type[T]) -> T:
    """Return what a body says."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "MALFORMED_REQUEST_JSON") from None


def value_of(amount: Amount) -> Decimal:
    """Return an amount that PayPal takes."""
    if amount.currency_code not in wire.CURRENCIES:
        raise Refused(422, "CURRENCY_NOT_SUPPORTED")
    try:
        value = Decimal(amount.value)
        places = -int(value.as_tuple().exponent)
    except (InvalidOperation, ValueError):
        raise Refused(400, "INVALID_PARAMETER_SYNTAX") from None
    if not 0 < value < 10**9:
        raise Refused(422, "AMOUNT_MISMATCH")
    if places > 2:
        raise Refused(422, "DECIMAL_PRECISION")
    if places > 0 and amount.currency_code in wire.WHOLE:
        raise Refused(422, "DECIMALS_NOT_SUPPORTED")
    return value
