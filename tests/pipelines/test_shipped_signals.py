"""Signals, rules, scores and the tenant's own server decide together, before a real purchase."""

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.house import House
from tests.infra.countries_file import write_countries
from tests.payments.shop import Shop, open_shop
from tests.servers.impostor import Impostor

from guildbank.infra.address_countries import AddressCountries
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.contracts import ScoreLimits
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank_remote.plugin import GATE, NOTE
from guildbank_rule.plugin import PLUGIN as RULE
from guildbank_score.plugin import PLUGIN as SCORE
from guildbank_signals.plugin import PLUGIN as SIGNALS

GERMAN, AUSTRIAN = "203.0.113.7", "198.51.100.1"
LOOK = Step("signals", "signals")
MISMATCH = {
    "code": "mismatch", "points": 60, "detail": "It comes from elsewhere.",
    "annotation": "signals.mismatch", "values": ["yes"],
}  # fmt: skip
SHARED = {
    "code": "shared", "points": 40, "detail": "Others buy there.",
    "annotation": "signals.shared_device", "at_least": 2,
}  # fmt: skip


@pytest.fixture
async def shop(house: House, tmp_path: Path) -> Shop:
    named = tuple((one.manifest.id, one) for one in (GATE, NOTE, RULE, SCORE, SIGNALS))
    shop = await open_shop(house, plugins=named)
    shop.payments.address_countries = AddressCountries(write_countries(tmp_path / "c.mmdb"))
    return shop


async def buy(shop: Shop, address: str | None, device: str | None = None) -> Intent:
    """Let a new player whose token says Germany buy from there, on a device."""
    whence = await find_whence(shop.payments, shop.tenant, address, device)
    return await shop.buy(await shop.player(), country="DE", whence=whence)


def scored(refuse: int) -> Stages:
    settings = {"rules": [MISMATCH, SHARED]}
    return Stages(before=(LOOK,), scorers=(Step("risk", "score", settings, ScoreLimits(refuse)),))


async def test_only_what_adds_up_to_the_limit_is_refused(shop: Shop) -> None:
    await shop.publish_stages(scored(100))
    cafe = [(await buy(shop, address, "cafe")).state for address in (GERMAN, AUSTRIAN, AUSTRIAN)]
    # The third player has two others beside it, and comes from elsewhere.
    assert cafe == ["credited", "credited", "failed"]
    assert (await buy(shop, AUSTRIAN, "alone")).state == "credited"
    assert (await buy(shop, GERMAN, "cafe")).state == "credited"
    assert (await buy(shop, None)).state == "credited"


async def test_a_rule_may_refuse_by_what_is_noted(shop: Shop) -> None:
    elsewhere = {
        "name": "elsewhere",
        "when": "'signals.mismatch' in payment.annotations "
        "&& payment.annotations['signals.mismatch'] == 'yes'",
        "then": {"veto": {"code": "elsewhere", "detail": "Buy it at home."}},
    }
    await shop.publish_stages(Stages(before=(LOOK, Step("rules", "rule", {"rules": [elsewhere]}))))
    assert (await buy(shop, AUSTRIAN)).problem_detail == "Buy it at home."
    assert (await buy(shop, GERMAN)).state == "credited"
    assert (await buy(shop, "127.0.0.1")).state == "credited"


async def asking(shop: Shop, plugin: str, url: str) -> Step:
    """Return a step that asks the server, once its secret is set."""
    settings: dict[str, Any] = {"url": url, "timeout_ms": 1_000}
    secret = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    wanted = StepSecrets("packs", "own", "before", plugin, settings, {"secrets": secret})
    done = await set_secrets(shop.payments.pipelines, shop.tenant, "app", wanted)
    assert not isinstance(done, Refusal), done
    return Step("own", plugin, settings)


LOYAL = {
    "name": "loyal",
    "when": "!('own.guild' in payment.annotations)",
    "then": {"veto": {"code": "no_guild", "detail": "Join a guild first."}},
}


async def test_the_tenants_server_admits_notes_and_vetoes_and_its_silence_refuses(
    shop: Shop,
) -> None:
    async with Impostor() as server:
        own = await asking(shop, "http_gate", f"{server.url}/judge")
        await shop.publish_stages(Stages(before=(own, Step("rules", "rule", {"rules": [LOYAL]}))))
        server.answer(200, {"allow": True, "annotations": {"guild": "north"}})
        assert (await buy(shop, GERMAN)).state == "credited"
        server.answer(200, {"veto": {"code": "season_over", "detail": "The season is over."}})
        assert (await buy(shop, GERMAN)).problem_detail == "The season is over."
        server.answer(500, {})
        assert (await buy(shop, GERMAN)).problem == "gate_unavailable"
    assert (await buy(shop, GERMAN)).problem == "gate_unavailable"


async def test_a_server_that_only_annotates_is_gone_on_without(shop: Shop) -> None:
    async with Impostor() as server:
        own = await asking(shop, "http_note", f"{server.url}/judge")
        await shop.publish_stages(Stages(before=(own,)))
        server.answer(200, {"veto": {"code": "season_over", "detail": "The season is over."}})
        assert (await buy(shop, GERMAN)).state == "credited"
        await shop.publish_stages(Stages(before=(own, Step("rules", "rule", {"rules": [LOYAL]}))))
        server.answer(200, {"allow": True, "annotations": {"guild": "north"}})
        assert (await buy(shop, GERMAN)).state == "credited"
    assert (await buy(shop, GERMAN)).problem_detail == "Join a guild first."
