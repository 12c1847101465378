"""Whatever rule is kept, and whatever purchase it meets, a worker is free again in milliseconds."""

import time

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Veto
from guildbank_rule.language import KEPT, compile_rule
from guildbank_rule.plugin import PLUGIN

FIRST = "00" + "k" * 900
LARGEST = bought(
    player_id="x" * 1_000,
    product_id=FIRST,
    annotations={f"{number:02}{'k' * 900}": "é" * 1_000 for number in range(50)},
)
WITHIN_CPU_SECONDS = 0.25
"""Some 20 times what it takes on a slow core, and far from what a rule that explodes would take."""


def in_loop(part: str, times: int) -> str:
    return f"payment.annotations.all(name, {' && '.join([part] * times)})"


HEAVIEST = {
    "letters": " && ".join([r"!payment.annotations[payment.product_id].matches('\\pL+y')"] * 9),
    "nested repeats": " && ".join(["payment.player_id.matches('(x+x+)+$')"] * 9),
    "search": in_loop("!payment.annotations[name].contains(payment.player_id)", 25),
    "comparison": in_loop("payment.annotations[name] == payment.annotations[name]", 20),
    "long list": f"!(payment.coins in [{', '.join(['7'] * 600)}])",
    "times": in_loop("string(now) != ''", 35),
}


@pytest.mark.parametrize("when", HEAVIEST.values(), ids=HEAVIEST)
async def test_the_heaviest_rules_that_are_kept_take_milliseconds(when: str) -> None:
    rule = {"name": "heavy", "when": when, "then": {"veto": {"code": "no", "detail": "No."}}}
    asked = context({"rules": [rule]})
    assert PLUGIN.check_settings(asked.settings) == []
    begun = time.process_time()
    assert isinstance(await PLUGIN.before_provider(asked, LARGEST), Veto)
    assert time.process_time() - begun < WITHIN_CPU_SECONDS


def test_no_more_rules_are_kept_compiled_than_there_is_room_for() -> None:
    for number in range(KEPT + 50):
        compile_rule(f"payment.coins == {number}")
    assert compile_rule.cache_info().currsize == KEPT
