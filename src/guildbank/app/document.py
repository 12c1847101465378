"""The OpenAPI document of all rooms as text, the same on every machine: it is committed."""

import msgspec
from litestar import Litestar

from guildbank.app.rooms import all_rooms, codes_of
from guildbank.app.wiring import PARTS
from guildbank.infra.config import Settings
from guildbank.infra.http import Caller
from guildbank.infra.http.app import DESCRIPTION, TITLE, build_app
from guildbank.infra.http.openapi import build_document
from guildbank.infra.http.problems import Codes
from guildbank.kernel import Refusal

VERSION = "0.1.0"


def openapi_document() -> str:
    """Return the document as indented JSON with a final line feed. Needs no database."""
    codes = Codes(codes_of(all_rooms()))
    document = build_document(
        described_app().routes, codes, title=TITLE, version=VERSION, description=DESCRIPTION
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def described_app() -> Litestar:
    """Return an app with the routes of all rooms, to be looked at and not called."""
    return build_app(
        routes=[route for room in all_rooms() for route in room.routes],
        authenticate=_nobody,
        settings=Settings(),
        codes=codes_of(all_rooms()),
        services=dict.fromkeys(PARTS),
    )


async def _nobody(_headers: object, _path: str, _address: object) -> Caller | Refusal | None:
    return None
