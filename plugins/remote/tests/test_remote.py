"""A purchase goes on by the word of the tenant's own server, and notes refuse nothing."""

import base64
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.purchases import NOON, bought, context
from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page, page
from tests.servers.judge_server import FOLDER, JudgeServer, is_installed

from guildbank.infra.egress import Egress
from guildbank.plugin_api import Annotated, Charge, Context, NoAnswer, PurchaseView, Veto
from guildbank.plugin_api.conformance import (
    GATE_CHECKS,
    OPERATION_CHECKS,
    GateRehearsal,
    run_gate_conformance,
)
from guildbank.plugin_host import Outbound, Plugins, check_settings
from guildbank_remote.manifest import GATE_MANIFEST, NOTE_MANIFEST
from guildbank_remote.plugin import GATE, NOTE, HttpGate

PAGE = (Path(__file__).parents[3] / "docs/ask-your-own-server.md").read_text()
HOST = "game.example"
URL = f"https://{HOST}/may-buy"
VETO = {"veto": {"code": "vault_full", "detail": "Your vault is too full."}}
BOTH = pytest.mark.parametrize("plugin", [GATE, NOTE], ids=["http_gate", "http_note"])


def secret(byte: int) -> str:
    return f"whsec_{base64.b64encode(bytes([byte]) * 32).decode()}"


SECRET, NEW, STRANGE = secret(1), secret(2), secret(3)
SETTINGS = {"url": URL, "secrets": SECRET}


class Studio(Impostor):
    """The tenant's server: it verifies by the official library, and says what it is told to."""

    def __init__(self) -> None:
        super().__init__(HOST)
        self.verifies_by = SECRET
        self.questions: list[dict[str, Any]] = []
        self.say: Callable[[dict[str, Any]], object] = lambda _: {"allow": True}
        self.on("/may-buy", self._answer)

    def _answer(self, asked: Asked) -> bytes:
        headers = {name: asked.headers[name] for name in asked.headers if "webhook" in name}
        try:
            question = Webhook(self.verifies_by).verify(asked.body, headers)
        except WebhookVerificationError:
            return page(401, b"")
        self.questions.append(question)
        if question["type"] == "operations":
            return json_page(
                200, {"answers": [{"allow": True}] * len(question["data"]["operations"])}
            )
        return json_page(200, self.say(question["data"]))


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as server:
        yield server


def here(studio: Studio, plugin: HttpGate = GATE, **settings: Any) -> Context:
    whole = {**SETTINGS, **settings}
    # The library that verifies takes no question that is older than minutes.
    found = context(whole, now=datetime.now(UTC))
    http = Outbound(studio.egress(), plugin.manifest, whole)
    return msgspec.structs.replace(found, http=http)


async def ask(
    studio: Studio, said: object = None, plugin: HttpGate = GATE, **settings: Any
) -> Annotated | Veto:
    if said is not None:
        studio.say = lambda _: said
    return await plugin.before_provider(here(studio, plugin, **settings), bought())


def test_both_are_found_and_their_settings_fit_their_schema() -> None:
    found = Plugins.discover().manifests()
    assert GATE_MANIFEST in found
    assert NOTE_MANIFEST in found
    whole = {**SETTINGS, "secrets": f"{SECRET} {NEW}", "timeout_ms": 8_000, "version": 1}
    for settings in (SETTINGS, whole):
        assert check_settings(GATE_MANIFEST, settings) is None
        assert GATE.check_settings(settings) == []


def test_only_the_step_that_can_refuse_refuses_by_its_silence() -> None:
    assert (GATE_MANIFEST.fail_closed, NOTE_MANIFEST.fail_closed) == (True, False)


async def test_the_whole_purchase_is_sent_in_a_form_that_has_a_number(studio: Studio) -> None:
    purchase = bought(
        platform="ios", age_confirmed_at=NOON, annotations={"signals.address_country": "AT"},
        credited_at=NOON,
        charges=(Charge(kind="tax", label="VAT 19 %", amount_minor=144, included=True, rate="19"),),
    )  # fmt: skip
    await GATE.before_provider(here(studio), purchase)
    [question] = studio.questions
    assert (question["type"], question["version"]) == ("purchase", 1)
    assert question["data"] == {
        "tenant": "demo", "mode": "test", "paymentId": purchase.payment_id,
        "playerId": purchase.player_id, "purpose": "packs", "provider": "sandbox",
        "productId": purchase.product_id, "amountMinor": 900, "currency": "EUR",
        "charges": [{"kind": "tax", "label": "VAT 19 %", "amountMinor": 144, "included": True,
                     "rate": "19"}],
        "gameCurrency": "GEM", "coins": 1_000, "bonus": 50, "country": "DE", "platform": "ios",
        "address": "203.0.113.7", "addressCountry": "DE", "device": purchase.device,
        "ageConfirmedAt": "2026-11-26T12:00:00Z",
        "annotations": {"signals.address_country": "AT"},
        "creditedAt": "2026-11-26T12:00:00Z",
    }  # fmt: skip


async def test_nothing_that_gates_see_is_left_out(studio: Studio) -> None:
    await GATE.before_provider(here(studio), bought())
    [question] = studio.questions
    names = [one.name for one in msgspec.structs.fields(PurchaseView)]
    heads = [name.partition("_") for name in names]
    camel = {head + rest.title().replace("_", "") for head, _, rest in heads}
    assert camel == question["data"].keys() - {"tenant", "mode"}
    table = PAGE.partition("| in `data` |")[2].partition("\n\n")[0]
    described = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert set(described) == question["data"].keys()


@BOTH
async def test_a_yes_admits_with_its_annotations(studio: Studio, plugin: HttpGate) -> None:
    said = {"allow": True, "annotations": {"guild": "north"}}
    assert await ask(studio, said, plugin) == Annotated(annotations={"guild": "north"})
    assert await ask(studio, {"allow": True}, plugin) == Annotated()


async def test_a_veto_is_told_in_the_servers_own_words(studio: Studio) -> None:
    assert await ask(studio, VETO) == Veto(code="vault_full", detail="Your vault is too full.")


async def test_who_only_annotates_cannot_veto(studio: Studio) -> None:
    with pytest.raises(NoAnswer, match="takes annotations only"):
        await ask(studio, VETO, NOTE)


@BOTH
@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        {"allow": False},
        {"allow": "true"},
        {"allow": True, "vetoed": {"code": "a", "detail": "Not this one."}},
        {"allow": True, **VETO},
        {"annotations": {"a": "b"}},
        {"veto": {"code": "vault_full"}},
        {"veto": {"code": "Vault full!", "detail": "Your vault is too full."}},
        {"veto": {"code": "vault_full", "detail": " "}},
        {"veto": {"code": "vault_full", "detail": "x" * 501}},
        {"veto": {"code": "vault_full", "detail": "Too full.", "until": "later"}},
        {"allow": True, "annotations": {"a b": "x"}},
        {"allow": True, "annotations": {"level": 7}},
        {"allow": True, "annotations": {"long": "x" * 501}},
        {"allow": True, "annotations": {"line": "a\nb"}},
        {"allow": True, "annotations": {f"n{number}": "x" for number in range(11)}},
        {"allow": True, "annotations": {"a": "x" * 17_000}},
    ],
)
async def test_what_is_not_exactly_an_answer_is_none(
    studio: Studio, plugin: HttpGate, said: object
) -> None:
    with pytest.raises(NoAnswer):
        await ask(studio, said, plugin)


@pytest.mark.parametrize("status", [201, 204, 302, 401, 500])
async def test_only_the_status_200_is_an_answer(studio: Studio, status: int) -> None:
    elsewhere = f"location: https://{HOST}/other"
    studio.on("/may-buy", lambda _: page(status, b'{"allow": true}', elsewhere))
    studio.on("/other", lambda _: json_page(200, {"allow": True}))
    with pytest.raises(NoAnswer, match=str(status)):
        await ask(studio)


@BOTH
async def test_whether_the_server_is_there_is_found_out_without_a_purchase(
    studio: Studio, plugin: HttpGate
) -> None:
    studio.say = lambda data: {"allow": data == {"tenant": "demo", "mode": "test", "test": True}}
    assert "200" in await plugin.test_connection(here(studio, plugin))
    (question,) = studio.questions
    assert question["type"] == "connection_test"
    assert question["data"] == {"tenant": "demo", "mode": "test", "test": True}
    studio.verifies_by = STRANGE
    with pytest.raises(NoAnswer, match="401"):
        await plugin.test_connection(here(studio, plugin))


async def test_a_server_that_is_slower_than_the_setting_says_is_not_waited_for(
    studio: Studio,
) -> None:
    studio.on("/may-buy", lambda _: b"")
    with pytest.raises(TimeoutError):
        await ask(studio, timeout_ms=100)


async def test_an_address_in_a_private_network_is_asked_nothing(studio: Studio) -> None:
    closed = Outbound(studio.egress(private=False), GATE_MANIFEST, SETTINGS)
    asking = msgspec.structs.replace(here(studio), http=closed)
    with pytest.raises(NoAnswer):
        await GATE.before_provider(asking, bought())
    assert studio.asked == []


async def test_who_has_another_secret_believes_nothing(studio: Studio) -> None:
    studio.verifies_by = STRANGE
    with pytest.raises(NoAnswer, match="401"):
        await ask(studio)
    assert studio.questions == []


async def test_while_a_secret_is_replaced_the_old_one_and_the_new_one_verify(
    studio: Studio,
) -> None:
    for verifies_by in (SECRET, NEW):
        studio.verifies_by = verifies_by
        assert await ask(studio, secrets=f"{SECRET} {NEW}") == Annotated()


@pytest.mark.skipif(not is_installed(), reason="needs Node 20 and what `make test` installs")
async def test_a_server_in_another_language_verifies_and_judges() -> None:
    with JudgeServer(SECRET) as judge:
        settings = {"url": judge.url, "secrets": SECRET}
        egress = Egress(private=True)
        found = context(settings, now=datetime.now(UTC))
        asking = msgspec.structs.replace(found, http=Outbound(egress, GATE_MANIFEST, settings))
        try:
            assert await GATE.before_provider(asking, bought()) == Annotated(
                annotations={"guild": "north"}
            )
            refused = await GATE.before_provider(asking, bought(coins=5_001))
            assert refused == Veto(
                code="vault_full", detail="Your vault is too full for this pack."
            )
            forged = msgspec.structs.replace(asking, settings={**settings, "secrets": STRANGE})
            with pytest.raises(NoAnswer, match="401"):
                await GATE.before_provider(forged, bought())
        finally:
            await egress.close()


def block(language: str) -> str:
    """Return the program of the page in this language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_server_in_javascript_is_the_one_of_the_page() -> None:
    program, _, listens = block("js").partition("server.listen")
    assert program in (FOLDER / "server.mjs").read_text()
    assert listens


async def test_the_server_in_python_of_the_page_verifies_and_judges(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    told: dict[str, Any] = {}
    exec(block("python"), told)

    def answer(asked: Asked) -> bytes:
        status, body = told["may_buy"](asked.headers, asked.body)
        return page(status, body.encode())

    studio.on("/may-buy", answer)
    assert await ask(studio) == Annotated(annotations={"guild": "north"})
    full = await GATE.before_provider(here(studio), bought(coins=5_001))
    assert full == Veto(code="vault_full", detail="Your vault is too full for this pack.")
    with pytest.raises(NoAnswer, match="401"):
        await ask(studio, secrets=STRANGE)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": "game.example"}, "settings.url"),
        ({"url": "https://me:word@game.example/"}, "settings.url"),
        ({"secrets": "hush"}, "settings.secrets"),
        ({"secrets": f"{SECRET},{NEW}"}, "settings.secrets"),
        ({"timeout_ms": 99}, "settings.timeout_ms"),
        ({"timeout_ms": 8_001}, "settings.timeout_ms"),
        ({"version": 2}, "settings.version"),
        ({"fail_open": True}, "settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(changed: dict[str, Any], field: str) -> None:
    refusal = check_settings(GATE_MANIFEST, {**SETTINGS, **changed})
    assert refusal is not None
    assert refusal.field == field


@pytest.mark.parametrize("secrets", [f"{SECRET} {SECRET}", f"whsec_{'A' * 33}"])
def test_secrets_that_are_none_are_refused_without_showing_them(secrets: str) -> None:
    [problem] = GATE.check_settings({**SETTINGS, "secrets": secrets})
    assert problem.field == "secrets"
    assert secrets not in problem.detail


@BOTH
async def test_the_contract_of_gates_holds(studio: Studio, plugin: HttpGate) -> None:
    studio.say = lambda data: VETO if data["coins"] == 5_001 else {"allow": True}
    vetoed = bought(coins=5_001) if plugin is GATE else None
    rehearsal = GateRehearsal(vetoed=vetoed, admitted=bought())
    checks = await run_gate_conformance(plugin, here(studio, plugin), rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    passed = {check.name for check in checks if check.passed}
    assert {"no_secret_is_shown", "only_declared_hosts_are_asked"} <= passed
    if plugin is GATE:
        assert len(passed) >= len(GATE_CHECKS) + len(OPERATION_CHECKS) - 2
        assert "nobody_is_admitted_on_rubbish" in passed
