"""Purchases pass by the player's country, and where it is not known nothing passes unasked."""

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Annotated, SettingProblem, Veto
from guildbank.plugin_api.conformance import GateRehearsal, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_countries.manifest import MANIFEST
from guildbank_countries.plugin import PLUGIN, REFUSED, UNKNOWN

ONLY = {"listed": "admit", "countries": ["DE", "AT"]}
ALL_BUT = {"listed": "refuse", "countries": ["BE", "NL"]}


async def ask(settings: dict, country: str | None) -> Annotated | Veto:
    return await PLUGIN.before_provider(context(settings), bought(country=country))


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    for settings in (ONLY, ALL_BUT):
        assert check_settings(MANIFEST, settings) is None
        assert PLUGIN.check_settings(settings) == []


async def test_only_the_admitted_countries_pass() -> None:
    assert await ask(ONLY, "DE") == Annotated()
    assert await ask(ONLY, "AT") == Annotated()
    assert await ask(ONLY, "FR") == REFUSED


async def test_all_but_the_refused_countries_pass() -> None:
    assert await ask(ALL_BUT, "FR") == Annotated()
    assert await ask(ALL_BUT, "BE") == REFUSED
    assert await ask(ALL_BUT, "NL") == REFUSED


async def test_a_country_in_small_letters_is_the_same_country() -> None:
    assert await ask(ALL_BUT, "be") == REFUSED
    assert await ask(ONLY, "de") == Annotated()


@pytest.mark.parametrize("settings", [ONLY, ALL_BUT])
@pytest.mark.parametrize("country", [None, "", "ZZ", "Belgium"])
async def test_a_purchase_without_a_country_is_refused_unless_the_setting_admits_it(
    settings: dict, country: str | None
) -> None:
    assert await ask(settings, country) == UNKNOWN
    assert await ask({**settings, "without_country": "refuse"}, country) == UNKNOWN
    assert await ask({**settings, "without_country": "admit"}, country) == Annotated()


def test_the_player_reads_what_is_the_matter() -> None:
    assert (
        Veto(code="country_refused", detail="This purchase is not offered in your country.")
        == REFUSED
    )
    assert (
        Veto(
            code="country_unknown",
            detail="This purchase needs to know your country, and your account names none.",
        )
        == UNKNOWN
    )


def test_countries_that_are_none_or_stand_twice_are_refused_by_name() -> None:
    settings = {"listed": "admit", "countries": ["DE", "UK", "AT", "DE"]}
    assert check_settings(MANIFEST, settings) is None
    assert PLUGIN.check_settings(settings) == [
        SettingProblem(field="countries.1", detail="UK is no country of ISO 3166-1."),
        SettingProblem(field="countries.3", detail="DE stands in the list twice."),
    ]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"countries": ["DE"]}, "settings"),
        ({"listed": "admit"}, "settings"),
        ({"listed": "admit", "countries": []}, "settings.countries"),
        ({"listed": "allow", "countries": ["DE"]}, "settings.listed"),
        ({"listed": "admit", "countries": ["de"]}, "settings.countries.0"),
        ({"listed": "admit", "countries": ["DEU"]}, "settings.countries.0"),
        ({"listed": "admit", "countries": ["DE"] * 301}, "settings.countries"),
        ({**ONLY, "without_country": "ask"}, "settings.without_country"),
        ({**ONLY, "continents": ["EU"]}, "settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict, field: str) -> None:
    refusal = check_settings(MANIFEST, settings)
    assert refusal is not None
    assert refusal.field == field


async def test_the_contract_of_gates_holds() -> None:
    asked = context({"listed": "admit", "countries": ["DE"]})
    rehearsal = GateRehearsal(vetoed=bought(country="FR"), admitted=bought())
    checks = await run_gate_conformance(PLUGIN, asked, rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_vetoed_purchase_is_vetoed",
        "strange_settings_raise_nothing",
    }
