"""Routes by which persons are forgotten, and by which a legal hold keeps that from happening."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from litestar import Response, delete, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, FourEyes, held_back
from guildbank.identity.contracts.lives import Erasure, LegalHold
from guildbank.identity.http import approvable
from guildbank.identity.http.moderation import Until
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.erase import (
    LONGEST_WAIT_DAYS,
    list_erased,
    request_erasure,
    request_own_erasure,
    undo_erasure,
)
from guildbank.identity.usecases.lives.hold import lift_hold, list_holds, place_hold
from guildbank.infra.http import (
    After,
    Body,
    JSONBody,
    Limit,
    Page,
    Reason,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    fresh_session,
    granted,
    problem_for,
    scope,
)

Parts = Service[Identity]
ERASE, HOLD = "players:erase", "players:legal_hold"
TAGS: Sequence[str] = ["Privacy"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
HoldId = Annotated[str, PathParameter(description="The legal hold's id.", max_length=90)]
WaitDays = Annotated[
    int,
    Meta(
        ge=0,
        le=LONGEST_WAIT_DAYS,
        description="Days to wait, in which it can be undone; 0 erases at once.",
        examples=[0],
    ),
]


class EraseBody(Body):
    """How long to wait."""

    __example__: ClassVar = {"waitDays": 0}

    wait_days: WaitDays = 0


class LegalHoldBody(Body):
    """Why the data must be kept, and until when; left out, until the hold is lifted."""

    __example__: ClassVar = {"reason": "court order 12/26", "until": None}

    reason: Reason
    until: Until | None = None


class ErasureView(View):
    """A person who is to be erased at `dueAt`, or was at `erasedAt`."""

    __example__: ClassVar = {"playerId": "player_01kag3pyqmf9aag12vtrsy70ps"}

    player_id: str
    requested_at: datetime
    due_at: datetime
    erased_at: datetime | None


class LegalHoldView(View):
    """A duty to keep what is known of a player."""

    __example__: ClassVar = {
        "id": "lgh_01kag3pyqmf9aag12vtrsy70ps",
        "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "reason": "court order 12/26",
        "placedBy": "app_01kag3pyqmf9aag12vtrsy70ps",
        "until": None,
        "liftedAt": None,
        "liftedBy": None,
    }

    id: str
    player_id: str
    reason: str | None
    placed_by: str
    placed_at: datetime
    until: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None


class LegalHoldsView(View):
    """The legal holds of a player, the newest first, with those that were lifted."""

    items: Sequence[LegalHoldView]


@post(
    "/v1/account/erase",
    guards=[fresh_session],
    tags=TAGS,
    status_code=202,
    summary="Ask to be erased",
)
async def erase_own(identity: Parts, caller: Who) -> ErasureView:
    """Have all that is known of the player who asks erased, after the tenant's waiting time.

    All sessions end; signing in again before it is done undoes it. It is done at `dueAt`, or later
    where a law obliges the tenant to keep the data for longer.
    """
    return _view(granted(await request_own_erasure(identity, caller.home, caller.principal)))


@post(
    "/v1/players/{player_id:str}/erase",
    guards=[scope(ERASE, fresh=True)],
    tags=TAGS,
    status_code=200,
    summary="Erase a person",
    responses=WAITS,
)
async def erase(
    identity: Parts,
    four_eyes: Service[FourEyes],
    everything: Service[Any],
    caller: Who,
    player_id: PlayerId,
    data: JSONBody[EraseBody | None] = None,
) -> Response[ErasureView]:
    """Forget who a player is, at once or after some days. It cannot be undone once it is done.

    Names, addresses, passwords, sessions, the profile, mail and every free text are gone; the
    journal stays as it is, with an id that names nobody. Refused as `erasure_held` while a legal
    hold stands, or money or coins are under way. The body may be left out.
    """
    days = 0 if data is None else data.wait_days
    wish = approvable.ErasePerson(player_id, days)
    waits = await held_back(four_eyes, everything, caller, approvable.ERASE_PERSON, wish)
    if waits is not None:
        return waits
    wait = timedelta(days=days)
    asked = await request_erasure(identity, caller.home, caller.principal, player_id, wait)
    return Response(_view(granted(asked)))


@delete(
    "/v1/players/{player_id:str}/erase",
    guards=[scope(ERASE)],
    tags=TAGS,
    status_code=204,
    summary="Undo a waiting erasure",
)
async def undo(identity: Parts, caller: Who, player_id: PlayerId) -> None:
    """Take back an erasure that is not done yet."""
    refusal = await undo_erasure(identity, caller.home, caller.principal, player_id)
    if refusal is not None:
        raise problem_for(refusal)


@get("/v1/erasures", guards=[scope(ERASE)], tags=TAGS, summary="List who was erased")
async def list_all(
    identity: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[ErasureView]:
    """List the ids of erased players, in the order in which they were created.

    After a restore from a backup, erase again all that were erased since it was made.
    """
    position = decode_cursor(after, [str])
    start = str(position[0]) if position else ""
    found = await list_erased(identity, caller.home, start, limit + 1)
    page = found[:limit]
    more = encode_cursor([page[-1].player_id]) if len(found) > limit else None
    return Page([_view(one) for one in page], more)


@post(
    "/v1/players/{player_id:str}/legal-holds",
    guards=[scope(HOLD)],
    tags=TAGS,
    summary="Place a legal hold",
)
async def hold(
    identity: Parts, caller: Who, player_id: PlayerId, data: JSONBody[LegalHoldBody]
) -> LegalHoldView:
    """Keep what is known of a player, whoever asks for its erasure."""
    placed = await place_hold(
        identity, caller.home, caller.principal, player_id, data.reason, data.until
    )
    return _hold(granted(placed))


@get(
    "/v1/players/{player_id:str}/legal-holds",
    guards=[scope(HOLD)],
    tags=TAGS,
    summary="List a player's legal holds",
)
async def list_of(identity: Parts, caller: Who, player_id: PlayerId) -> LegalHoldsView:
    """List the holds of a player, the newest first."""
    found = granted(await list_holds(identity, caller.home, player_id))
    return LegalHoldsView([_hold(one) for one in found])


@delete(
    "/v1/players/{player_id:str}/legal-holds/{hold_id:str}",
    guards=[scope(HOLD, fresh=True)],
    tags=TAGS,
    status_code=204,
    summary="Lift a legal hold",
    responses=WAITS,
)
async def lift(
    identity: Parts,
    four_eyes: Service[FourEyes],
    everything: Service[Any],
    caller: Who,
    player_id: PlayerId,
    hold_id: HoldId,
) -> Response[None]:
    """End a hold; an erasure that waits for it goes on within the hour."""
    wish = approvable.LiftHold(player_id, hold_id)
    waits = await held_back(four_eyes, everything, caller, approvable.LIFT_HOLD, wish)
    if waits is not None:
        return waits
    refusal = await lift_hold(identity, caller.home, caller.principal, player_id, hold_id)
    if refusal is not None:
        raise problem_for(refusal)
    return Response(None)


def _view(one: Erasure) -> ErasureView:
    return ErasureView(one.player_id, one.requested_at, one.due_at, one.erased_at)


def _hold(one: LegalHold) -> LegalHoldView:
    return LegalHoldView(
        id=one.id,
        player_id=one.player_id,
        reason=one.reason,
        placed_by=one.placed_by,
        placed_at=one.placed_at,
        until=one.until,
        lifted_at=one.lifted_at,
        lifted_by=one.lifted_by,
    )


ROUTES = (erase_own, erase, undo, list_all, hold, list_of, lift)
