"""The tax of the buyer's country is in the price or is added, to the cent that states publish."""

from typing import Any

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Charge, Charged, SettingProblem, Veto, added_of, parts_of
from guildbank.plugin_api.conformance import ChargeRehearsal, run_charge_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_tax.manifest import MANIFEST
from guildbank_tax.plugin import PLUGIN

DE = {"country": "DE", "rate": "19", "label": "MwSt."}
SETTINGS = {"rates": [DE, {"country": "US", "rate": "8.25", "included": False, "label": "Tax"}]}


async def lines(settings: dict[str, Any], **changes: Any) -> tuple[Charge, ...]:
    answer = await PLUGIN.charge(context(settings), bought(**changes))
    assert isinstance(answer, Charged), answer
    return answer.charges


async def of_rate(amount_minor: int, rate: str, *, included: bool) -> int:
    settings = {"rates": [{"country": "DE", "rate": rate}], "included": included}
    [line] = await lines(settings, amount_minor=amount_minor)
    return line.amount_minor


def test_the_step_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert check_settings(MANIFEST, SETTINGS) is None
    assert PLUGIN.check_settings(SETTINGS) == []


# The VAT fractions of HM Revenue & Customs (VAT Notice 700): 3/23, 7/47, 1/6 and 1/21.
@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [(11500, "15", 1500), (11750, "17.5", 1750), (12000, "20", 2000), (21000, "5", 1000)],
)
async def test_vat_is_taken_out_of_a_price_by_the_published_fraction(
    gross: int, rate: str, tax: int
) -> None:
    assert await of_rate(gross, rate, included=True) == tax


# Revenu Quebec, "Calculating the Taxes": 100.00 bears 5.00 GST and 9.98 QST, half a cent up.
@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [(10000, "5", 500), (10000, "9.975", 998), (50000, "9.975", 4988), (250000, "9.975", 24938)],
)
async def test_a_sales_tax_is_added_as_its_state_publishes(net: int, rate: str, tax: int) -> None:
    assert await of_rate(net, rate, included=False) == tax


async def test_two_taxes_of_one_place_stand_side_by_side() -> None:
    gst = {"rates": [{"country": "CA", "rate": "5", "label": "GST"}], "included": False}
    qst = {"rates": [{"country": "CA", "rate": "9.975", "label": "QST"}], "included": False}
    first = await lines(gst, country="CA", amount_minor=10000)
    second = await lines(qst, country="CA", amount_minor=10500, charges=first)
    assert 10000 + added_of((*first, *second)) == 11498
    assert [one.label for one in (*first, *second)] == ["GST 5 %", "QST 9.975 %"]


@pytest.mark.parametrize(("minor", "tax"), [(1, 0), (3, 0), (4, 1), (899, 144), (900, 144)])
async def test_each_line_is_rounded_by_itself(minor: int, tax: int) -> None:
    assert await of_rate(minor, "19", included=True) == tax


async def test_the_country_says_whether_the_price_bears_it() -> None:
    [vat] = await lines(SETTINGS)
    assert (vat.label, vat.included, vat.amount_minor) == ("MwSt. 19 %", True, 144)
    [tax] = await lines(SETTINGS, country="US")
    assert (tax.label, tax.included, tax.amount_minor) == ("Tax 8.25 %", False, 74)


@pytest.mark.parametrize("country", [None, "", "XX", "Germany"])
async def test_a_purchase_of_no_known_country_is_refused_unless_it_has_a_rate(
    country: str | None,
) -> None:
    refused = await PLUGIN.charge(context(SETTINGS), bought(country=country))
    assert isinstance(refused, Veto)
    assert refused.code == "country_unknown"
    [line] = await lines({**SETTINGS, "without_country": "21"}, country=country)
    assert (line.label, line.rate) == ("VAT 21 %", "21")
    assert await lines({**SETTINGS, "without_country": "0"}, country=country) == ()


async def test_a_country_that_is_not_listed_is_refused_unless_it_has_a_rate() -> None:
    refused = await PLUGIN.charge(context(SETTINGS), bought(country="FR"))
    assert isinstance(refused, Veto)
    assert refused.code == "country_refused"
    assert await lines({**SETTINGS, "other_countries": "0"}, country="FR") == ()
    [line] = await lines({**SETTINGS, "other_countries": "20"}, country="FR")
    assert line.amount_minor == 150


async def test_a_rate_of_zero_that_is_listed_is_shown_to_the_buyer() -> None:
    [line] = await lines({"rates": [{"country": "DE", "rate": "0"}]})
    assert (line.label, line.amount_minor) == ("VAT 0 %", 0)


async def test_products_without_tax_bear_none() -> None:
    assert await lines({**SETTINGS, "exempt_products": [bought().product_id]}) == ()


async def test_a_region_has_the_rate_that_a_note_of_an_entry_step_leads_to() -> None:
    settings = {
        "rates": [
            {"country": "US", "rate": "0"},
            {"country": "US", "region": "CA", "rate": "7.25"},
        ],
        "included": False,
        "region_note": "where.region",
    }
    assert PLUGIN.check_settings(settings) == []
    in_california = {"country": "US", "annotations": {"where.region": "CA"}, "amount_minor": 1000}
    [line] = await lines(settings, **in_california)
    assert line.amount_minor == 73
    [line] = await lines(settings, country="US", annotations={"where.region": "OR"})
    assert line.amount_minor == 0


async def test_fees_before_it_are_taxed_where_the_setting_says_so() -> None:
    fee = Charge(kind="fee", label="Service", amount_minor=119)
    changes = {"amount_minor": 900 + 119, "charges": (fee,)}
    [untaxed] = await lines(SETTINGS, **changes)
    both = await lines({**SETTINGS, "taxes_fees": True}, **changes)
    assert untaxed == both[0]
    assert [(one.of, one.amount_minor) for one in both] == [("price", 144), ("fees", 19)]
    # The fee is the seller's without the tax in it, and the total is as it was.
    assert parts_of(900, (fee, *both)) == (756, 163, 100)


@pytest.mark.parametrize(
    ("changes", "field", "detail"),
    [
        (
            {"rates": [{**DE, "country": "XX"}]},
            "rates.0.country",
            "XX is no country of ISO 3166-1.",
        ),
        ({"rates": [DE, DE]}, "rates.1.country", "rates.0 is for the same place already."),
        (
            {"rates": [{**DE, "rate": "100.5"}]},
            "rates.0.rate",
            "'100.5' is no rate from 0 to 100 percent such as '9.975'.",
        ),
        (
            {"rates": [{**DE, "region": "BY"}]},
            "rates.0.region",
            "No region is known. Say in region_note which note of an entry step names it.",
        ),
        (
            {"other_countries": "100.01"},
            "other_countries",
            "'100.01' is no rate from 0 to 100 percent such as '9.975'.",
        ),
    ],
)
def test_what_the_schema_cannot_say_is_refused_by_name(
    changes: dict[str, Any], field: str, detail: str
) -> None:
    settings = {**SETTINGS, **changes}
    assert check_settings(MANIFEST, settings) is None
    assert PLUGIN.check_settings(settings) == [SettingProblem(field=field, detail=detail)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rates": []}, "settings.rates"),
        ({"rates": [{"country": "DE"}]}, "settings.rates.0"),
        ({"rates": [{"country": "DE", "rate": 19}]}, "settings.rates.0.rate"),
        ({"rates": [{"country": "DE", "rate": 0.19}]}, "settings.rates.0.rate"),
        ({"rates": [{"country": "DE", "rate": "-1"}]}, "settings.rates.0.rate"),
        ({"rates": [{"country": "DE", "rate": "101"}]}, "settings.rates.0.rate"),
        ({"rates": [{"country": "DE", "rate": "19%"}]}, "settings.rates.0.rate"),
        ({"rates": [{"country": "de", "rate": "19"}]}, "settings.rates.0.country"),
        ({"rates": [{**DE, "until": "2027"}]}, "settings.rates.0"),
        ({"without_country": "admit"}, "settings.without_country"),
        ({"other_countries": 0}, "settings.other_countries"),
        ({"label": ""}, "settings.label"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(changes: dict[str, Any], field: str) -> None:
    refusal = check_settings(MANIFEST, {**SETTINGS, **changes})
    assert refusal is not None
    assert refusal.field == field


async def test_the_contract_of_charge_steps_holds() -> None:
    rehearsal = ChargeRehearsal(charged=bought(), spared=bought(country="FR"))
    settings = {**SETTINGS, "taxes_fees": True, "label": "T" * 40}
    checks = await run_charge_conformance(PLUGIN, context(settings), rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_charged_purchase_is_charged",
        "the_spared_purchase_is_not",
        "lines_are_what_the_core_takes",
        "strange_settings_raise_nothing",
    }
