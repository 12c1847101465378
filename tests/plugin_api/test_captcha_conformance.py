"""The contract of captchas passes a sound plugin, and each way to break it fails a check."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.gatekeeper import CUT, ENDLESS, HUGE, said

from guildbank.kernel import Refusal
from guildbank.plugin_api import CaptchaContext, CaptchaResponse, Manifest, NoAnswer, Slot
from guildbank.plugin_api.conformance import run_captcha_conformance
from guildbank.plugin_api.conformance.identity.stage import Hostile
from guildbank.plugin_host.discovery import check_manifest

SECRET = "quiet-secret-of-a-tenant"
HOST = "captcha.example"
REFUSED = Refusal(code="captcha_failed", detail="Not solved.")
MANIFEST = Manifest(
    id="specimen",
    version="1.0.0",
    slot=Slot.CAPTCHA,
    title="Specimen",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"secret": {"type": "string"}},
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=(HOST,),
    timeout_seconds=1,
)
Answer = Callable[["Specimen", CaptchaContext, CaptchaResponse], Awaitable[object]]


class Network(Hostile):
    """The real one: here a provider answers."""

    def __init__(self) -> None:
        super().__init__(None)


async def soundly(self: "Specimen", context: CaptchaContext, response: CaptchaResponse) -> object:
    if not isinstance(context.http, Network):
        answer = await context.http.send("POST", f"https://{HOST}/", body=b"")
        if answer.body != b"yes":
            raise NoAnswer("no yes came")
    if response.response not in self.good:
        return REFUSED
    self.good.remove(response.response)
    return None


class Specimen:
    """A plugin that answers as it is told."""

    manifest = MANIFEST

    def __init__(self, answer: Answer = soundly) -> None:
        self.answer = answer
        self.good: set[str] = set()

    async def verify(self, context: CaptchaContext, response: CaptchaResponse) -> Refusal | None:
        return await self.answer(self, context, response)  # type: ignore[return-value]


async def failed(plugin: Specimen) -> set[str]:
    async def solve(_: CaptchaContext) -> str:
        plugin.good.add(f"solved-{len(plugin.good)}")
        return f"solved-{len(plugin.good) - 1}"

    context = CaptchaContext(
        tenant="demo",
        mode="test",
        settings={"secret": SECRET},
        now=datetime(2026, 11, 26, tzinfo=UTC),
        http=Network(),
    )
    checks = await run_captcha_conformance(plugin, context, solve)
    assert SECRET not in str(checks)
    return {check.name for check in checks if not check.passed}


async def test_a_sound_plugin_passes() -> None:
    assert await failed(Specimen()) == set()
    assert check_manifest(MANIFEST, Specimen()) is None


async def yes(*_: object) -> object:
    return None


async def no(*_: object) -> object:
    return REFUSED


async def twice(self: Specimen, context: CaptchaContext, response: CaptchaResponse) -> object:
    known = response.response in self.good
    result = await soundly(self, context, response)
    if known:
        self.good.add(response.response)
    return result


async def a_word(*_: object) -> object:
    return "yes"


async def a_strange_code(*_: object) -> object:
    return msgspec.structs.replace(REFUSED, code="robot")


async def bursts(*_: object) -> object:
    raise KeyError(SECRET)


async def chatters(*_: object) -> object:
    raise NoAnswer(f"the secret {SECRET} is not known")


def letting_in(word: str) -> Answer:
    async def lets_in(self: Specimen, context: CaptchaContext, response: CaptchaResponse) -> object:
        try:
            return await soundly(self, context, response)
        except NoAnswer as silence:
            if said(word)(silence):
                return None
            raise

    return lets_in


async def goes_on_waiting(
    self: Specimen, context: CaptchaContext, response: CaptchaResponse
) -> object:
    try:
        return await soundly(self, context, response)
    except NoAnswer as silence:
        if said(ENDLESS)(silence):
            await asyncio.sleep(30)
        raise


async def strays(self: Specimen, context: CaptchaContext, response: CaptchaResponse) -> object:
    if not isinstance(context.http, Network):
        await context.http.send("POST", "https://elsewhere.example/", body=b"")
    return await soundly(self, context, response)


BROKEN: dict[Answer, str] = {
    yes: "no_lie_of_the_network_lets_anybody_in",
    no: "a_solved_captcha_passes",
    twice: "a_response_passes_once",
    a_word: "nonsense_does_not_pass",
    a_strange_code: "nonsense_does_not_pass",
    bursts: "nonsense_does_not_pass",
    chatters: "no_secret_is_shown",
    strays: "only_declared_hosts_are_asked",
    letting_in(CUT): "no_cut_answer_lets_anybody_in",
    letting_in(ENDLESS): "no_late_answer_lets_anybody_in",
    goes_on_waiting: "no_late_answer_lets_anybody_in",
    letting_in(HUGE): "no_huge_answer_lets_anybody_in",
}


@pytest.mark.parametrize("answer", BROKEN, ids=lambda answer: answer.__name__)
async def test_a_broken_plugin_fails_the_check_that_names_its_fault(answer: Answer) -> None:
    assert BROKEN[answer] in await failed(Specimen(answer))


def test_a_plugin_without_the_verb_is_not_admitted() -> None:
    assert check_manifest(MANIFEST, object()) == "slot captcha needs verify"
