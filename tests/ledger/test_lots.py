"""The offset arithmetic names the same coins as a model in which every coin is an object."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from tests.laws.coins import Coin, Credit, Hold, Spend, State
from tests.laws.model import Model
from tests.ledger.offset_account import (
    MixedTailAccount,
    OffsetAccount,
    PlainFifoAccount,
    PureLotsAccount,
)

from guildbank.ledger.lots import (
    Interval,
    basis_of,
    claw_interval,
    holes_of,
    map_position,
    to_credit_axis,
    unspent_amount,
    unspent_interval,
)

VERBS = ("buy", "buy", "spend", "spend", "refund", "refund", "reverse", "hold", "capture")
Step = tuple[str, int, int]
histories = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(1, 12), st.integers(0, 9)),
    min_size=3,
    max_size=24,
)
thousands = settings(
    max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class BothWays:
    """One player's paid bucket, kept by offsets and by coins, driven by the same steps."""

    def __init__(self, offsets: OffsetAccount) -> None:
        self.offsets = offsets
        self.model = Model({"gold": ("paid",)})
        self.purchases: list[Credit] = []
        self.lots: dict[Credit, int] = {}
        self.spends: list[Spend] = []
        self.holds: list[Hold] = []

    def step(self, verb: str, amount: int, pick: int) -> None:
        if verb == "buy":
            self.buy(amount, price_minor=pick * 37)
        elif verb == "spend":
            self._spent(self.model.spend("ann", "gold", amount))
        elif verb == "refund" and self.purchases:
            self.refund(self.purchases[pick % len(self.purchases)], amount, debt=pick % 3 > 0)
        elif verb == "reverse" and self.spends:
            self._reverse(pick % len(self.spends), amount)
        elif verb == "hold":
            hold = self.model.hold("ann", "gold", amount)
            if not isinstance(hold, str):
                self.holds.append(hold)
        elif verb == "capture" and self.holds:
            self._spent(self.model.capture(self.holds[pick % len(self.holds)], amount))
        self.offsets.held = self.model.held("ann", "gold")

    def buy(self, amount: int, price_minor: int) -> Credit:
        payment = f"pay_{len(self.purchases)}"
        bought = self.model.buy(
            "ann", "gold", amount, payment_id=payment, price_minor=price_minor, money="EUR"
        )
        assert not isinstance(bought, str)
        self.purchases.append(bought)
        self.lots[bought] = self.offsets.credit(amount).ref.seq
        return bought

    def refund(self, purchase: Credit, amount: int, *, debt: bool) -> None:
        done = self.model.refund(purchase, amount, policy="debt" if debt else "refuse")
        if not isinstance(done, str):
            self.offsets.claw(self.offsets.lots[self.lots[purchase]], amount)

    def _spent(self, spend: Spend | str) -> None:
        if not isinstance(spend, str):
            self.spends.append(spend)
            self.offsets.spend(spend.amount)

    def _reverse(self, number: int, amount: int) -> None:
        if not isinstance(self.model.reverse_spend(self.spends[number], amount), str):
            self.offsets.reverse(number, amount)

    def difference(self) -> str | None:
        """The first thing that a player or an accountant would see differ; None when all agree."""
        offsets, model = self.offsets, self.model
        if (offsets.balance, offsets.debt) != (model.balance("ann", "gold"), self._debt):
            return "balance or debt"
        if offsets.queue() != self._named(model.unspent_coins("ann", "gold", "paid")):
            return "coins still there"
        for number, spend in enumerate(self.spends):
            coins = [coin for _, leg in spend.legs for coin in leg]
            if offsets.coins_of_spend(number) != self._named(coins):
                return f"coins of spend {number}"
        for purchase in self.purchases:
            lot = offsets.lots[self.lots[purchase]]
            if sum(part.length for part in offsets.free(lot)) != model.unspent(purchase):
                return f"refundable coins of {purchase.payment_id}"
            if offsets.unspent_of_lot_alone(lot) > model.unspent(purchase):
                return f"unspent part of the lot of {purchase.payment_id}"
        return None

    @property
    def _debt(self) -> int:
        return self.model.debt("ann", "gold")

    def _named(self, coins: list[Coin]) -> list[tuple[int, int]]:
        return [(self.lots[coin.origin], coin.index) for coin in coins]


def first_difference(history: list[Step], offsets: OffsetAccount) -> str | None:
    both = BothWays(offsets)
    for number, step in enumerate(history):
        try:
            both.step(*step)
            difference = both.difference()
        except (ValueError, AssertionError) as refused:
            difference = repr(refused)
        if difference is not None:
            return f"after step {number} {step}: {difference}"
    return None


@pytest.mark.parametrize("kept_by", [OffsetAccount, PureLotsAccount])
@thousands
@given(history=histories)
def test_every_history_names_the_same_coins_by_offsets_as_by_coin_objects(
    kept_by: type[OffsetAccount], history: list[Step]
) -> None:
    assert first_difference(history, kept_by()) is None


@pytest.mark.parametrize(
    ("wrong", "what"),
    [(PlainFifoAccount, "coins of spend"), (MixedTailAccount, "coins still there")],
)
def test_a_wrong_rule_is_caught(wrong: type[OffsetAccount], what: str) -> None:
    found = find(
        histories,
        lambda history: what in (first_difference(history, wrong()) or ""),
        settings=settings(
            max_examples=3_000,
            deadline=None,
            database=None,
            derandomize=True,
            # Any history that shows it will do, also one that is not the shortest.
            phases=[Phase.generate],
        ),
    )
    assert first_difference(found, OffsetAccount()) is None
    assert first_difference(found, PureLotsAccount()) is None


def test_the_worked_example_of_the_lots_page() -> None:
    both = BothWays(OffsetAccount())
    a = both.buy(100, price_minor=499)
    b = both.buy(100, price_minor=499)
    both.step("spend", 30, 0)
    both.refund(b, 100, debt=False)
    both.buy(50, price_minor=299)
    assert both.offsets.balance == both.model.balance("ann", "gold") == 120
    assert both.offsets.holes == ((100, 100),)

    both.step("spend", 100, 0)

    assert to_credit_axis(both.offsets.holes, 30, 130) == [Interval(30, 100), Interval(200, 230)]
    assert both.spends[1].payments == [("pay_0", 70), ("pay_2", 30)]
    assert both.difference() is None
    assert map_position(both.offsets.holes, 130) == 230
    assert both.model.unspent(a) == 0
    assert unspent_amount(Interval(0, 100), 130, 0, both.offsets.holes) == 0
    assert both.model.refund(a, policy="refuse") == "refund_exceeds_unspent"


def test_a_refund_takes_only_its_own_coins_out_of_a_reversal_that_mixed_two_purchases() -> None:
    both = BothWays(OffsetAccount())
    a = both.buy(10, price_minor=100)
    both.buy(10, price_minor=200)
    both.step("spend", 12, 0)
    both.step("reverse", 12, 0)
    both.refund(a, 4, debt=False)

    assert both.offsets.taken == [Interval(26, 30)]
    assert both.model.unspent(a) == 6
    assert both.difference() is None


slices = st.lists(st.integers(0, 200), min_size=1, max_size=8)


@given(slices, st.integers(0, 10_000))
def test_the_price_of_a_lot_is_the_sum_of_the_prices_of_its_parts(
    cuts: list[int], price_minor: int
) -> None:
    ends = sorted({0, 201, *cuts})
    parts = [basis_of(201, price_minor, x, y) for x, y in pairwise(ends)]
    assert sum(parts) == price_minor
    assert all(part >= 0 for part in parts)
    single = Credit("ann", "gold", "paid", 201, "pay", price_minor, "EUR")
    by_coin = [Coin(single, i, State.UNSPENT).basis_minor for i in range(ends[1])]
    assert parts[0] == sum(by_coin)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=6),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_an_interval_maps_like_its_positions_one_by_one(
    gaps: list[tuple[int, int]], start: int, size: int
) -> None:
    at, intervals = 0, []
    for gap, length in gaps:
        intervals.append(Interval(at + gap, at + gap + length))
        at = intervals[-1].end
    holes = holes_of(reversed(intervals))
    mapped = to_credit_axis(holes, start, start + size)
    one_by_one = [map_position(holes, x) for x in range(start, start + size)]
    assert [place for i in mapped for place in range(*i)] == one_by_one


def test_holes_that_overlap_are_reported_as_damage() -> None:
    with pytest.raises(ValueError, match=r"coin 5 .* two holes"):
        holes_of([Interval(0, 6), Interval(5, 9)])


def test_neighbouring_holes_of_two_lots_stay_two() -> None:
    assert holes_of([Interval(5, 9), Interval(0, 5)]) == ((0, 5), (5, 4))


def test_a_claw_back_takes_the_tail_of_what_is_left_of_the_lot() -> None:
    assert unspent_interval(Interval(0, 100), 30, 20, ((80, 20),)) == Interval(30, 80)
    assert claw_interval(Interval(0, 100), 20, 10) == Interval(70, 80)
    with pytest.raises(ValueError, match="cannot be taken"):
        claw_interval(Interval(0, 100), 20, 81)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (6, 5)])
def test_an_impossible_interval_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no FIFO interval"):
        to_credit_axis((), start, end)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (0, 11), (6, 5)])
def test_the_price_of_coins_outside_a_lot_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no part of a lot"):
        basis_of(10, 499, start, end)
