"""The set for every check: the plugin, which is overheard, and the networks it is put into."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, TypeVar, cast

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.identity.contracts import IdentityRehearsal
from guildbank.plugin_api.http import Http, HttpAnswer, Method, NoAnswer
from guildbank.plugin_api.identity_provider import (
    REJECTIONS,
    Asserting,
    Begun,
    ExternalIdentity,
    IdentityProvider,
    Redirecting,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Verified,
)
from guildbank.plugin_api.manifest import Manifest, Slot

T = TypeVar("T")
STATE = "conformance-state-0123456789-abcdefghijklm"


class Hostile:
    """A network in which every request gets the same answer; None is none at all."""

    def __init__(self, answer: HttpAnswer | None) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Answer as told."""
        self.asked.append(url)
        if self._answer is None:
            raise NoAnswer("nobody answers")
        return self._answer


class Fault(Exception):
    """The contract is broken; the message is the sentence that says how."""


class IdentityStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the plugin said in words."""

    provider: IdentityProvider
    context: SignInContext
    rehearsal: IdentityRehearsal
    heard: list[str] = msgspec.field(default_factory=list)
    runs: "count[int]" = msgspec.field(default_factory=count)

    slot = Slot.IDENTITY

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        return self.provider.manifest

    @property
    def plugin(self) -> object:
        """The plugin itself."""
        return self.provider

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    def can(self, capability: str) -> bool:
        """Say whether the plugin names the capability."""
        return capability in self.manifest.capabilities

    def elsewhere(self, http: Http) -> SignInContext:
        """Return the context in another network, of a tenant of whom nothing is remembered."""
        tenant = f"{self.context.tenant}-{next(self.runs)}"
        return msgspec.structs.replace(self.context, http=http, tenant=tenant)

    async def begin(self, context: SignInContext | None = None) -> Begun | Refusal | NoAnswer:
        """Begin a sign-in."""
        plugin = cast("Redirecting", self.provider)
        return await self._hear(plugin.begin(context or self.context, SignInRequest(state=STATE)))

    async def finish(
        self,
        params: Mapping[str, str],
        keep: Mapping[str, str],
        context: SignInContext | None = None,
    ) -> ExternalIdentity | Refusal | NoAnswer:
        """Come back."""
        plugin, answer = cast("Redirecting", self.provider), SignInAnswer(params=params)
        return await self._hear(plugin.finish(context or self.context, answer, keep))

    async def verify(
        self, assertion: Mapping[str, str], context: SignInContext | None = None
    ) -> Verified | Refusal | NoAnswer:
        """Hand over an assertion."""
        plugin = cast("Asserting", self.provider)
        return await self._hear(plugin.verify(context or self.context, assertion))

    async def begun(self) -> Begun:
        """Return a sign-in that was begun; raises Fault."""
        begun = await self.begin()
        if isinstance(begun, Begun):
            return begun
        raise Fault(f"no sign-in could be begun: {begun!r}")

    async def _hear(self, call: Awaitable[T]) -> T | NoAnswer:
        """Return what a call returned, NoAnswer too; anything else that it raises is a fault."""
        try:
            async with asyncio.timeout(self.manifest.timeout_seconds):
                result = await call
        except NoAnswer as silence:
            self.heard.append(str(silence))
            return silence
        except Exception as error:
            self.heard.extend((str(error), repr(error)))
            raise Fault(f"raised {type(error).__name__}, which is no NoAnswer") from None
        if isinstance(result, Refusal):
            self.heard.append(repr(result))
            if result.code not in REJECTIONS:
                raise Fault(f"refused with {result.code!r}, which is not among REJECTIONS")
        elif isinstance(result, Begun):
            self.heard.append(result.url)
        return result


IdentityCheck = Callable[[IdentityStage], Awaitable[Verdict]]


def is_no(result: object) -> bool:
    """Say whether nobody was named."""
    return isinstance(result, Refusal | NoAnswer)
