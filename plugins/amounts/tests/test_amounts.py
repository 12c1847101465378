"""Purchases pass between a least and a most amount of their money, and the player reads why not."""

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Annotated, SettingProblem, Veto
from guildbank.plugin_api.conformance import GateRehearsal, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_amounts.manifest import MANIFEST
from guildbank_amounts.plugin import PLUGIN

EUR = {"money": "EUR", "least_minor": 500, "most_minor": 10_000}
YEN = {"money": "JPY", "most_minor": 15_000}
SETTINGS = {"limits": [EUR, YEN, {"money": "TND", "least_minor": 1_500}]}


async def ask(settings: dict, currency: str, amount_minor: int) -> Annotated | Veto:
    purchase = bought(currency=currency, amount_minor=amount_minor)
    return await PLUGIN.before_provider(context(settings), purchase)


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert check_settings(MANIFEST, SETTINGS) is None
    assert PLUGIN.check_settings(SETTINGS) == []


@pytest.mark.parametrize("amount_minor", [500, 999, 10_000])
async def test_amounts_from_the_least_to_the_most_pass(amount_minor: int) -> None:
    assert await ask(SETTINGS, "EUR", amount_minor) == Annotated()


@pytest.mark.parametrize(
    ("currency", "amount_minor", "code", "detail"),
    [
        ("EUR", 499, "amount_too_low", "A purchase costs at least 5.00 EUR here."),
        ("EUR", 10_001, "amount_too_high", "A purchase costs at most 100.00 EUR here."),
        ("JPY", 15_001, "amount_too_high", "A purchase costs at most 15000 JPY here."),
        ("TND", 1_499, "amount_too_low", "A purchase costs at least 1.500 TND here."),
    ],
)
async def test_the_player_reads_the_limit_in_the_moneys_own_decimals(
    currency: str, amount_minor: int, code: str, detail: str
) -> None:
    assert await ask(SETTINGS, currency, amount_minor) == Veto(code=code, detail=detail)


async def test_a_limit_on_one_side_leaves_the_other_open() -> None:
    assert await ask(SETTINGS, "JPY", 1) == Annotated()
    assert await ask(SETTINGS, "TND", 10**12) == Annotated()


async def test_a_money_that_is_not_listed_is_refused_unless_the_setting_admits_it() -> None:
    assert await ask(SETTINGS, "USD", 999) == Veto(
        code="money_not_taken",
        detail="Purchases in USD are not taken. Choose another currency: EUR, JPY, TND.",
    )
    assert isinstance(await ask({**SETTINGS, "other_money": "refuse"}, "USD", 999), Veto)
    assert await ask({**SETTINGS, "other_money": "admit"}, "USD", 999) == Annotated()


@pytest.mark.parametrize(
    ("limit", "field", "detail"),
    [
        ({"money": "EUX"}, "money", "EUX is no currency of ISO 4217."),
        ({"money": "XAU"}, "money", "XAU is no currency of ISO 4217."),
        ({"money": "EUR"}, "money", "limits.0 is for EUR already."),
        (
            {"money": "USD", "least_minor": 501, "most_minor": 500},
            "least_minor",
            "The least amount is above the most, so no purchase would pass.",
        ),
    ],
)
def test_what_the_schema_cannot_say_is_refused_by_name(
    limit: dict, field: str, detail: str
) -> None:
    settings = {"limits": [EUR, limit]}
    assert check_settings(MANIFEST, settings) is None
    problem = SettingProblem(field=f"limits.1.{field}", detail=detail)
    assert PLUGIN.check_settings(settings) == [problem]


def test_an_amount_that_is_written_with_a_point_is_refused_by_name() -> None:
    settings = {"limits": [{"money": "EUR", "least_minor": 500.0}]}
    [problem] = PLUGIN.check_settings(settings)
    assert problem.field == "limits"
    assert "Expected `int | null`, got `float` - at `$.limits[0].least_minor`" in problem.detail


def test_a_least_amount_equal_to_the_most_is_a_fixed_price() -> None:
    fixed = {"limits": [{"money": "EUR", "least_minor": 500, "most_minor": 500}]}
    assert PLUGIN.check_settings(fixed) == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings"),
        ({"limits": []}, "settings.limits"),
        ({"limits": [{"least_minor": 1}]}, "settings.limits.0"),
        ({"limits": [{"money": "eur"}]}, "settings.limits.0.money"),
        ({"limits": [{"money": "EUR\n"}]}, "settings.limits.0.money"),
        ({"limits": [{"money": "EUR", "least_minor": 0}]}, "settings.limits.0.least_minor"),
        ({"limits": [{"money": "EUR", "least_minor": 2**53}]}, "settings.limits.0.least_minor"),
        ({"limits": [{"money": "EUR", "most_minor": 5.5}]}, "settings.limits.0.most_minor"),
        ({"limits": [{"money": "EUR", "most": 5}]}, "settings.limits.0"),
        ({"limits": [EUR], "other_money": "perhaps"}, "settings.other_money"),
        ({"limits": [EUR], "others": "admit"}, "settings"),
        ({"limits": [EUR] * 201}, "settings.limits"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict, field: str) -> None:
    refusal = check_settings(MANIFEST, settings)
    assert refusal is not None
    assert refusal.field == field


async def test_the_contract_of_gates_holds() -> None:
    asked = context({"limits": [{"money": "EUR", "most_minor": 10_000}]})
    rehearsal = GateRehearsal(vetoed=bought(amount_minor=10_001), admitted=bought())
    checks = await run_gate_conformance(PLUGIN, asked, rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_vetoed_purchase_is_vetoed",
        "strange_settings_raise_nothing",
    }
