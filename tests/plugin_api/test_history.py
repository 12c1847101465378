"""Of purchases at the same time one passes: which count beside the one that is asked about."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from guildbank.plugin_api import PastPurchase, PastState, rivals
from guildbank.plugin_api.conformance import RecordedHistory

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
OWN = PastPurchase(
    payment_id="pay_2", product_id="product_1", amount_minor=499, currency="EUR",
    provider="sandbox", state=PastState.OPEN, created_at=NOON,
)  # fmt: skip


def other(payment_id: str, state: PastState, seconds: int) -> PastPurchase:
    at = NOON + timedelta(seconds=seconds)
    return msgspec.structs.replace(OWN, payment_id=payment_id, state=state, created_at=at)


@pytest.mark.parametrize("state", list(PastState))
def test_whatever_was_recorded_before_counts(state: PastState) -> None:
    earlier = other("pay_9", state, -1)
    assert rivals([OWN, earlier], OWN.payment_id) == [earlier]


@pytest.mark.parametrize("state", [PastState.PAID, PastState.FAILED, PastState.RETURNED])
def test_what_came_to_an_end_counts_whenever_it_was_recorded(state: PastState) -> None:
    later = other("pay_9", state, 1)
    assert rivals([later, OWN], OWN.payment_id) == [later]


def test_of_two_open_ones_only_the_later_meets_the_other() -> None:
    later = other("pay_1", PastState.OPEN, 1)
    assert rivals([later, OWN], OWN.payment_id) == []
    assert rivals([later, OWN], later.payment_id) == [OWN]


def test_of_two_that_were_recorded_at_one_time_only_one_meets_the_other() -> None:
    beside = other("pay_3", PastState.OPEN, 0)
    assert rivals([beside, OWN], OWN.payment_id) == []
    assert rivals([beside, OWN], beside.payment_id) == [OWN]


def test_all_count_where_the_purchase_itself_is_not_recorded_yet() -> None:
    assert rivals([OWN], "") == [OWN]


async def test_a_recorded_history_tells_a_players_own_newest_first() -> None:
    older, newer = other("pay_1", PastState.PAID, -60), other("pay_3", PastState.PAID, -30)
    history = RecordedHistory({"player_1": [older, newer]})
    assert await history.purchases("player_1", NOON - timedelta(minutes=2)) == [newer, older]
    assert await history.purchases("player_1", NOON - timedelta(seconds=45)) == [newer]
    assert await history.purchases("player_2", NOON - timedelta(minutes=2)) == []
