"""Does what a call asks for and answers it, as the switches and idempotency keys say."""

import asyncio
from base64 import b64decode
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from litestar import Request, Response

from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import Refused, broken
from guildbank_lab.stripe.records import Account, Kept
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
MOST_KEPT = 100_000
KEYS_LAST = timedelta(hours=24)
_NO_ANSWER = 504


async def perform(
    request: WebRequest,
    desk: StripeDesk,
    account: Account,
    at: Place,
    subjects: tuple[str, ...],
    work: Callable[[str | None], object],
    knows: Collection[str] = (),
) -> Answer:
    """Do the work: late, in vain, or with nobody told, where a switch says so.

    `work` gets a switch's word of the company's own, one that it `knows`. The same idempotency key
    gets the same answer for a day, a refusal too, and with another request an error, as at Stripe.
    """
    switch = desk.bench.switches.take("stripe", at, *subjects, knows=knows)
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return Response(broken(), status_code=500)
    if effect == LOST:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    word = None if effect in ON_THE_WIRE else effect
    status, answer = _once(request, desk, account, await request.body(), lambda: work(word))
    if effect == ERROR_AFTER:
        return Response(broken(), status_code=500)
    if effect == SILENCE:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return Response(answer, status_code=status)


def asking(request: WebRequest, stripe: StripeDesk) -> Account:
    """Return whose key a request bears; raises Refused."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = b64decode(given).decode().partition(":")[0]
        except ValueError:
            given = ""
    return stripe.account_of(given)


def since_of(request: WebRequest) -> int:
    """Return from which second on a list is wanted."""
    given = request.query_params.get("created[gte]")
    return int(given) if given is not None and given.isdecimal() else 0


def _once(
    request: WebRequest,
    desk: StripeDesk,
    account: Account,
    body: bytes,
    work: Callable[[], object],
) -> tuple[int, object]:
    key = request.headers.get("idempotency-key")
    asked, now = (request.url.path, body), desk.now()
    if request.method != "POST" or not key:
        return _answer(work)
    known = desk.kept.get((account.id, key))
    if known is not None and known.until > now:
        if known.request != asked:
            said = (
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key[:60]}' if you meant to execute "
                "a different request."
            )
            refused = Refused(400, None, said, "idempotency_error")
            return refused.status, refused.body
        return known.status, known.answer
    status, answer = _answer(work)
    while len(desk.kept) >= MOST_KEPT:
        del desk.kept[next(iter(desk.kept))]
    until = now + int(KEYS_LAST.total_seconds())
    desk.kept[account.id, key] = Kept(request=asked, status=status, answer=answer, until=until)
    return status, answer


def _answer(work: Callable[[], object]) -> tuple[int, object]:
    try:
        return 200, work()
    except Refused as refused:
        return refused.status, refused.body
