"""The one way for a plugin to call somebody: the core's client, which looks before it connects."""

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

import msgspec

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class NoAnswer(Exception):
    """A request got no answer that can be used. The message names no secret."""


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of any status, a redirect too; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The core's HTTP client, limited to the hosts of the manifest and the settings."""

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and follow nothing. Raises NoAnswer: refused, late, broken, too big."""
        ...
