"""A purchase goes on when the game's server says so, in time and in words that can be read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.authorise.tests.game import SECRET, URL, GameServer
from tests.purchases import bought, context
from tests.servers.impostor import page

from guildbank.plugin_api import Annotated, Context, NoAnswer, Veto
from guildbank.plugin_api.conformance import (
    GATE_CHECKS,
    OPERATION_CHECKS,
    GateRehearsal,
    run_gate_conformance,
)
from guildbank.plugin_host import Plugins, check_settings
from guildbank_authorise.manifest import MANIFEST
from guildbank_authorise.plugin import BAD_SECRET, PLUGIN

SETTINGS = {"url": URL, "secret": SECRET}
REHEARSAL = GateRehearsal(vetoed=bought(coins=5_001), admitted=bought())


@pytest.fixture
async def game() -> AsyncIterator[GameServer]:
    async with GameServer() as server:
        yield server


def here(game: GameServer, **settings: Any) -> Context:
    # The library that verifies takes no question that is older than minutes.
    return game.seen_by(context({**SETTINGS, **settings}, now=datetime.now(UTC)))


async def ask(game: GameServer, answer: dict[str, Any] | None = None) -> Annotated | Veto:
    if answer is not None:
        game.say = lambda _: answer
    return await PLUGIN.before_provider(here(game), bought())


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert check_settings(MANIFEST, SETTINGS) is None
    assert PLUGIN.check_settings(SETTINGS) == []


async def test_the_server_is_asked_about_the_purchase_by_a_signed_question(
    game: GameServer,
) -> None:
    await PLUGIN.before_provider(here(game), bought(annotations={"fraud.score": "3"}))
    [question] = game.questions
    assert question["type"] == "before_purchase"
    asked = bought()
    assert question["data"] == {
        "tenant": "demo", "mode": "test", "paymentId": asked.payment_id,
        "playerId": asked.player_id, "purpose": "packs", "provider": "sandbox",
        "productId": asked.product_id, "amountMinor": 900, "currency": "EUR",
        "gameCurrency": "GEM", "coins": 1_000, "bonus": 50, "country": "DE", "platform": None,
        "annotations": {"fraud.score": "3"},
    }  # fmt: skip


async def test_whether_the_server_is_there_is_found_out_without_a_purchase(
    game: GameServer,
) -> None:
    game.say = lambda _: {}
    assert "200" in await PLUGIN.test_connection(here(game))
    [question] = game.questions
    assert question["type"] == "connection_test"
    assert question["data"] == {"tenant": "demo", "mode": "test", "test": True}
    game.on("/may-buy", lambda _: page(404, b""))
    with pytest.raises(NoAnswer, match="404"):
        await PLUGIN.test_connection(here(game))


async def test_a_yes_admits_and_its_notes_go_along(game: GameServer) -> None:
    assert await ask(game) == Annotated(annotations={"guild": "north"})
    assert await ask(game, {"allow": True, "since": "v2"}) == Annotated()


async def test_a_no_is_told_in_the_games_own_words(game: GameServer) -> None:
    said = {"allow": False, "code": "vault_full", "detail": "Your vault is too full."}
    assert await ask(game, said) == Veto(code="vault_full", detail="Your vault is too full.")


@pytest.mark.parametrize(
    "said",
    [
        {"allow": False},
        {"allow": False, "code": "Vault full!", "detail": "\u0000\n"},
        {"allow": False, "notes": {"": ""}},
    ],
)
async def test_a_no_without_usable_words_is_a_no_all_the_same(game: GameServer, said: dict) -> None:
    assert await ask(game, said) == Veto(
        code="game_refused", detail="The game's own server does not agree to this purchase."
    )


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"allow": "yes"},
        {"allow": True, "notes": {"a b": "x"}},
        {"allow": True, "notes": {"level": 7}},
        {"allow": True, "notes": {"long": "x" * 501}},
        {"allow": True, "notes": {f"n{number}": "x" for number in range(11)}},
        {"allow": True, "padding": "x" * 17_000},
    ],
)
async def test_a_yes_that_cannot_be_kept_whole_is_none(game: GameServer, said: dict) -> None:
    with pytest.raises(NoAnswer):
        await ask(game, said)


@pytest.mark.parametrize("status", [201, 204, 302, 401, 500])
async def test_only_the_status_200_is_an_answer(game: GameServer, status: int) -> None:
    game.on("/may-buy", lambda _: page(status, b'{"allow": true}'))
    with pytest.raises(NoAnswer, match=str(status)):
        await ask(game)


async def test_a_server_that_is_slower_than_the_setting_says_is_not_waited_for(
    game: GameServer,
) -> None:
    game.on("/may-buy", lambda _: b"")
    with pytest.raises(TimeoutError):
        await PLUGIN.before_provider(here(game, timeout_ms=100), bought())


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!", SECRET.removeprefix("whsec_"), "ü" * 40]
)
def test_a_secret_that_the_other_side_would_read_otherwise_is_refused_and_not_shown(
    secret: str,
) -> None:
    problems = PLUGIN.check_settings({"url": URL, "secret": secret})
    assert problems == [BAD_SECRET]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": URL}, "settings"),
        ({"secret": SECRET}, "settings"),
        ({**SETTINGS, "timeout_ms": 3_001}, "settings.timeout_ms"),
        ({**SETTINGS, "timeout_ms": 99}, "settings.timeout_ms"),
        ({**SETTINGS, "urls": []}, "settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict, field: str) -> None:
    refusal = check_settings(MANIFEST, settings)
    assert refusal is not None
    assert refusal.field == field


async def test_every_check_of_the_contract_passes(game: GameServer) -> None:
    checks = await run_gate_conformance(PLUGIN, here(game), REHEARSAL)
    not_passed = {check.name: check.detail for check in checks if not check.passed}
    # It has no start, and is never skipped.
    assert set(not_passed) == {"it_makes_ready_and_again", "who_may_be_skipped_vetoes_nothing"}
    tried = "nobody_away_is_taken_for_an_answer"
    assert tried in {check.name for check in checks}
    assert len(checks) == len(GATE_CHECKS) + len(OPERATION_CHECKS) + 1
