"""What a conformance run of an identity provider is given."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.identity_provider import Begun, SignInContext


class IdentityRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """How to play the parts that a plugin does not play itself; None where nobody can.

    `sign_in` does what a person does at the provider and returns the parameters with which they
    come back; `assertion` returns one that is sound for the context's settings and time, another
    one at each call.
    """

    sign_in: Callable[[Begun], Awaitable[Mapping[str, str]]] | None = None
    assertion: Callable[[SignInContext], Awaitable[Mapping[str, str]]] | None = None


@runtime_checkable
class IdentityRehearsable(Protocol):
    """A plugin that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> IdentityRehearsal:
        """Return what can be played with nothing but the settings."""
        ...
