"""A fee is added to the price by money, country and platform, and the buyer reads its name."""

from typing import Any

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Charge, Charged, SettingProblem
from guildbank.plugin_api.conformance import ChargeRehearsal, run_charge_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_fee.manifest import MANIFEST
from guildbank_fee.plugin import PLUGIN

EUR = {"money": "EUR", "fixed_minor": 30, "percent": "2.9"}


async def charged(*fees: dict[str, Any], **changes: Any) -> int:
    """Return what the fee comes to."""
    answer = await PLUGIN.charge(context({"fees": list(fees)}), bought(**changes))
    assert isinstance(answer, Charged)
    return sum(one.amount_minor for one in answer.charges)


def test_the_step_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert check_settings(MANIFEST, {"fees": [EUR], "label": "Card fee"}) is None
    assert PLUGIN.check_settings({"fees": [EUR]}) == []


@pytest.mark.parametrize(
    ("fee", "minor", "comes_to"),
    [
        (EUR, 900, 56),
        (EUR, 50, 31),
        ({"money": "EUR", "percent": "2.5"}, 900, 23),
        ({"money": "EUR", "fixed_minor": 30}, 900, 30),
        ({**EUR, "least_minor": 100}, 900, 100),
        ({**EUR, "most_minor": 40}, 900, 40),
        ({**EUR, "most_minor": 0}, 900, 0),
        (EUR, 20, 20),
    ],
)
async def test_it_is_a_fixed_part_and_a_part_of_the_price_within_bounds(
    fee: dict[str, Any], minor: int, comes_to: int
) -> None:
    assert await charged(fee, amount_minor=minor) == comes_to


async def test_the_first_that_fits_is_charged_and_none_where_none_does() -> None:
    german = {"money": "EUR", "fixed_minor": 10, "countries": ["DE"]}
    on_the_web = {"money": "EUR", "fixed_minor": 20, "platforms": ["web"]}
    fees = (german, on_the_web, {"money": "USD", "fixed_minor": 40})
    assert await charged(*fees) == 10
    assert await charged(*fees, country="AT", platform="web") == 20
    assert await charged(*fees, country="AT", platform="ios") == 0
    assert await charged(*fees, country=None) == 0
    assert await charged(*fees, country=None, currency="USD") == 40


async def test_the_buyer_reads_its_name_and_the_rate_where_it_is_all() -> None:
    settings = {"fees": [{"money": "EUR", "percent": "2.5"}], "label": "Card fee"}
    answer = await PLUGIN.charge(context(settings), bought())
    line = Charge(kind="fee", label="Card fee", amount_minor=23, rate="2.5")
    assert answer == Charged(charges=(line,))
    mixed = await PLUGIN.charge(context({"fees": [EUR]}), bought())
    line = Charge(kind="fee", label="Service fee", amount_minor=56)
    assert mixed == Charged(charges=(line,))


async def test_all_that_is_added_stays_within_the_price() -> None:
    before = Charge(kind="tax", label="Tax", amount_minor=80)
    assert await charged(EUR, amount_minor=100 + 80, charges=(before,)) == 20


@pytest.mark.parametrize(
    ("fee", "field", "detail"),
    [
        ({"money": "EUX", "fixed_minor": 1}, "money", "EUX is no currency of ISO 4217."),
        ({**EUR, "countries": ["XX"]}, "countries.0", "XX is no country of ISO 3166-1."),
        ({**EUR, "least_minor": 5, "most_minor": 4}, "least_minor",
         "The least fee is above the most."),
        ({"money": "EUR"}, "fixed_minor",
         "Nothing is charged: name a fixed part, a percent or a least."),
        ({"money": "EUR", "percent": "100.1"}, "percent",
         "'100.1' is no rate from 0 to 100 percent such as '9.975'."),
    ],
)  # fmt: skip
def test_what_the_schema_cannot_say_is_refused_by_name(
    fee: dict[str, Any], field: str, detail: str
) -> None:
    settings = {"fees": [EUR, fee]}
    assert check_settings(MANIFEST, settings) is None
    problem = SettingProblem(field=f"fees.1.{field}", detail=detail)
    assert PLUGIN.check_settings(settings) == [problem]


@pytest.mark.parametrize(
    ("fee", "field"),
    [
        ({}, "settings.fees.0"),
        ({"money": "eur"}, "settings.fees.0.money"),
        ({**EUR, "fixed_minor": -1}, "settings.fees.0.fixed_minor"),
        ({**EUR, "fixed_minor": 0.3}, "settings.fees.0.fixed_minor"),
        ({**EUR, "percent": 2.9}, "settings.fees.0.percent"),
        ({**EUR, "percent": "-2.9"}, "settings.fees.0.percent"),
        ({**EUR, "percent": "101"}, "settings.fees.0.percent"),
        ({**EUR, "countries": []}, "settings.fees.0.countries"),
        ({**EUR, "provider": "stripe"}, "settings.fees.0"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(fee: dict[str, Any], field: str) -> None:
    refusal = check_settings(MANIFEST, {"fees": [fee]})
    assert refusal is not None
    assert refusal.field == field


def test_a_part_that_is_written_with_a_point_is_refused_by_name() -> None:
    [problem] = PLUGIN.check_settings({"fees": [{**EUR, "fixed_minor": 30.0}]})
    assert problem.field == "fees"
    assert "Expected `int`, got `float`" in problem.detail


async def test_the_contract_of_charge_steps_holds() -> None:
    rehearsal = ChargeRehearsal(charged=bought(), spared=bought(currency="USD"))
    checks = await run_charge_conformance(PLUGIN, context({"fees": [EUR]}), rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_charged_purchase_is_charged",
        "the_spared_purchase_is_not",
        "lines_are_what_the_core_takes",
        "strange_settings_raise_nothing",
    }
