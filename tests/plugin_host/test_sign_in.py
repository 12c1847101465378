"""Whatever an identity provider does, a room gets a checked result or a declared refusal."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.servers.impostor import Impostor

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    REJECTIONS,
    Begun,
    ExternalIdentity,
    HttpAnswer,
    Manifest,
    NoAnswer,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Slot,
    Verified,
)
from guildbank.plugin_host import SIGN_IN_CODES, IdentityProviders, Outbound, Plugins, Terms

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ANN = ExternalIdentity(issuer="https://issuer.example", subject="ann")
MANIFEST = Manifest(
    id="told",
    version="1.0.0",
    slot=Slot.IDENTITY,
    title="Told",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "issuer": {"type": "string", "format": "uri"},
            "hosts": {"type": "array", "items": {"type": "string", "format": "hostname"}},
            "motto": {"type": "string"},
        },
    },
    egress_hosts=("fixed.example", "*"),
    timeout_seconds=1,
)
TERMS = Terms(
    tenant="demo", mode="test", settings={}, now=NOW, redirect_uri="https://game.example/back"
)
REQUEST = SignInRequest(state="s" * 43)


class Told:
    """An identity provider that answers as told."""

    def __init__(self, answer: object, manifest: Manifest = MANIFEST) -> None:
        self.manifest = manifest
        self.answer = answer

    async def begin(self, context: SignInContext, request: SignInRequest) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "late":
            await asyncio.sleep(30)
        return self.answer

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> object:
        return self.answer

    async def verify(self, context: SignInContext, assertion: Mapping[str, str]) -> object:
        return self.answer


def telling(answer: object, manifest: Manifest = MANIFEST) -> IdentityProviders:
    return IdentityProviders(Plugins([("told", Told(answer, manifest))]), Egress())


def verified(**changes: object) -> Verified:
    good = Verified(identity=ANN, once="o" * 43, until=NOW + timedelta(hours=1))
    return msgspec.structs.replace(good, **changes)


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("the token was eyJ..."),
        NoAnswer("no"),
        "late",
        None,
        ANN,
        Refusal(code="made_up", detail="No room declares this."),
        Begun(url="javascript:alert(1)", keep={}),
        Begun(url="/relative", keep={}),
        Begun(url="https://" + "a" * 9000, keep={}),
        Begun(url="https://provider.example/", keep={"x": "y" * 5000}),
    ],
)
async def test_what_a_plugin_may_not_begin_with_is_unavailable(answer: object):
    refused = await telling(answer).begin("told", TERMS, REQUEST)
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_unavailable"
    assert "eyJ" not in refused.detail


@pytest.mark.parametrize(
    "change",
    [{"issuer": ""}, {"subject": ""}, {"subject": "a" * 256}, {"subject": "a\x00"},
     {"subject": " ann"}, {"issuer": "https://issuer.example\n"}],
)  # fmt: skip
async def test_an_identity_that_names_nobody_is_unavailable(change: Mapping[str, str]):
    broken = msgspec.structs.replace(ANN, **change)
    refused = await telling(broken).finish("told", TERMS, {"code": "1"}, {})
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_unavailable"


async def test_a_fact_that_no_column_takes_is_left_out_and_does_not_bar_the_person():
    odd = msgspec.structs.replace(
        ANN, name="a" * 2000, email="x\x00@y.example", email_verified=True, picture="\ud800"
    )
    known = await telling(odd).finish("told", TERMS, {"code": "1"}, {})
    assert known == ANN


@pytest.mark.parametrize("claims", [{"groups": ["g" * 100] * 400}, {"groups": {1j}}])
async def test_claims_that_cannot_be_kept_are_unavailable(claims: Mapping[str, object]):
    refused = await telling(msgspec.structs.replace(ANN, claims=claims)).finish(
        "told", TERMS, {}, {}
    )
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_unavailable"


async def test_names_of_every_script_pass():
    named = msgspec.structs.replace(ANN, name="Āmr نیم‌فاصله 👩‍👩‍👧")
    assert await telling(named).finish("told", TERMS, {}, {}) == named


@pytest.mark.parametrize(
    "change",
    [{"once": "short"}, {"until": NOW}, {"until": NOW + timedelta(days=365)},
     {"identity": ExternalIdentity(issuer="", subject="x")}],
)  # fmt: skip
async def test_an_assertion_whose_replay_could_not_be_refused_is_unavailable(change):
    refused = await telling(verified(**change)).verify("told", TERMS, {"a": "b"})
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_unavailable"


async def test_a_sound_result_comes_through():
    begun = Begun(url="https://provider.example/?state=1", keep={"nonce": "n"})
    assert await telling(begun).begin("told", TERMS, REQUEST) == begun
    assert await telling(ANN).finish("told", TERMS, {}, {}) == ANN
    assert await telling(verified()).verify("told", TERMS, {}) == verified()
    denied = Refusal(code="sign_in_denied", detail="No.")
    assert await telling(denied).finish("told", TERMS, {}, {}) == denied


@pytest.mark.parametrize(
    "fields", [{"a": "x" * 40_000}, {str(n): "x" for n in range(65)}, {"é" * 20_000: "x"}]
)
async def test_more_than_fits_is_refused_before_the_plugin_sees_it(fields: dict[str, str]):
    told = telling(RuntimeError("the plugin was called"))
    for refused in (
        await told.finish("told", TERMS, fields, {}),
        await told.verify("told", TERMS, fields),
    ):
        assert isinstance(refused, Refusal)
        assert refused.code == "bad_assertion"


async def test_an_unknown_provider_and_a_missing_capability_are_told_alike():
    asserting = msgspec.structs.replace(MANIFEST, capabilities=frozenset({"asserting"}))
    for providers, name in ((telling(ANN), "nobody"), (telling(ANN, asserting), "told")):
        refused = await providers.begin(name, TERMS, REQUEST)
        assert isinstance(refused, Refusal)
        assert refused.code == "unknown_identity_provider"


def test_every_code_has_a_status_and_a_meaning():
    assert set(REJECTIONS) < set(SIGN_IN_CODES)
    assert all(400 <= status < 600 and meaning for status, meaning in SIGN_IN_CODES.values())


def test_a_plugin_that_cannot_do_what_it_claims_is_not_used():
    class Half:
        manifest = MANIFEST
        begin = Told.begin

    plain = msgspec.structs.replace(MANIFEST, capabilities=frozenset({"dancing"}))
    reports = Plugins([("half", Half()), ("none", Told(ANN, plain))]).reports
    assert "finish, verify" in (reports[0].problem or "")
    assert "needs one capability" in (reports[1].problem or "")


async def test_a_plugin_reaches_its_hosts_and_those_of_the_settings_and_no_other():
    settings = {
        "issuer": "https://issuer.example:8443/realm",
        "hosts": ["tokens.example"],
        "motto": "https://motto.example/",
    }
    hosts = ("fixed.example", "issuer.example", "tokens.example", "motto.example", "evil.example")
    async with Impostor(*hosts) as server:
        http = Outbound(server.egress(), MANIFEST, settings)
        reached = []
        for host in hosts:
            server.answer(200, {})
            try:
                assert isinstance(await http.send("GET", f"https://{host}/"), HttpAnswer)
                reached.append(host)
            except NoAnswer:
                continue
        assert reached == ["fixed.example", "issuer.example", "tokens.example"]
        strict = msgspec.structs.replace(MANIFEST, egress_hosts=("fixed.example",))
        with pytest.raises(NoAnswer):
            await Outbound(server.egress(), strict, settings).send("GET", "https://issuer.example/")
