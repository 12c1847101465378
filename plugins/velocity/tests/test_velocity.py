"""Players buy so often, for so much, and after so few declines as the limits say."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.purchases import NOON, bought, context, past

from guildbank.plugin_api import MAX_PAST, Annotated, PastPurchase, PastState, SettingProblem, Veto
from guildbank.plugin_api.conformance import GateRehearsal, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_velocity.counting import written
from guildbank_velocity.manifest import MANIFEST, MAX_LIMITS, MAX_WINDOW_MINUTES
from guildbank_velocity.plugin import PLUGIN

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text()
TWO_AN_HOUR = {"window_minutes": 60, "most_purchases": 2}
TWENTY_A_DAY = {"window_minutes": 1_440, "most_minor": 2_000, "money": "EUR"}
THREE_DECLINES = {"window_minutes": 10, "most_declines": 3}
OWN = bought().payment_id


async def ask(limit: dict, *before: PastPurchase, **changes: object) -> Annotated | Veto:
    asked = context({"limits": [limit]}, bought=before)
    return await PLUGIN.before_provider(asked, bought(**changes))


def too_many(when: str) -> Veto:
    detail = f"You have made too many purchases of late. Try again in {when}."
    return Veto(code="too_many_purchases", detail=detail)


def declined(*minutes: float, **changes: object) -> PastPurchase:
    at = tuple(NOON - timedelta(minutes=one) for one in minutes)
    return past(minutes[-1], state=PastState.OPEN, declined_at=at, **changes)


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    settings = {"limits": [TWO_AN_HOUR, TWENTY_A_DAY, THREE_DECLINES]}
    assert check_settings(MANIFEST, settings) is None
    assert PLUGIN.check_settings(settings) == []


async def test_as_many_pass_as_the_limit_says_and_then_none_until_one_is_over() -> None:
    assert await ask(TWO_AN_HOUR) == Annotated()
    assert await ask(TWO_AN_HOUR, past(5)) == Annotated()
    assert await ask(TWO_AN_HOUR, past(5), past(48)) == too_many("12 minutes")
    assert await ask(TWO_AN_HOUR, past(5), past(60)) == Annotated()


async def test_whoever_is_over_the_limit_waits_until_enough_purchases_are_over() -> None:
    before = [past(minutes) for minutes in (10, 20, 30, 40)]
    assert await ask(TWO_AN_HOUR, *before) == too_many("40 minutes")


@pytest.mark.parametrize(
    ("state", "counts"),
    [("paid", True), ("open", True), ("failed", False), ("returned", False)],
)
async def test_what_is_paid_or_open_counts_and_what_came_to_nothing_does_not(
    state: str, counts: bool
) -> None:
    answer = await ask(TWO_AN_HOUR, past(5), past(6, state=PastState(state)))
    assert isinstance(answer, Veto) is counts


async def test_the_purchase_itself_does_not_count_and_an_open_one_gives_way_to_a_later() -> None:
    itself = past(1, payment_id=OWN, state=PastState.OPEN)
    later = past(0.5, state=PastState.OPEN)
    assert await ask(TWO_AN_HOUR, itself, past(5)) == Annotated()
    assert await ask(TWO_AN_HOUR, itself, later, past(5)) == Annotated()
    assert await ask(TWO_AN_HOUR, itself, past(0.5), past(5)) == too_many("55 minutes")


async def test_money_adds_up_to_the_limit_with_the_purchase_itself() -> None:
    assert await ask(TWENTY_A_DAY, past(60), amount_minor=1_100) == Annotated()
    assert await ask(TWENTY_A_DAY, past(60), amount_minor=1_101) == Veto(
        code="spent_too_much",
        detail="Purchases may cost 20.00 EUR within 24 hours together. "
        "Try again in 23 hours, or choose something smaller.",
    )


async def test_who_can_never_buy_it_is_not_told_to_wait() -> None:
    assert await ask(TWENTY_A_DAY, amount_minor=2_001) == Veto(
        code="spent_too_much",
        detail="Purchases may cost 20.00 EUR within 24 hours together. Choose something smaller.",
    )


async def test_another_money_is_neither_bounded_nor_counted() -> None:
    assert await ask(TWENTY_A_DAY, past(60), currency="USD", amount_minor=9_000) == Annotated()
    dollars = past(60, currency="USD", amount_minor=9_000)
    assert await ask(TWENTY_A_DAY, dollars, amount_minor=2_000) == Annotated()


async def test_declined_tries_count_each_those_of_the_purchase_itself_and_of_older_ones_too() -> (
    None
):
    assert await ask(THREE_DECLINES, declined(1, 2)) == Annotated()
    assert await ask(THREE_DECLINES, declined(1, 2), declined(4, 11)) == Veto(
        code="too_many_declines",
        detail="Too many payments were declined. Try again in 6 minutes.",
    )
    itself = declined(1, 2, 3, payment_id=OWN)
    assert isinstance(await ask(THREE_DECLINES, itself), Veto)
    begun_earlier = msgspec.structs.replace(
        declined(1, 2, 3), created_at=NOON - timedelta(hours=23)
    )
    assert isinstance(await ask(THREE_DECLINES, begun_earlier), Veto)


async def test_the_first_limit_that_is_broken_is_told() -> None:
    settings = {"limits": [TWENTY_A_DAY, TWO_AN_HOUR]}
    asked = context(settings, bought=[past(5), past(6)])
    answer = await PLUGIN.before_provider(asked, bought(amount_minor=100))
    assert answer == too_many("54 minutes")


async def test_who_has_so_many_purchases_that_older_ones_are_not_told_is_refused() -> None:
    failed = [past(n / 100, state=PastState.FAILED) for n in range(1, MAX_PAST + 1)]
    assert await ask(TWO_AN_HOUR, *failed) == too_many("55 minutes")
    assert await ask({"window_minutes": 5, "most_purchases": 2}, *failed) == Annotated()


async def test_without_a_history_nothing_passes() -> None:
    asked = msgspec.structs.replace(context({"limits": [TWO_AN_HOUR]}), history=None)
    with pytest.raises(LookupError):
        await PLUGIN.before_provider(asked, bought())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "1 minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (7_199, "120 minutes"),
        (7_200, "2 hours"),
        (86_401, "25 hours"),
        (172_801, "3 days"),
    ],
)
def test_a_wait_is_never_told_shorter_than_it_is(seconds: float, words: str) -> None:
    assert written(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("limits", "field", "words"),
    [
        ([{"window_minutes": 5}], "limits.0", "and has 0"),
        ([{**TWO_AN_HOUR, "most_declines": 1}], "limits.0", "and has 2"),
        ([{"window_minutes": 5, "most_minor": 1}], "limits.0", "needs money"),
        ([{"window_minutes": 5, "most_minor": 1, "money": "XAU"}], "limits.0.money", "ISO 4217"),
        ([{**TWO_AN_HOUR, "money": "EUR"}], "limits.0.money", "in every money"),
        ([TWO_AN_HOUR, TWO_AN_HOUR], "limits.1", "limits.0 lets no more"),
        ([{"window_minutes": 30, "most_purchases": 2}, TWO_AN_HOUR], "limits.0", "limits.1 lets"),
    ],
)
def test_limits_that_mean_nothing_or_never_apply_are_refused_by_name(
    limits: list, field: str, words: str
) -> None:
    assert check_settings(MANIFEST, {"limits": limits}) is None
    [problem] = PLUGIN.check_settings({"limits": limits})
    assert problem.field == field
    assert words in problem.detail


def test_a_stricter_limit_in_less_time_is_sound() -> None:
    day = {"window_minutes": 1_440, "most_purchases": 5}
    dollars = {**TWENTY_A_DAY, "money": "USD"}
    assert PLUGIN.check_settings({"limits": [TWO_AN_HOUR, day, TWENTY_A_DAY, dollars]}) == []


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ([], "settings.limits"),
        ([{"most_purchases": 1}], "settings.limits.0"),
        ([{"window_minutes": 44_641, "most_purchases": 1}], "settings.limits.0.window_minutes"),
        ([{"window_minutes": 0, "most_purchases": 1}], "settings.limits.0.window_minutes"),
        ([{"window_minutes": 5, "most_purchases": 500}], "settings.limits.0.most_purchases"),
        ([{"window_minutes": 5, "most_declines": 0}], "settings.limits.0.most_declines"),
        ([{"window_minutes": 5, "most": 1}], "settings.limits.0"),
        ([TWO_AN_HOUR] * 51, "settings.limits"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(limits: list, field: str) -> None:
    refusal = check_settings(MANIFEST, {"limits": limits})
    assert refusal is not None
    assert refusal.field == field


def test_a_count_with_a_point_is_refused_by_name() -> None:
    [problem] = PLUGIN.check_settings({"limits": [{"window_minutes": 5, "most_purchases": 1.0}]})
    assert isinstance(problem, SettingProblem)
    assert problem.field == "limits"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (MAX_LIMITS, "up to {} of them. Each has `window_minutes`"),
        (MAX_WINDOW_MINUTES, "(1 to {}, a month)"),
        (MAX_PAST, "A player with {} purchases or more"),
    ],
)
def test_the_page_tells_the_limits_that_hold(limit: int, words: str) -> None:
    assert words.format(limit) in " ".join(PAGE.split())


async def test_the_contract_of_gates_holds() -> None:
    asked = msgspec.structs.replace(
        context({"limits": [TWO_AN_HOUR, TWENTY_A_DAY, THREE_DECLINES]}), history=None
    )
    eager = bought(player_id="player_eager")
    rehearsal = GateRehearsal(
        vetoed=eager, admitted=bought(), past={eager.player_id: [past(5), past(6)]}
    )
    checks = await run_gate_conformance(PLUGIN, asked, rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_vetoed_purchase_is_vetoed",
        "the_admitted_purchase_is_admitted",
        "strange_settings_raise_nothing",
        "nobody_is_admitted_while_the_history_is_away",
    }
