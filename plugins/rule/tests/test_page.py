"""The examples of the page are rules that compile, and do what the page says of them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Annotated, Veto
from guildbank.plugin_host import check_settings
from guildbank_rule.language import VARIABLES
from guildbank_rule.literals import LONGEST_PATTERN
from guildbank_rule.manifest import LONGEST_RULE, MANIFEST, MAX_RULES
from guildbank_rule.plugin import LONGEST_TEXT, PLUGIN
from guildbank_rule.weight import MAX_ANNOTATIONS, MAX_STEPS, PATTERN_STEPS

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text()
RULES = {
    rule["name"]: rule
    for rule in map(msgspec.json.decode, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
}
MORNING = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
EVENING = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)


async def ask(name: str, now: datetime = MORNING, **changes: Any) -> Annotated | Veto:
    settings = {"rules": [RULES[name]]}
    return await PLUGIN.before_provider(context(settings, now), bought(**changes))


def test_the_examples_can_be_saved_together() -> None:
    assert len(RULES) == 4
    settings = {"rules": list(RULES.values())}
    assert check_settings(MANIFEST, settings) is None
    assert PLUGIN.check_settings(settings) == []


@pytest.mark.parametrize(
    ("currency", "amount_minor", "passes"),
    [
        ("EUR", 10_000, True),
        ("EUR", 10_001, False),
        ("USD", 10_001, True),
        ("USD", 11_001, False),
        ("JPY", 1, False),
    ],
)
async def test_large_purchases_and_unknown_moneys_are_vetoed(
    currency: str, amount_minor: int, passes: bool
) -> None:
    answer = await ask("large purchases", currency=currency, amount_minor=amount_minor)
    assert (answer == Annotated()) is passes


@pytest.mark.parametrize(
    ("now", "country", "product_id", "passes"),
    [
        (EVENING, "DE", "pack_night", True),
        (EVENING, "AT", "pack_night", True),
        (EVENING, "FR", "pack_night", False),
        (MORNING, "DE", "pack_night", False),
        (MORNING, "FR", "pack_day", True),
    ],
)
async def test_the_night_sale_is_for_its_countries_and_its_hours(
    now: datetime, country: str, product_id: str, passes: bool
) -> None:
    answer = await ask("german night sale", now, country=country, product_id=product_id)
    assert (answer == Annotated()) is passes


async def test_a_large_purchase_with_a_bad_sign_is_noted_for_review() -> None:
    noted = Annotated(annotations={"review": "by_hand"})
    assert await ask("look again", coins=5_000, annotations={"fraud.level": "high"}) == noted
    assert await ask("look again", coins=5_000, annotations={"fraud.level": "low"}) == Annotated()
    assert await ask("look again", coins=10, annotations={"fraud.level": "high"}) == Annotated()
    assert await ask("look again", coins=5_000) == Annotated()


async def test_a_device_that_many_share_is_vetoed_and_one_that_nobody_noted_is_not() -> None:
    for shared, passes in (("4", True), ("5", False), ("100", False), (None, True)):
        notes = {} if shared is None else {"signals.shared_device": shared}
        answer = await ask("many players on one device", annotations=notes)
        assert (answer == Annotated()) is passes, shared


def test_the_page_names_every_fact_of_a_purchase_and_nothing_else() -> None:
    rows = re.findall(
        r"(?m)^\| (`[^|]*) \| (?:string|int|map\(string, string\)|timestamp) \|", PAGE
    )
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(names) == sorted(VARIABLES)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (MAX_RULES, "from 1 to {} of them"),
        (LONGEST_RULE, "of up to {} characters"),
        (MAX_STEPS, "together may take {} steps"),
        (PATTERN_STEPS, "`matches` takes {}."),
        (MAX_ANNOTATIONS, "more than {} annotations"),
        (LONGEST_TEXT, "a text of more than {} characters"),
        (LONGEST_PATTERN, "at most {} characters long"),
    ],
)
def test_the_page_tells_the_limits_that_hold(limit: int, words: str) -> None:
    assert words.format(f"{limit:,}") in " ".join(PAGE.split())
