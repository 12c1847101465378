"""Routes by which a person gets a copy of all that is known of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get, post
from litestar.params import PathParameter
from litestar.response import Stream

from guildbank.identity.contracts.exports import Export, ExportState
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.export import read_export, read_file, request_export
from guildbank.infra.http import Service, View, Who, fresh_session, granted, scope
from guildbank.infra.limits import RateLimit
from guildbank.infra.tenant import TenantRef

Parts = Service[Identity]
SCOPE = "players:export"
TAGS: Sequence[str] = ["Privacy"]
EXPORTING = RateLimit("exporting", 5, 86_400, exact=True)
ASKING = {"limits": (EXPORTING,)}
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
ExportId = Annotated[str, PathParameter(description="The export's id.", max_length=90)]


class ExportView(View):
    """A file that is being made, or is there until `expiresAt`; `bytes` is its size."""

    __example__: ClassVar = {
        "id": "exp_01kag3pyqmf9aag12vtrsy70ps",
        "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "state": "ready",
        "bytes": 4711,
        "problem": None,
    }

    id: str
    player_id: str
    state: ExportState
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime
    bytes: int | None
    problem: str | None


@post(
    "/v1/account/export",
    opt=ASKING,
    guards=[fresh_session],
    tags=TAGS,
    status_code=202,
    summary="Ask for one's data",
)
async def ask_own(identity: Parts, caller: Who) -> ExportView:
    """Have a file made of all that is known of the player who asks; it is kept for seven days.

    Of five files of the player's the oldest makes room for another.
    """
    made = await request_export(identity, caller.home, caller.principal, caller.principal)
    return _view(granted(made))


@get(
    "/v1/account/exports/{export_id:str}",
    guards=[fresh_session],
    tags=TAGS,
    summary="See whether the file is there",
)
async def read_own(identity: Parts, caller: Who, export_id: ExportId) -> ExportView:
    """Return how far an export of the player's own is."""
    found = await read_export(identity, caller.home, caller.principal, export_id, own=True)
    return _view(granted(found))


@get(
    "/v1/account/exports/{export_id:str}/file",
    guards=[fresh_session],
    tags=TAGS,
    media_type="application/zip",
    summary="Download one's data",
)
async def load_own(identity: Parts, caller: Who, export_id: ExportId) -> Stream:
    """Send the file: a ZIP of JSON files, one for each table."""
    return await _file(identity, caller.home, caller.principal, export_id, own=True)


@post(
    "/v1/players/{player_id:str}/exports",
    guards=[scope(SCOPE)],
    tags=TAGS,
    status_code=202,
    summary="Ask for a player's data",
)
async def ask(identity: Parts, caller: Who, player_id: PlayerId) -> ExportView:
    """Have a file made of all that is known of a player; it is kept for seven days.

    It says more than the player's own: who decided, and the legal holds.
    """
    made = await request_export(identity, caller.home, caller.principal, player_id)
    return _view(granted(made))


@get(
    "/v1/players/{player_id:str}/exports/{export_id:str}",
    guards=[scope(SCOPE)],
    tags=TAGS,
    summary="See whether a player's file is there",
)
async def read(
    identity: Parts, caller: Who, player_id: PlayerId, export_id: ExportId
) -> ExportView:
    """Return how far an export of a player is."""
    return _view(granted(await read_export(identity, caller.home, player_id, export_id)))


@get(
    "/v1/players/{player_id:str}/exports/{export_id:str}/file",
    guards=[scope(SCOPE, fresh=True)],
    tags=TAGS,
    media_type="application/zip",
    summary="Download a player's data",
)
async def load(identity: Parts, caller: Who, player_id: PlayerId, export_id: ExportId) -> Stream:
    """Send the file: a ZIP of JSON files, one for each table."""
    return await _file(identity, caller.home, player_id, export_id)


async def _file(
    identity: Identity, tenant: TenantRef, player_id: str, export_id: str, *, own: bool = False
) -> Stream:
    parts = granted(await read_file(identity, tenant, player_id, export_id, own=own))
    named = {"content-disposition": f'attachment; filename="{export_id}.zip"'}
    return Stream(parts, media_type="application/zip", headers=named)


def _view(export: Export) -> ExportView:
    return ExportView(
        id=export.id,
        player_id=export.player_id,
        state=export.state,
        requested_at=export.requested_at,
        ready_at=export.ready_at,
        expires_at=export.expires_at,
        bytes=export.bytes,
        problem=export.problem,
    )


ROUTES = (ask_own, read_own, load_own, ask, read, load)
