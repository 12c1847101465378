"""The first veto ends a purchase, notes add up, and a rule without an answer lets nothing pass."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Annotated, Veto
from guildbank_rule.bad_rule import BadRule
from guildbank_rule.plugin import PLUGIN, RuleFailed

NIGHT = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)


def veto(when: str, code: str = "no") -> dict:
    then = {"veto": {"code": code, "detail": "Not today."}}
    return {"name": when[:80], "when": when, "then": then}


def note(when: str, **facts: str) -> dict:
    return {"name": when[:80], "when": when, "then": {"note": facts}}


async def ask(*rules: dict, **changes: Any) -> Annotated | Veto:
    return await PLUGIN.before_provider(context({"rules": list(rules)}), bought(**changes))


async def holds(when: str, **changes: Any) -> bool:
    assert PLUGIN.check_settings({"rules": [veto(when)]}) == []
    return isinstance(await ask(veto(when), **changes), Veto)


async def test_the_first_rule_that_vetoes_decides_and_the_rest_are_not_asked() -> None:
    failing = veto("payment.annotations['nobody'] == 'wrote'")
    answer = await ask(
        note("true", seen="yes"), veto("false", "a"), veto("true", "b"), veto("true", "c"), failing
    )
    assert answer == Veto(code="b", detail="Not today.")


async def test_notes_of_all_rules_that_hold_add_up_and_the_later_of_one_name_stands() -> None:
    answer = await ask(
        note("payment.coins > 1", size="small", money="real"),
        note("payment.coins > 500", size="large"),
        note("payment.coins > 5000", size="huge", review="by_hand"),
    )
    assert answer == Annotated(annotations={"size": "large", "money": "real"})


async def test_a_purchase_that_no_rule_concerns_passes_without_a_note() -> None:
    assert await ask(veto("payment.country == 'FR'")) == Annotated()


@pytest.mark.parametrize(
    ("when", "changes"),
    [
        ("payment.player_id == 'p'", {"player_id": "p"}),
        ("payment.purpose == 'chests'", {"purpose": "chests"}),
        ("payment.provider == 'paypal'", {"provider": "paypal"}),
        ("payment.product_id == 'pack_9'", {"product_id": "pack_9"}),
        ("payment.country == 'AT'", {"country": "AT"}),
        ("payment.address.startsWith('198.51.')", {"address": "198.51.100.1"}),
        ("payment.address_country == 'AT'", {"address_country": "AT"}),
        ("payment.device == 'abc'", {"device": "abc"}),
        ("payment.money == 'JPY'", {"currency": "JPY"}),
        ("payment.amount_minor == 1", {"amount_minor": 1}),
        ("payment.coins == 7", {"coins": 7}),
        ("payment.bonus == 7", {"bonus": 7}),
        ("payment.game_currency == 'ORE'", {"game_currency": "ORE"}),
        ("payment.annotations == {'risk.level': 'high'}", {"annotations": {"risk.level": "high"}}),
    ],
)
async def test_a_rule_sees_each_fact_of_the_purchase(when: str, changes: dict) -> None:
    assert await holds(when, **changes)
    assert not await holds(when)


async def test_a_country_that_is_not_known_is_an_empty_text() -> None:
    assert await holds("payment.country == ''", country=None)
    nowhere = "payment.address == '' && payment.address_country == '' && payment.device == ''"
    assert await holds(nowhere, address=None, address_country=None, device=None)


async def test_now_is_the_servers_time_in_the_time_zone_that_the_rule_names() -> None:
    past_midnight = veto("now.getHours('Europe/Berlin') == 0 && now.getHours() == 23")
    asked = context({"rules": [past_midnight]}, now=NIGHT)
    assert isinstance(await PLUGIN.before_provider(asked, bought()), Veto)
    assert await ask(past_midnight) == Annotated()


async def test_amounts_are_exact_up_to_the_largest_there_is() -> None:
    largest = 2**53 - 1
    assert await holds(f"payment.amount_minor == {largest}", amount_minor=largest)
    assert not await holds(f"payment.amount_minor == {largest}", amount_minor=largest - 1)
    assert await holds("payment.amount_minor * 12 / 10 == 1198", amount_minor=999)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("payment.annotations['fraud.score'] == 'high'", "Key not found"),
        ("{'EUR': 1}[payment.money] == 1", "Key not found"),
        ("payment.coins / payment.bonus > 1", "divide by zero"),
        ("payment.amount_minor * 9000000000000000000 > 1", "integer overflow"),
        ("int(payment.country) > 1", "cannot convert string to int"),
        ("timestamp(payment.country) < now", "String to Timestamp conversion failed"),
    ],
)
async def test_a_rule_without_an_answer_refuses_the_purchase(when: str, reason: str) -> None:
    rules = [note(when, seen="yes"), veto("false")]
    assert PLUGIN.check_settings({"rules": rules}) == []
    with pytest.raises(RuleFailed, match=reason):
        await ask(*rules, bonus=0, currency="USD")


async def test_what_the_log_reads_of_a_failure_names_no_player() -> None:
    ada = "player_of_ada"
    with pytest.raises(RuleFailed) as raised:
        await ask(veto("payment.annotations[payment.player_id] == ''"), player_id=ada)
    assert ada not in str(raised.value)


async def test_a_rule_that_was_never_checked_refuses_the_purchase() -> None:
    with pytest.raises(BadRule):
        await ask(veto("payment.amount_minor > 4.99"))


async def test_a_gate_with_a_bad_rule_does_not_start() -> None:
    await PLUGIN.start(context({"rules": [veto("payment.coins > 123")]}))
    with pytest.raises(BadRule, match="undeclared"):
        await PLUGIN.start(context({"rules": [veto("true"), veto("nothing")]}))


@pytest.mark.parametrize(
    "changes",
    [
        {"annotations": {f"step.{number}": "x" for number in range(51)}},
        {"annotations": {"step.name": "x" * 1_001}},
        {"annotations": {"x" * 1_001: ""}},
        {"product_id": "x" * 1_001},
    ],
)
async def test_a_purchase_beyond_the_bounds_is_refused_and_not_judged(changes: dict) -> None:
    with pytest.raises(RuleFailed, match="more than"):
        await ask(veto("false"), **changes)
