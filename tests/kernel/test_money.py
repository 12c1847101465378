"""Amounts are whole minor units, written as decimal strings, and never pass through a float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank.kernel import MAX_AMOUNT, BadAmount, format_money, parse_money
from guildbank.kernel.money import MAX_SCALE


@given(st.integers(0, MAX_AMOUNT), st.integers(0, MAX_SCALE))
def test_what_is_written_is_read_again(minor: int, scale: int):
    assert parse_money(format_money(minor, scale), scale) == minor


@pytest.mark.parametrize(
    ("text", "scale", "minor"),
    [
        ("4.99", 2, 499),
        ("4.9", 2, 490),
        ("4", 2, 400),
        ("0", 0, 0),
        ("0.00", 2, 0),
        ("0.001", 3, 1),
        ("500", 0, 500),
        ("90071992547409.91", 2, MAX_AMOUNT),
    ],
)
def test_decimal_strings_are_exact(text: str, scale: int, minor: int):
    assert parse_money(text, scale) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "+1",
        "-0",
        "1.",
        ".5",
        "01",
        "00.5",
        "1e3",
        "0x10",
        "1_000",
        "1,000.00",
        "4,99",
        " 4.99",
        "4.99\n",
        "4.99 EUR",
        "NaN",
        "Infinity",
        "\u0661\u0662",
        "\uff11",
        "4.99\x00",
        "9" * 17,
        "9" * 100_000,
    ],
)
def test_anything_else_is_no_amount(text: str):
    with pytest.raises(BadAmount):
        parse_money(text, 2)


def test_more_decimals_than_the_currency_has_are_refused_and_not_rounded():
    with pytest.raises(BadAmount, match="more than 2 decimals"):
        parse_money("4.990", 2)
    with pytest.raises(BadAmount, match="more than 0 decimals"):
        parse_money("500.0", 0)


def test_more_than_json_carries_exactly_is_refused_by_name():
    with pytest.raises(BadAmount, match=r"more than 90071992547409\.91"):
        parse_money("90071992547409.92", 2)
    with pytest.raises(BadAmount):
        parse_money(str(MAX_AMOUNT + 1), 0)


def test_a_refused_amount_is_quoted_only_in_part():
    with pytest.raises(BadAmount) as refused:
        parse_money("x" * 10_000, 2)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("minor", "scale", "text"),
    [(499, 2, "4.99"), (5, 2, "0.05"), (0, 2, "0.00"), (-5, 2, "-0.05"), (500, 0, "500"),
     (-499, 2, "-4.99"), (1, 3, "0.001")],
)  # fmt: skip
def test_amounts_are_written_with_all_their_decimals(minor: int, scale: int, text: str):
    assert format_money(minor, scale) == text
