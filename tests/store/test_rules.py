"""Prices are exact integers; no number of coins is free and no split of an order is cheaper."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.payments import LimitUse, Order, Quote
from guildbank.store import OpenAmount, Pack, PackDraft, Price
from guildbank.store.rules import check_draft, quote, scaled_up

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PACK = Pack(
    id="pack_1", version=3, name="Chest", currency="GEM", coins=500, bonus=50,
    prices=(Price(499, "EUR"), Price(599, "EUR", "CH"), Price(700, "JPY")), active=True,
    starts_at=None, ends_at=None, limit_per_player=None, open_amount=None, saved_at=NOW,
)  # fmt: skip
ORDER = Order(
    player_id="player_1", product_id="pack_1", coins=None, money="EUR", country=None, at=NOW
)
OPEN = msgspec.structs.replace(PACK, open_amount=OpenAmount(10, 100_000))


def sold(pack: Pack = PACK, **changes: object) -> Quote:
    found = quote(pack, msgspec.structs.replace(ORDER, **changes))
    assert isinstance(found, Quote), found
    return found


def refused(pack: Pack = PACK, **changes: object) -> str:
    found = quote(pack, msgspec.structs.replace(ORDER, **changes))
    assert isinstance(found, Refusal), found
    return found.code


def test_a_pack_costs_its_price_in_the_money_and_country():
    assert (sold().amount_minor, sold().coins, sold().bonus, sold().version) == (499, 500, 50, 3)
    assert sold(country="CH").amount_minor == 599
    assert sold(country="DE").amount_minor == 499
    assert sold(money="JPY", country="CH").amount_minor == 700
    assert refused(money="USD") == "pack_not_for_sale_in_currency"
    only_swiss = msgspec.structs.replace(PACK, prices=(Price(599, "EUR", "CH"),))
    assert refused(only_swiss) == "pack_not_for_sale_in_currency"


def test_a_pack_is_sold_in_its_window_only():
    late = msgspec.structs.replace(PACK, starts_at=NOW + HOUR)
    over = msgspec.structs.replace(PACK, ends_at=NOW)
    now = msgspec.structs.replace(PACK, starts_at=NOW, ends_at=NOW + HOUR)
    assert refused(late) == refused(over) == "pack_inactive"
    assert refused(msgspec.structs.replace(PACK, active=False)) == "pack_inactive"
    assert sold(now).amount_minor == 499


def test_an_open_amount_scales_price_and_bonus():
    found = sold(OPEN, coins=1234)
    # ceil(499 * 1234 / 500) = ceil(1231.532); floor(50 * 1234 / 500) = 123.
    assert (found.coins, found.amount_minor, found.bonus) == (1234, 1232, 123)
    for coins in (None, 9, 100_001):
        assert refused(OPEN, coins=coins) == "amount_out_of_range"
    assert refused(PACK, coins=499) == "amount_out_of_range"
    assert sold(PACK, coins=500).coins == 500


def test_a_limit_counts_each_player_apart():
    limited = msgspec.structs.replace(PACK, limit_per_player=2)
    assert sold(limited).limits == (LimitUse("store.bought:pack_1:player_1", 1, 2),)
    assert sold().limits == ()


@given(
    price=st.integers(1, 10**9), unit=st.integers(1, 10**6), a=st.integers(1, 10**6),
    b=st.integers(1, 10**6),
)  # fmt: skip
def test_no_coins_are_free_and_no_split_is_cheaper(price: int, unit: int, a: int, b: int):
    whole = scaled_up(price, a + b, unit)
    assert scaled_up(price, a, unit) >= 1
    assert whole <= scaled_up(price, a, unit) + scaled_up(price, b, unit)
    assert 0 <= whole * unit - price * (a + b) < unit
    assert scaled_up(price, unit, unit) == price


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prices": (Price(1, "EUR"), Price(2, "EUR"))}, "prices"),
        ({"prices": (Price(1, "EUR", "DE"), Price(2, "EUR", "DE"))}, "prices"),
        ({"starts_at": NOW, "ends_at": NOW}, "activeUntil"),
        ({"open_amount": OpenAmount(5, 4)}, "openAmount"),
        ({"coins": 1, "open_amount": OpenAmount(1, MAX_AMOUNT)}, "openAmount"),
        ({"coins": 1, "bonus": 2, "prices": (Price(1, "EUR"),),
          "open_amount": OpenAmount(1, MAX_AMOUNT)}, "openAmount"),
    ],
)  # fmt: skip
def test_a_pack_that_could_never_be_sold_as_it_says_is_refused(
    changes: dict[str, object], field: str
):
    fields = {name: getattr(PACK, name) for name in PackDraft.__struct_fields__}
    assert check_draft(PackDraft(**fields)) is None
    found = check_draft(PackDraft(**{**fields, **changes}))
    assert found is not None
    assert (found.code, found.field) == ("invalid_value", field)
