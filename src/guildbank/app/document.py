"""The OpenAPI document of all rooms as text, the same on every machine: it is committed."""

import msgspec

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
    codes = codes_of(all_rooms())
    app = build_app(
        routes=[route for room in all_rooms() for route in room.routes],
        authenticate=_nobody,
        settings=Settings(),
        codes=codes,
        services=dict.fromkeys(PARTS),
    )
    document = build_document(
        app.routes, Codes(codes), title=TITLE, version=VERSION, description=DESCRIPTION
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


async def _nobody(_headers: object, _path: str, _address: object) -> Caller | Refusal | None:
    return None
