"""Checks in networks that lie: whatever answers in a provider's place, nobody is named by it."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import (
    STATE,
    Hostile,
    IdentityCheck,
    IdentityStage,
    is_no,
)
from guildbank.plugin_api.conformance.networks import CUT, HUGE, LATE, Network, nobody_asked
from guildbank.plugin_api.conformance.witness import secrets_in
from guildbank.plugin_api.http import HttpAnswer
from guildbank.plugin_api.identity_provider import Begun


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers or {}, body=body)


_LIES: tuple[HttpAnswer | None, ...] = (
    None,
    _answer(500, b""),
    _answer(429, b"slow down"),
    _answer(302, b"", {"location": "https://169.254.169.254/"}),
    _answer(204, b""),
    _answer(200, b""),
    _answer(200, b"<html>"),
    _answer(200, b"\xff\xfe"),
    _answer(200, b"null"),
    _answer(200, b"[]"),
    _answer(200, b"{}"),
    _answer(200, b"[" * 50_000),
    _answer(200, b'{"a":' * 50_000),
    _answer(400, b'{"error": "invalid_grant"}'),
    _answer(400, b'{"error": {"code": 1, "message": "no"}}'),
    _answer(401, b'{"error": "invalid_client"}'),
    _answer(200, b'{"error": "x", "id": "1", "sub": "1", "player_id": "1"}'),
    _answer(200, b'{"keys": 7, "access_token": 7, "id_token": 7, "response": 7}'),
    _answer(200, b'{"keys": [], "access_token": "a", "id_token": "e30.e30.", "response": {}}'),
)


async def no_lie_of_the_network_names_anybody(stage: IdentityStage) -> Verdict:
    """Each answer that is none leads to a refusal or to NoAnswer, and to no other exception."""
    for lie in _LIES:
        http = Hostile(lie)
        async for result in _everything(stage, http):
            if not is_no(result):
                shown = None if lie is None else (lie.status, lie.body[:40])
                return f"{shown!r} in place of the provider led to {result!r}"
    return None


async def no_cut_answer_names_anybody(stage: IdentityStage) -> Verdict:
    """A connection that ends within an answer has named nobody."""
    return await _names_nobody(stage, CUT)


async def no_late_answer_names_anybody(stage: IdentityStage) -> Verdict:
    """An answer that begins at once and does not end in time names nobody."""
    return await _names_nobody(stage, LATE)


async def no_huge_answer_names_anybody(stage: IdentityStage) -> Verdict:
    """An answer of megabytes is not read to its end, and names nobody."""
    return await _names_nobody(stage, HUGE)


async def _names_nobody(stage: IdentityStage, networks: Mapping[str, Network]) -> Verdict:
    asked = 0
    for words, make in networks.items():
        network = make()
        async for result in _everything(stage, network):
            if not is_no(result):
                return f"{words}, and it led to {result!r}"
        asked += len(network.asked)
    if asked:
        return None
    return nobody_asked(stage.manifest, "no sign-in of this run made the plugin ask anybody")


async def only_declared_hosts_are_asked(stage: IdentityStage) -> Verdict:
    """Each request goes to a host of the manifest, or `*` says that settings name them."""
    hosts = stage.manifest.egress_hosts
    for lie in _LIES:
        http = Hostile(lie)
        async for _ in _everything(stage, http):
            pass
        for url in http.asked:
            if "*" not in hosts and urlsplit(url).hostname not in hosts:
                return f"{urlsplit(url).hostname} is asked and not declared"
    return None


async def no_secret_is_shown(stage: IdentityStage) -> Verdict:
    """No address, refusal or exception of the whole run holds a secret setting."""
    secrets = secrets_in(stage.manifest, stage.settings)
    if not secrets:
        return NotRun("the settings hold no secret")
    for text in stage.heard:
        if any(secret in text for secret in secrets):
            return f"a secret stands in: {text[:200]}"
    return None


async def _everything(stage: IdentityStage, http: Hostile) -> AsyncIterator[object]:
    """Yield each result that rests on the network; what needs none may well name somebody."""
    context = stage.elsewhere(http)
    if stage.can("redirecting"):
        begun = await stage.begin(context)
        if not isinstance(begun, Begun):
            yield begun
            begun = await stage.begin()
        if isinstance(begun, Begun):
            yield await stage.finish({"state": STATE, "code": "c0de"}, begun.keep, context)
    if stage.can("asserting") and stage.rehearsal.assertion is not None:
        assertion = await stage.rehearsal.assertion(stage.context)
        before = len(http.asked)
        result = await stage.verify(assertion, context)
        if len(http.asked) > before:
            yield result


CHECKS: tuple[IdentityCheck, ...] = (
    no_lie_of_the_network_names_anybody,
    no_cut_answer_names_anybody,
    no_late_answer_names_anybody,
    no_huge_answer_names_anybody,
    only_declared_hosts_are_asked,
    # Last of all, because it looks at what every other check made the plugin say.
    no_secret_is_shown,
)
