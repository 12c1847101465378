"""Purchases are refused between the hours of the settings, by the clock of the tenant."""

from datetime import UTC, datetime

import pytest

from guildbank.plugin_api import Annotated, Context, Veto
from guildbank.plugin_api.conformance import PURCHASE, DirectHttp, run_gate_conformance
from guildbank_night_guard.plugin import PLUGIN

SETTINGS = {"time_zone": "Europe/Berlin", "from_hour": 22, "until_hour": 6}


def at(hour: int, minute: int = 0, **settings: object) -> Context:
    """Return a context of a day in November, when Berlin is an hour ahead of UTC."""
    return Context(
        tenant="demo",
        mode="test",
        settings={**SETTINGS, **settings},
        now=datetime(2026, 11, 26, hour, minute, tzinfo=UTC),
        webhook_url="http://127.0.0.1/",
        http=DirectHttp(),
    )


@pytest.mark.parametrize("hour", [12, 23])
async def test_the_contract_holds_by_day_and_by_night(hour: int) -> None:
    checks = await run_gate_conformance(PLUGIN, at(hour))
    assert [check for check in checks if check.ran and not check.passed] == []
    assert any(check.passed for check in checks)


@pytest.mark.parametrize(
    ("hour", "minute", "is_night"),
    [(20, 59, False), (21, 0, True), (0, 0, True), (4, 59, True), (5, 0, False), (12, 0, False)],
)
async def test_a_night_goes_over_midnight(hour: int, minute: int, is_night: bool) -> None:
    answer = await PLUGIN.before_provider(at(hour, minute), PURCHASE)
    assert isinstance(answer, Veto) is is_night
    if isinstance(answer, Veto):
        assert answer.detail == "Purchases are taken again from 6:00."


@pytest.mark.parametrize(("hour", "is_shut"), [(11, False), (12, True), (13, True), (14, False)])
async def test_a_siesta_is_a_night_by_day(hour: int, is_shut: bool) -> None:
    siesta = at(hour, time_zone="UTC", from_hour=12, until_hour=14)
    assert isinstance(await PLUGIN.before_provider(siesta, PURCHASE), Veto) is is_shut


async def test_what_goes_on_says_by_which_hour() -> None:
    answer = await PLUGIN.before_provider(at(12), PURCHASE)
    assert answer == Annotated(annotations={"hour": "13"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"until_hour": 22}, "until_hour"),
    ],
)
def test_settings_that_mean_nothing_are_named(change: dict[str, object], field: str) -> None:
    assert [problem.field for problem in PLUGIN.check_settings({**SETTINGS, **change})] == [field]
    assert PLUGIN.check_settings(SETTINGS) == []
