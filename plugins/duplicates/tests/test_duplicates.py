"""A second tap buys nothing, and whoever means it buys again a moment later."""

import msgspec
import pytest
from tests.purchases import NOON, bought, context, past

from guildbank.plugin_api import Annotated, PastPurchase, PastState, Veto
from guildbank.plugin_api.conformance import GateRehearsal, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_duplicates.manifest import MANIFEST
from guildbank_duplicates.plugin import PLUGIN

TEN_SECONDS = 10 / 60


async def ask(*before: PastPurchase, **settings: object) -> Annotated | Veto:
    return await PLUGIN.before_provider(context(settings, bought=before), bought())


def test_the_gate_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    for settings in ({}, {"seconds": 5}):
        assert check_settings(MANIFEST, settings) is None
        assert PLUGIN.check_settings(settings) == []


async def test_the_same_purchase_is_refused_and_the_player_reads_what_to_do() -> None:
    assert await ask(past(TEN_SECONDS)) == Veto(
        code="duplicate_purchase",
        detail="You have just bought this. If you want it once more, try again in 20 seconds.",
    )


async def test_it_passes_once_the_time_is_over() -> None:
    assert await ask(past(31 / 60)) == Annotated()
    assert await ask(past(TEN_SECONDS), seconds=9) == Annotated()
    answer = await ask(past(TEN_SECONDS), seconds=11)
    assert isinstance(answer, Veto)
    assert answer.detail.endswith("in 1 second.")


@pytest.mark.parametrize(
    "changes", [{"product_id": "product_other"}, {"amount_minor": 901}, {"currency": "USD"}]
)
async def test_another_product_or_price_is_no_duplicate(changes: dict) -> None:
    assert await ask(past(TEN_SECONDS, **changes)) == Annotated()


@pytest.mark.parametrize(
    ("state", "refused"),
    [("paid", True), ("open", True), ("failed", False), ("returned", False)],
)
async def test_after_one_that_came_to_nothing_the_same_may_be_bought(
    state: str, refused: bool
) -> None:
    assert isinstance(await ask(past(TEN_SECONDS, state=PastState(state))), Veto) is refused


async def test_after_a_decline_the_player_may_begin_anew() -> None:
    declined = past(TEN_SECONDS, state=PastState.OPEN, declined_at=(NOON,))
    assert await ask(declined) == Annotated()


async def test_of_two_at_the_same_moment_the_first_passes_and_the_second_does_not() -> None:
    own = past(0.02, payment_id=bought().payment_id, state=PastState.OPEN)
    first, second = (past(minutes, state=PastState.OPEN) for minutes in (0.03, 0.01))
    assert await ask(second, own) == Annotated()
    assert isinstance(await ask(own, first), Veto)


async def test_without_a_history_nothing_passes() -> None:
    asked = msgspec.structs.replace(context({}), history=None)
    with pytest.raises(LookupError):
        await PLUGIN.before_provider(asked, bought())


@pytest.mark.parametrize("seconds", [0, 3_601, "5", 1.5])
def test_seconds_that_do_not_fit_are_refused_by_name(seconds: object) -> None:
    refusal = check_settings(MANIFEST, {"seconds": seconds})
    assert refusal is not None
    assert refusal.field == "settings.seconds"


def test_seconds_with_a_point_are_refused_by_name() -> None:
    [problem] = PLUGIN.check_settings({"seconds": 5.0})
    assert problem.field == "seconds"


async def test_the_contract_of_gates_holds() -> None:
    hasty = bought(player_id="player_hasty")
    asked = msgspec.structs.replace(context({"seconds": 60}), history=None)
    rehearsal = GateRehearsal(
        vetoed=hasty, admitted=bought(), past={hasty.player_id: [past(TEN_SECONDS)]}
    )
    checks = await run_gate_conformance(PLUGIN, asked, rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "the_vetoed_purchase_is_vetoed",
        "the_admitted_purchase_is_admitted",
        "strange_settings_raise_nothing",
        "nobody_is_admitted_while_the_history_is_away",
    }
