"""The contract of captchas as a program: only a solved response passes, once, and no lie does."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api.captcha import (
    CAPTCHA_REJECTIONS,
    Captcha,
    CaptchaContext,
    CaptchaResponse,
)
from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.contracts import Check, NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.conformance.networks import (
    CUT,
    HUGE,
    LATE,
    Network,
    in_time,
    nobody_asked,
)
from guildbank.plugin_api.conformance.witness import secrets_in
from guildbank.plugin_api.http import Http, HttpAnswer, NoAnswer
from guildbank.plugin_api.manifest import Manifest, Slot

Solve = Callable[[CaptchaContext], Awaitable[str]]
"""Returns a response that is good for the context's settings, another one at each call."""

NOBODY_SOLVES = NotRun("the rehearsal solves no captcha")
_NONSENSE = ("x", "\x00", "\ud800", "é", "null", "{}", "&secret=x", "a b", "x" * 4_096)
_BODIES = (
    b"",
    b"<html>",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b"true",
    b"[" * 50_000,
    b'{"success": "true"}',
    b'{"success": 1}',
    b'{"success": null}',
    b'{"success": [true]}',
    b'{"success": false}',
    b'{"success": true, "success": false}',
    b'{"success": false, "error-codes": 7}',
)
_LIES: tuple[HttpAnswer | None, ...] = (
    None,
    HttpAnswer(status=500, headers={}, body=b'{"success": true}'),
    HttpAnswer(status=302, headers={"location": "https://169.254.169.254/"}, body=b""),
    *(HttpAnswer(status=200, headers={}, body=body) for body in _BODIES),
)


class CaptchaStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the plugin said in words."""

    plugin: Captcha
    context: CaptchaContext
    solve: Solve | None
    heard: list[str] = msgspec.field(default_factory=list)

    slot = Slot.CAPTCHA

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        return self.plugin.manifest

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    async def passes(self, response: str, http: Http | None = None) -> bool:
        """Say whether the plugin takes the response; raises Fault for what no plugin does."""
        context = self.context
        if http is not None:
            context = msgspec.structs.replace(context, http=http)
        given = CaptchaResponse(response=response, address="203.0.113.7", key=str(uuid4()))
        result: object
        try:
            call: Awaitable[object] = self.plugin.verify(context, given)
            result = await in_time(call, self.manifest.timeout_seconds)
        except NoAnswer as silence:
            self.heard.append(str(silence))
            return False
        except Exception as error:
            self.heard.extend((str(error), repr(error)))
            raise Fault(f"raised {type(error).__name__}, which is no NoAnswer") from None
        if result is None:
            return True
        self.heard.append(repr(result))
        if not isinstance(result, Refusal) or result.code not in CAPTCHA_REJECTIONS:
            raise Fault(f"answered {result!r}, which is neither None nor a known refusal")
        return False


CaptchaCheck = Callable[[CaptchaStage], Awaitable[Verdict]]


async def a_solved_captcha_passes(stage: CaptchaStage) -> Verdict:
    """A person who solved it gets in."""
    if stage.solve is None:
        return NOBODY_SOLVES
    return None if await stage.passes(await stage.solve(stage.context)) else "it was refused"


async def a_response_passes_once(stage: CaptchaStage) -> Verdict:
    """One captcha lets one action through."""
    if stage.solve is None:
        return NOBODY_SOLVES
    response = await stage.solve(stage.context)
    await stage.passes(response)
    return "it passed a second time" if await stage.passes(response) else None


async def nonsense_does_not_pass(stage: CaptchaStage) -> Verdict:
    """What nobody solved lets nobody in."""
    for response in _NONSENSE:
        if await stage.passes(response):
            return f"{response[:40]!r} passed"
    return None


async def no_lie_of_the_network_lets_anybody_in(stage: CaptchaStage) -> Verdict:
    """Silence, errors and answers that only look like a yes are none."""
    for lie in _LIES:
        if await stage.passes("response", Hostile(lie)):
            shown = None if lie is None else (lie.status, lie.body[:40])
            return f"{shown!r} in place of the provider let somebody in"
    return None


async def no_cut_answer_lets_anybody_in(stage: CaptchaStage) -> Verdict:
    """A connection that ends within an answer has brought no yes."""
    return await _lets_nobody_in(stage, CUT)


async def no_late_answer_lets_anybody_in(stage: CaptchaStage) -> Verdict:
    """An answer that begins at once and does not end in time is no yes."""
    return await _lets_nobody_in(stage, LATE)


async def no_huge_answer_lets_anybody_in(stage: CaptchaStage) -> Verdict:
    """An answer of megabytes is not read to its end, and is no yes."""
    return await _lets_nobody_in(stage, HUGE)


async def _lets_nobody_in(stage: CaptchaStage, networks: Mapping[str, Network]) -> Verdict:
    asked = 0
    for words, make in networks.items():
        network = make()
        if await stage.passes("response", network):
            return f"{words}, and somebody was let in"
        asked += len(network.asked)
    if asked:
        return None
    return nobody_asked(stage.manifest, "no response of this run made the plugin ask anybody")


async def only_declared_hosts_are_asked(stage: CaptchaStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    hosts, network = stage.manifest.egress_hosts, Hostile(None)
    await stage.passes("response", network)
    strange = [urlsplit(url).hostname for url in network.asked]
    if "*" in hosts:
        return None
    return next((f"{one} is asked and not declared" for one in strange if one not in hosts), None)


async def no_secret_is_shown(stage: CaptchaStage) -> Verdict:
    """No refusal or exception of the whole run holds a secret setting."""
    secrets = secrets_in(stage.manifest, stage.settings)
    if not secrets:
        return NotRun("the settings hold no secret")
    for text in stage.heard:
        if any(secret in text for secret in secrets):
            return f"a secret stands in: {text[:200]}"
    return None


CAPTCHA_CHECKS: tuple[CaptchaCheck, ...] = (
    *manifest_checks.CHECKS,
    a_solved_captcha_passes,
    a_response_passes_once,
    nonsense_does_not_pass,
    no_lie_of_the_network_lets_anybody_in,
    no_cut_answer_lets_anybody_in,
    no_late_answer_lets_anybody_in,
    no_huge_answer_lets_anybody_in,
    only_declared_hosts_are_asked,
    no_secret_is_shown,
)


async def run_captcha_conformance(
    plugin: Captcha, context: CaptchaContext, solve: Solve | None = None
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    `context.http` is the real network: requests go to the provider.
    """
    stage = CaptchaStage(plugin=plugin, context=context, solve=solve)
    *first, last = CAPTCHA_CHECKS
    ends = lifecycle_checks.ending_checks(plugin)
    return [await judge(check, stage) for check in (*first, *ends, last)]
