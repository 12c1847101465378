"""Routes that move coins: grants, spends, holds and reversals."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import Response, get, post
from litestar.params import PathParameter
from msgspec import UNSET, Meta, UnsetType

from guildbank.approvals import WAITS, waiting
from guildbank.infra.http import (
    Amount,
    Body,
    IdempotencyKey,
    JSONBody,
    Metadata,
    Reason,
    Service,
    Who,
    granted,
    problem,
    scope,
)
from guildbank.wallets.contracts import (
    CaptureHold,
    Grant,
    LegPart,
    PlaceHold,
    ReleaseHold,
    Reverse,
    Spend,
)
from guildbank.wallets.http.bodies import CurrencyCode, PlayerId, TransactionId
from guildbank.wallets.http.postings import ReversalView, reversal_view
from guildbank.wallets.http.views import (
    HoldMovedView,
    HoldView,
    MovedView,
    hold_moved_view,
    hold_view,
    moved_view,
)
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.operate import Request, operate
from guildbank.wallets.usecases.read import get_hold

GRANT, SPEND, HOLD, REVERSE, READ = (
    "wallets:grant",
    "wallets:spend",
    "wallets:hold",
    "wallets:reverse",
    "wallets:read",
)
TAGS: Sequence[str] = ["Wallets"]
Parts = Service[Wallets]
HOLD_SECONDS = 7 * 24 * 3600
HoldPath = Annotated[str, PathParameter(description="The hold's id.", max_length=40)]


class MoveBody(Body):
    """An amount of a currency of a player."""

    player_id: PlayerId
    currency: CurrencyCode
    amount: Amount
    metadata: Metadata | None = None


class HoldBody(MoveBody):
    """A hold ends by itself after `expiresInSeconds`."""

    expires_in_seconds: Annotated[int, Meta(ge=1, le=HOLD_SECONDS)] = 900


class CaptureBody(Body):
    """What to capture; without an amount, all that is left."""

    amount: Amount | None = None


class LegPartBody(Body):
    """How much of a posting's leg is undone. `leg` is its number in `transfers`."""

    __example__: ClassVar = {"leg": 1, "amount": 5}

    leg: Annotated[int, Meta(ge=0, le=1_000)]
    amount: Amount


class ReversalBody(Body):
    """What to undo; without an amount, all that is not undone yet.

    Of a raw posting with several legs, `legs` say how much of which.
    """

    __example__: ClassVar = {"legs": None}

    transaction_id: TransactionId
    amount: Amount | None = None
    legs: Annotated[list[LegPartBody], Meta(min_length=1, max_length=64)] | None = None
    reason: Reason | None = None
    player_id: PlayerId | None = None


@post("/v1/grants", guards=[scope(GRANT)], tags=TAGS, summary="Grant free coins", responses=WAITS)
async def grant(
    wallets: Parts, caller: Who, idempotency_key: IdempotencyKey, data: JSONBody[MoveBody]
) -> Response[MovedView]:
    """Give a player coins of the free bucket. Paid coins come from payments alone."""
    operation = Grant(data.player_id, data.currency, data.amount)
    request = Request(operation, idempotency_key, data.metadata)
    outcome = await operate(wallets, caller.home, caller.principal, request)
    waits = await waiting(wallets.four_eyes, caller.home, outcome)
    return waits or Response(moved_view(granted(outcome)))


@post("/v1/spends", guards=[scope(SPEND)], tags=TAGS, summary="Spend coins", responses=WAITS)
async def spend(
    wallets: Parts, caller: Who, idempotency_key: IdempotencyKey, data: JSONBody[MoveBody]
) -> Response[MovedView]:
    """Take a player's coins, bucket by bucket in the currency's order."""
    operation = Spend(data.player_id, data.currency, data.amount)
    request = Request(operation, idempotency_key, data.metadata)
    outcome = await operate(wallets, caller.home, caller.principal, request)
    waits = await waiting(wallets.four_eyes, caller.home, outcome)
    return waits or Response(moved_view(granted(outcome)))


@post("/v1/holds", guards=[scope(HOLD)], tags=TAGS, summary="Hold coins")
async def place_hold(
    wallets: Parts, caller: Who, idempotency_key: IdempotencyKey, data: JSONBody[HoldBody]
) -> HoldMovedView:
    """Put coins aside; they count as not available until captured, released or expired."""
    operation = PlaceHold(data.player_id, data.currency, data.amount, data.expires_in_seconds)
    request = Request(operation, idempotency_key, data.metadata)
    return hold_moved_view(granted(await operate(wallets, caller.home, caller.principal, request)))


@get("/v1/holds/{hold_id:str}", guards=[scope(READ)], tags=TAGS, summary="Read a hold")
async def read_hold(wallets: Parts, caller: Who, hold_id: HoldPath) -> HoldView:
    """Return a hold as it stands."""
    return hold_view(granted(await get_hold(wallets, caller.home, hold_id)))


@post("/v1/holds/{hold_id:str}/capture", guards=[scope(HOLD)], tags=TAGS, summary="Capture a hold")
async def capture(
    wallets: Parts,
    caller: Who,
    idempotency_key: IdempotencyKey,
    hold_id: HoldPath,
    data: JSONBody[CaptureBody],
) -> HoldMovedView:
    """Spend part or all of what is left of a hold."""
    request = Request(CaptureHold(hold_id, data.amount), idempotency_key)
    return hold_moved_view(granted(await operate(wallets, caller.home, caller.principal, request)))


@post("/v1/holds/{hold_id:str}/release", guards=[scope(HOLD)], tags=TAGS, summary="Release a hold")
async def release(
    wallets: Parts, caller: Who, idempotency_key: IdempotencyKey, hold_id: HoldPath
) -> HoldMovedView:
    """Give what is left of a hold back to the player."""
    request = Request(ReleaseHold(hold_id), idempotency_key)
    return hold_moved_view(granted(await operate(wallets, caller.home, caller.principal, request)))


@post(
    "/v1/reversals",
    guards=[scope(REVERSE)],
    tags=TAGS,
    summary="Reverse a transaction",
    responses=WAITS,
)
async def reverse(
    wallets: Parts, caller: Who, idempotency_key: IdempotencyKey, data: JSONBody[ReversalBody]
) -> Response[ReversalView]:
    """Undo a spend, capture, grant or posting by new postings, never above the original in sum.

    A posting is undone whole, by an amount where it has one leg, or by amounts of its legs, and is
    answered with the list of transfers. Purchases are refunded instead, and a reversal stands.
    With `playerId` only a transaction of this player is reversed. A reason needs it: it is kept
    sealed under the player's key.
    """
    if data.reason and data.player_id is None:
        raise problem("missing_field", "A reason is sealed under a player: say whose.", "playerId")
    operation = Reverse(
        data.transaction_id, data.amount, player_id=data.player_id,
        parts=_parts(data.legs, data.amount),
    )  # fmt: skip
    request = Request(operation, idempotency_key, {"reason": data.reason} if data.reason else None)
    outcome = await operate(wallets, caller.home, caller.principal, request)
    waits = await waiting(wallets.four_eyes, caller.home, outcome)
    return waits or Response(reversal_view(granted(outcome)))


def _parts(
    legs: Sequence[LegPartBody] | None, amount: int | None
) -> tuple[LegPart, ...] | UnsetType:
    if legs is None:
        return UNSET
    if amount is not None:
        raise problem("invalid_value", "Name an amount, or legs, and not both.", "amount")
    if len({one.leg for one in legs}) != len(legs):
        raise problem("invalid_value", "A leg is named twice.", "legs")
    return tuple(LegPart(one.leg, one.amount) for one in legs)


ROUTES = (grant, spend, place_hold, read_hold, capture, release, reverse)
