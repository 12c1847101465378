"""Routes of players and of the tokens that a game server mints for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.identity.contracts.players import Player, PlayerState
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.add_player import add_player
from guildbank.identity.usecases.players.mint_token import mint_player_token
from guildbank.identity.usecases.players.read_players import find_player, get_player, list_players
from guildbank.infra.http import (
    After,
    Body,
    CountryCode,
    ExternalId,
    JSONBody,
    Limit,
    Page,
    Service,
    View,
    Who,
    by_machine,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    read_country,
    scope,
)
from guildbank.infra.http.schema import LINE_PATTERN

Parts = Service[Identity]
READ, WRITE, TOKEN = "players:read", "players:write", "players:token"
TAGS: Sequence[str] = ["Players"]
PlayerCountry = Annotated[
    CountryCode,
    Meta(description="At whose prices the player buys; left out, at those without a country."),
]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
QueryExternalId = Annotated[
    str | None,
    QueryParameter(name="externalId", min_length=1, max_length=128, pattern=LINE_PATTERN),
]


class AddPlayerBody(Body):
    """The id by which the game knows the player."""

    external_id: ExternalId


class TokenBody(Body):
    """What the token is to say of the player, which a client cannot say for itself."""

    country: PlayerCountry | None = None


class PlayerView(View):
    """A player of the tenant."""

    __example__: ClassVar = {
        "id": "player_01kag3pyqmf9aag12vtrsy70ps",
    }

    id: str
    external_id: str | None
    state: PlayerState
    created_at: datetime


class PlayerTokenView(View):
    """A bearer token for the player's client."""

    __example__: ClassVar = {
        "token": "eyJ...",
    }

    token: str
    expires_at: datetime


@post(
    "/v1/players",
    guards=[scope(WRITE)],
    tags=TAGS,
    summary="Add a player",
    responses={200: ResponseSpec(PlayerView, description="The player was there already.")},
)
async def add(identity: Parts, caller: Who, data: JSONBody[AddPlayerBody]) -> Response[PlayerView]:
    """Answer 201 with a new player, or 200 with the one that has this `externalId`."""
    added = await add_player(identity, caller.home, caller.principal, data.external_id)
    player, new = granted(added)
    return Response(player_view(player), status_code=201 if new else 200)


@get("/v1/players", guards=[scope(READ)], tags=TAGS, summary="List players")
async def list_all(
    identity: Parts,
    caller: Who,
    external_id: QueryExternalId = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[PlayerView]:
    """List players, oldest first, or find the one with this `externalId`."""
    position = decode_cursor(after, [str])
    if external_id is not None:
        found = await find_player(identity, caller.home, external_id)
        return Page([] if found is None else [player_view(found)], None)
    start = str(position[0]) if position else ""
    players = await list_players(identity, caller.home, start, limit + 1)
    page = players[:limit]
    more = encode_cursor([page[-1].id]) if len(players) > limit else None
    return Page([player_view(player) for player in page], more)


@get(
    "/v1/players/{player_id:str}",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a player",
)
async def read(identity: Parts, caller: Who, player_id: PlayerId) -> PlayerView:
    """Return a player of the caller's tenant."""
    return player_view(granted(await get_player(identity, caller.home, player_id)))


@post(
    "/v1/players/{player_id:str}/tokens",
    guards=[by_machine(TOKEN)],
    tags=TAGS,
    summary="Mint a player token",
)
async def mint(
    identity: Parts,
    caller: Who,
    player_id: PlayerId,
    data: JSONBody[TokenBody | None] = None,
) -> PlayerTokenView:
    """Return a token of ten minutes with which the player's own client may call.

    For game servers alone: no operator plays in a player's name. The body may be left out. With a
    `country` the player buys at that country's prices.
    """
    country = None if data is None else granted(read_country(data.country))
    minted = granted(await mint_player_token(identity, caller.home, player_id, country))
    return PlayerTokenView(token=minted.token, expires_at=minted.expires_at)


def player_view(player: Player) -> PlayerView:
    """Return a player as the API shows one."""
    return PlayerView(
        id=player.id,
        external_id=player.external_id,
        state=player.state,
        created_at=player.created_at,
    )


ROUTES = (add, list_all, read, mint)
