"""What the JSON API answers beside its views: what was kept under a key, and a played failure."""

import msgspec
from litestar import Response
from litestar.enums import MediaType

from guildbank_sandbox.server.idempotency import Stored


def answer(stored: Stored) -> Response[bytes]:
    """Return an answer as it was first given."""
    return Response(stored.body, status_code=stored.status, media_type=MediaType.JSON)


def broken() -> Response[bytes]:
    """Return what a provider answers whose work is done and whose answer is not."""
    body = msgspec.json.encode(
        {"error": {"code": "internal_error", "message": "The sandbox plays dead.", "field": None}}
    )
    return Response(body, status_code=500, media_type=MediaType.JSON)
