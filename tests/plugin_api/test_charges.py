"""Lines of a purchase add up whatever they are, and parts of a refund sum to the whole."""

from fractions import Fraction
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank.payments.charged import parts_back
from guildbank.plugin_api import (
    Charge,
    Charged,
    Parts,
    added_of,
    base_of,
    check_charged,
    levied,
    parts_of,
    read_rate,
)

prices = st.integers(1, 2**53 - 1)
rates = st.decimals(0, 100, places=3).map(str)
Drawn = tuple[str, str, bool]
kinds: st.SearchStrategy[Drawn] = st.tuples(
    st.sampled_from(["tax", "tax of fees", "fee"]), rates, st.booleans()
)


def lines_of(price: int, drawn: list[Drawn]) -> tuple[Charge, ...]:
    """Return lines that a sound step proposes, as many as the price has room for."""
    lines: tuple[Charge, ...] = ()
    for what, rate, included in drawn:
        of: Literal["price", "fees"] = "fees" if what == "tax of fees" else "price"
        amount = levied(base_of(price, lines, of), rate, included=included)
        line = Charge(
            kind="fee" if what == "fee" else "tax", label="Line", amount_minor=amount,
            included=included, rate=rate, of=of,
        )  # fmt: skip
        if added_of((*lines, line)) <= price:
            lines = (*lines, line)
    return lines


@given(prices, st.lists(kinds, max_size=8))
def test_what_a_sound_step_proposes_is_taken_and_makes_the_total(
    price: int, drawn: list[Drawn]
) -> None:
    lines = lines_of(price, drawn)
    check_charged(price, (), Charged(charges=lines))
    parts = parts_of(price, lines)
    assert sum(parts) == price + added_of(lines)
    assert min(parts) >= 0


@given(prices, rates)
def test_a_tax_in_a_price_is_what_is_added_to_the_rest_to_the_unit(price: int, rate: str) -> None:
    tax = levied(price, rate, included=True)
    exact = Fraction(price) * read_rate(rate) / (100 + read_rate(rate))
    assert abs(tax - exact) <= Fraction(1, 2)
    assert abs(levied(price - tax, rate, included=False) - tax) <= 1


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9),
    st.lists(st.fractions(0, 1), max_size=6),
)  # fmt: skip
def test_parts_of_a_refund_sum_to_the_whole(
    backing: int, taxes: int, fees: int, cuts: list[Fraction]
) -> None:
    whole = Parts(backing, taxes, fees)
    places = [0, *sorted(int(sum(whole) * cut) for cut in cuts), sum(whole)]
    steps = list(pairwise(places))
    backs = [parts_back(whole, before, after) for before, after in steps]
    assert sum(one.taxes for one in backs) == taxes
    assert sum(one.fees for one in backs) == fees
    assert all(min(one) >= 0 for one in backs)
    # Whatever fails is put back exactly, in whichever order.
    assert [parts_back(whole, after, before) for before, after in steps] == [
        Parts(0, -one.taxes, -one.fees) for one in backs
    ]


@pytest.mark.parametrize("half", [("9.975", 10_000, 998), ("5", 10, 1), ("50", 1, 1), ("49", 1, 0)])
def test_a_half_is_rounded_up(half: tuple[str, int, int]) -> None:
    rate, base, amount = half
    assert levied(base, rate, included=False) == amount


@pytest.mark.parametrize(
    "rate", ["", "-1", "+1", "01", "1.", ".5", "1e1", "100.1", "101", "19%", "1.0000001", "٣"]
)
def test_other_texts_are_no_rates(rate: str) -> None:
    with pytest.raises(ValueError, match="is no rate from 0 to 100 percent"):
        read_rate(rate)
