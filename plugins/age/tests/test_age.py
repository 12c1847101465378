"""Whose age nobody confirmed buys nothing."""

from datetime import timedelta

import pytest
from tests.purchases import NOON, bought, context

from guildbank.plugin_api import Annotated, Veto
from guildbank.plugin_api.conformance import GateRehearsal, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_age.manifest import MANIFEST
from guildbank_age.plugin import PLUGIN

CONFIRMED = {"required": "confirmed"}
A_YEAR = {"required": "confirmed", "good_for_days": 365}


async def ask(settings: dict, days: int | None) -> Annotated | Veto:
    at = None if days is None else NOON - timedelta(days=days)
    return await PLUGIN.before_provider(context(settings), bought(age_confirmed_at=at))


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    for settings in (CONFIRMED, A_YEAR):
        assert check_settings(MANIFEST, settings) is None
        assert PLUGIN.check_settings(settings) == []


@pytest.mark.parametrize("settings", [CONFIRMED, A_YEAR])
async def test_without_a_confirmation_nothing_is_bought_and_the_player_reads_why(
    settings: dict,
) -> None:
    assert await ask(settings, None) == Veto(
        code="age_not_confirmed",
        detail="Nobody has confirmed yet that you are of age. "
        "Ask the game's support how to do that.",
    )


async def test_a_confirmation_is_good_for_ever_or_for_the_days_of_the_setting() -> None:
    assert await ask(CONFIRMED, 3_000) == Annotated()
    assert await ask(A_YEAR, 365) == Annotated()
    answer = await ask(A_YEAR, 366)
    assert isinstance(answer, Veto)
    assert answer.code == "age_confirmation_too_old"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings"),
        ({"required": "18"}, "settings.required"),
        ({**CONFIRMED, "good_for_days": 0}, "settings.good_for_days"),
        ({**CONFIRMED, "minimum": 18}, "settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict, field: str) -> None:
    refusal = check_settings(MANIFEST, settings)
    assert refusal is not None
    assert refusal.field == field


def test_days_with_a_point_are_refused_by_name() -> None:
    [problem] = PLUGIN.check_settings({**CONFIRMED, "good_for_days": 365.0})
    assert problem.field == "good_for_days"


async def test_the_contract_of_gates_holds() -> None:
    rehearsal = GateRehearsal(vetoed=bought(), admitted=bought(age_confirmed_at=NOON))
    checks = await run_gate_conformance(PLUGIN, context(A_YEAR), rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_vetoed_purchase_is_vetoed",
        "the_admitted_purchase_is_admitted",
        "strange_settings_raise_nothing",
    }
