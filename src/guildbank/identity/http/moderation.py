"""Routes by which players are suspended, reinstated and closed, and freed of lost factors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import Response, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, FourEyes, gate, waiting
from guildbank.identity.contracts.players import Player, PlayerState
from guildbank.identity.http import approvable
from guildbank.identity.http.players import PlayerView, player_view
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.clear_factors import (
    StoredClearing,
    clearing,
    submit_clearing,
)
from guildbank.identity.usecases.lives.change_state import (
    ChangeState,
    change_or_store,
    close_player,
    closing,
    read_standing,
    reinstate_player,
    seal_reason,
    suspension,
)
from guildbank.infra.http import (
    Body,
    Caller,
    JSONBody,
    Reason,
    Service,
    View,
    Who,
    by_operator,
    fresh_session,
    granted,
    scope,
)

Parts = Service[Identity]
Eyes = Service[FourEyes]
MODERATE = "players:moderate"
TAGS: Sequence[str] = ["Moderation"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
Until = Annotated[
    datetime,
    Meta(
        tz=True,
        description="When it ends by itself, with a zone.",
        examples=["2026-12-24T00:00:00Z"],
    ),
]


class SuspendBody(Body):
    """Why, which the player may read in a copy of their data, and until when it lasts."""

    __example__: ClassVar = {"reason": "chargeback under review", "until": None}

    reason: Reason
    until: Until | None = None


class CloseBody(Body):
    """Why the account is closed; the player may read it in a copy of their data."""

    __example__: ClassVar = {"reason": "asked support to"}

    reason: Reason | None = None


class ClearFactorsBody(Body):
    """Why, and how it was made sure who asks."""

    __example__: ClassVar = {"reason": "lost the phone; ticket 812, identity card seen"}

    reason: Reason


class StandingView(View):
    """Whether the player may start anything, and what was decided last.

    `reason` is readable until the person is erased.
    """

    __example__: ClassVar = {
        "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "state": "suspended",
        "reason": "chargeback under review",
        "by": "app_01kag3pyqmf9aag12vtrsy70ps",
        "until": None,
    }

    player_id: str
    state: PlayerState
    since: datetime
    until: datetime | None
    reason: str | None
    by: str | None


@post(
    "/v1/players/{player_id:str}/suspend",
    guards=[scope(MODERATE)],
    tags=TAGS,
    status_code=200,
    summary="Suspend a player",
    responses=WAITS,
)
async def suspend(
    identity: Parts,
    four_eyes: Eyes,
    caller: Who,
    player_id: PlayerId,
    data: JSONBody[SuspendBody],
) -> Response[PlayerView]:
    """Bar a player from starting anything; all their sessions end on every server.

    What was begun goes on: payments settle, refunds, disputes and reversals post, holds are
    captured and released. Suspending again changes the reason and the end.
    """
    act = granted(
        await suspension(
            identity, caller.home, caller.principal, player_id, data.reason, data.until
        )
    )
    return await _changed(identity, four_eyes, caller, act, approvable.SUSPEND)


@post(
    "/v1/players/{player_id:str}/reinstate",
    guards=[scope(MODERATE)],
    tags=TAGS,
    status_code=200,
    summary="Reinstate a player",
)
async def reinstate(identity: Parts, caller: Who, player_id: PlayerId) -> PlayerView:
    """Make a suspended or closed player active again. They sign in anew."""
    return player_view(
        granted(await reinstate_player(identity, caller.home, caller.principal, player_id))
    )


@post(
    "/v1/players/{player_id:str}/close",
    guards=[scope(MODERATE)],
    tags=TAGS,
    status_code=200,
    summary="Close a player's account",
    responses=WAITS,
)
async def close(
    identity: Parts,
    four_eyes: Eyes,
    caller: Who,
    player_id: PlayerId,
    data: JSONBody[CloseBody | None] = None,
) -> Response[PlayerView]:
    """Close an account; nothing can be started for the player, and all their sessions end.

    Money that comes for a closed account buys nothing and is given back. The body may be left out.
    """
    reason = None if data is None else data.reason
    act = granted(await closing(identity, caller.home, caller.principal, player_id, reason))
    return await _changed(identity, four_eyes, caller, act, approvable.CLOSE)


async def _changed(
    identity: Identity, four_eyes: FourEyes, caller: Caller, act: ChangeState, verb: str
) -> Response[PlayerView]:
    """Change the player's state, or answer with the approval that it waits for."""
    done = await change_or_store(identity, four_eyes, caller.home, act, verb)
    if isinstance(done, Player):
        return Response(player_view(done))
    waits = await waiting(four_eyes, caller.home, done)
    if waits is None:
        granted(done)
        raise AssertionError("a change is made, refused, or waits")
    return waits


@post(
    "/v1/players/{player_id:str}/clear-factors",
    guards=[by_operator("players:factors", fresh=True)],
    tags=TAGS,
    status_code=204,
    summary="Remove a player's lost second factors",
    responses=WAITS,
)
async def clear(
    identity: Parts,
    four_eyes: Eyes,
    caller: Who,
    player_id: PlayerId,
    data: JSONBody[ClearFactorsBody],
) -> Response[None]:
    """Remove the authenticator app, passkeys, mailed codes and recovery codes of a player.

    All sessions end and a mail tells the player at once; there is no waiting time. Make sure before
    who asks: from then on the password alone opens the account. Only people do this, by a
    permission of its own, and the journal keeps who did.
    """
    tenant = caller.home
    stored = StoredClearing(
        player_id, granted(await seal_reason(identity, tenant, player_id, data.reason))
    )
    act = granted(await clearing(identity, tenant, caller.principal, stored))
    gated = await gate(four_eyes, tenant, act, approvable.CLEAR_FACTORS, stored)
    outcome = await submit_clearing(identity, tenant, gated, player_id)
    waits = await waiting(four_eyes, tenant, outcome)
    if waits is None:
        granted(outcome)
    return waits or Response(None)


@get(
    "/v1/players/{player_id:str}/standing",
    guards=[scope(MODERATE)],
    tags=TAGS,
    summary="See why a player is barred",
)
async def standing(identity: Parts, caller: Who, player_id: PlayerId) -> StandingView:
    """Return the player's state, since when, until when, by whom and why."""
    player, last, reason = granted(await read_standing(identity, caller.home, player_id))
    return StandingView(
        player_id=player.id,
        state=player.state,
        since=player.created_at if last is None else last.since,
        until=None if last is None else last.until,
        reason=reason,
        by=None if last is None else last.principal,
    )


@post(
    "/v1/account/close",
    guards=[fresh_session],
    tags=["Accounts"],
    status_code=200,
    summary="Close one's account",
)
async def close_own(identity: Parts, caller: Who) -> PlayerView:
    """Close the account of the player who asks. The game's support can open it again."""
    return player_view(
        granted(await close_player(identity, caller.home, caller.principal, caller.principal))
    )


ROUTES = (suspend, reinstate, close, clear, standing, close_own)
