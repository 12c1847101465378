"""A plugin that keeps people waiting for nothing when they sign in is left alone for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import pytest
from tests.plugin_host.test_sign_in import ANN, MANIFEST, NOW, REQUEST, TERMS, verified

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    CaptchaContext,
    CaptchaResponse,
    ExternalIdentity,
    Manifest,
    NoAnswer,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Slot,
    Verified,
)
from guildbank.plugin_host import (
    Captchas,
    CaptchaTerms,
    IdentityProviders,
    Patience,
    Plugins,
    Terms,
)

CAPTCHA = msgspec.structs.replace(
    MANIFEST, id="riddle", slot=Slot.CAPTCHA, capabilities=frozenset()
)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Moody:
    """Both an identity provider and a captcha, which take their time and fail as told."""

    def __init__(self, manifest: Manifest, hand: Hand) -> None:
        self.manifest = manifest
        self.fails: Exception | None = None
        self.hangs = False
        self.seconds = 0.0
        self.asked = 0
        self._hand = hand

    async def _suffer(self) -> None:
        self.asked += 1
        self._hand.at += self.seconds
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails is not None:
            raise self.fails

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun:
        await self._suffer()
        return Begun(url="https://provider.example/", keep={})

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity:
        await self._suffer()
        return ANN

    async def verify(
        self, context: SignInContext | CaptchaContext, given: Mapping[str, str] | CaptchaResponse
    ) -> Verified | None:
        await self._suffer()
        return None if isinstance(context, CaptchaContext) else verified()


class Door:
    """Somebody signs in by one of its verbs, or is a person by its captcha."""

    def __init__(self, verb: str) -> None:
        self.hand, captcha = Hand(), verb == "captcha"
        self.plugin = Moody(CAPTCHA if captcha else MANIFEST, self.hand)
        plugins = Plugins([("moody", self.plugin)])
        patience = Patience(now=self.hand)
        providers = IdentityProviders(plugins, Egress(), patience)
        captchas = Captchas(plugins, Egress(), patience)
        self._calls: Mapping[str, Callable[[str], Awaitable[object]]] = {
            "begin": lambda tenant: providers.begin("told", _of(tenant), REQUEST),
            "finish": lambda tenant: providers.finish("told", _of(tenant), {"code": "1"}, {}),
            "verify": lambda tenant: providers.verify("told", _of(tenant), {"token": "1"}),
            "captcha": lambda tenant: captchas.verify(
                "riddle", CaptchaTerms(tenant=tenant, mode="test", settings={}, now=NOW), "x", None
            ),
        }
        self._verb = verb
        self.code = "captcha_unavailable" if captcha else "provider_unavailable"

    async def knock(self, tenant: str = "demo") -> str | None:
        """Return why one was not let in, None where one was."""
        said = await self._calls[self._verb](tenant)
        if not isinstance(said, Refusal):
            return None
        assert said.code == self.code
        return said.detail


def _of(tenant: str) -> Terms:
    return msgspec.structs.replace(TERMS, tenant=tenant)


VERBS = pytest.mark.parametrize("verb", ["begin", "finish", "verify", "captcha"])


@VERBS
async def test_one_that_fails_slowly_is_left_alone_and_its_refusal_says_so(verb: str) -> None:
    door = Door(verb)
    door.plugin.fails, door.plugin.seconds = NoAnswer("nobody"), 10
    for _ in range(5):
        assert "left alone" not in str(await door.knock())
    assert "left alone" in str(await door.knock())
    assert door.plugin.asked == 5
    assert "left alone" not in str(await door.knock("another")), "of another tenant"
    # One try after the pause shows that it is no better.
    door.hand.at += 31
    assert "left alone" not in str(await door.knock())
    assert "left alone" in str(await door.knock())
    door.hand.at += 31
    door.plugin.fails = None
    for _ in range(7):
        assert await door.knock() is None


@VERBS
async def test_one_that_is_silent_is_left_alone(verb: str) -> None:
    door = Door(verb)
    door.plugin.hangs = True
    await asyncio.gather(*(door.knock() for _ in range(5)))
    assert "left alone" in str(await door.knock())
    assert door.plugin.asked == 5


@pytest.mark.parametrize("verb", ["finish", "verify", "captcha"])
async def test_whoever_sends_what_it_stumbles_over_shuts_nobody_out(verb: str) -> None:
    door = Door(verb)
    door.plugin.fails = ValueError("odd input")
    for _ in range(50):
        assert "left alone" not in str(await door.knock())
    door.plugin.fails = None
    assert await door.knock() is None


async def test_what_fails_before_anybody_sent_anything_counts_however_quick() -> None:
    door = Door("begin")
    door.plugin.fails = RuntimeError("no key")
    for _ in range(5):
        await door.knock()
    assert "left alone" in str(await door.knock())
    assert door.plugin.asked == 5


async def test_a_new_version_is_asked_at_once() -> None:
    door = Door("begin")
    door.plugin.fails = RuntimeError("no key")
    for _ in range(6):
        await door.knock()
    door.plugin.fails = None
    door.plugin.manifest = msgspec.structs.replace(MANIFEST, version="1.0.1")
    assert await door.knock() is None
