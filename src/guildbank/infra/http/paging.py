"""Cursor pages: a page never shifts when rows are added, and a cursor tells nothing to a client."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from guildbank.infra.http.problems import problem

T = TypeVar("T")
MAX_PAGE = 200

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_PAGE, description="Rows a page.")]
After = Annotated[
    str | None,
    QueryParameter(
        name="after",
        max_length=400,
        pattern=r"^[A-Za-z0-9_-]+$(?!\n)",
        description="The `next` of the page before.",
    ),
]


class Page(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """Some rows and the cursor of the following page; `next` is null on the last."""

    items: Sequence[T]
    next: str | None = None


def encode_cursor(position: Sequence[str | int]) -> str:
    """Return an opaque cursor for the sort key of a page's last row."""
    packed = msgspec.json.encode(list(position))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(after: str | None, kinds: Sequence[type]) -> list[str | int] | None:
    """Return the sort key in a cursor, checked against its kinds (`[int]`, `[str, str]`).

    Raises the problem `invalid_value` for a cursor that this server did not make.
    """
    if after is None:
        return None
    try:
        packed = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        position = msgspec.json.decode(packed, type=list[str | int])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        position = []
    fits = len(position) == len(kinds) and all(
        type(part) is kind and _storable(part) for part, kind in zip(position, kinds, strict=True)
    )
    if not fits:
        raise problem("invalid_value", "This cursor was not made by this call.", "after")
    return position


def _storable(part: str | int) -> bool:
    return "\x00" not in part if isinstance(part, str) else -(2**63) <= part < 2**63
