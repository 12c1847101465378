"""Codes: what is typed is read as it was printed, slips are noticed, and nobody makes one up."""

import random

import pytest

from guildbank_voucher.codes import (
    ALPHABET,
    MAX_BATCH,
    MAX_SERIAL,
    Value,
    is_genuine,
    make,
    new_secret,
    read,
)

SECRET, OTHER = new_secret(), new_secret()
TEN_EURO = Value("moonlit", 1000, "EUR")


@pytest.mark.parametrize(("batch", "serial"), [(1, 1), (7, 42), (MAX_BATCH, MAX_SERIAL)])
def test_a_code_names_its_batch_and_serial_and_is_genuine(batch: int, serial: int) -> None:
    code = read(make(SECRET, TEN_EURO, batch, serial))
    assert code is not None
    assert (code.batch, code.serial) == (batch, serial)
    assert is_genuine(code, TEN_EURO, [SECRET])
    assert is_genuine(code, TEN_EURO, [OTHER, SECRET])


def test_a_code_is_read_however_it_is_typed() -> None:
    code = make(SECRET, TEN_EURO, 1, 1)
    plain = code.replace("-", "")
    alike = plain.lower().replace("0", "o").replace("1", "l")
    for typed in (code, plain, f" {code.lower()} ", code.replace("-", " "), alike):
        assert read(typed) == read(code)


def test_each_wrong_digit_and_each_exchange_of_two_is_noticed() -> None:
    code = make(SECRET, TEN_EURO, 7, 42).replace("-", "")
    for at, digit in enumerate(code):
        for other in set(ALPHABET) - {digit}:
            assert read(code[:at] + other + code[at + 1 :]) is None
    for at in range(len(code) - 1):
        first, second = code[at], code[at + 1]
        if first != second:
            assert read(code[:at] + second + first + code[at + 2 :]) is None


@pytest.mark.parametrize(
    "typed", ["", "0", "U" * 25, "-" * 25, "0" * 24, "0" * 26, "٣" * 25, "0-" * 60, "\x00" * 25]
)
def test_what_has_no_25_digits_is_no_code(typed: str) -> None:
    assert read(typed) is None


def test_a_code_is_worthless_under_another_secret_shop_amount_or_currency() -> None:
    code = read(make(SECRET, TEN_EURO, 7, 42))
    assert code is not None
    assert not is_genuine(code, TEN_EURO, [OTHER])
    for value in (
        Value("sunlit", 1000, "EUR"),
        Value("moonlit", 10000, "EUR"),
        Value("moonlit", 1000, "USD"),
    ):
        assert not is_genuine(code, value, [SECRET])
    for moved in (code._replace(serial=43), code._replace(batch=8)):
        assert not is_genuine(moved, TEN_EURO, [SECRET])


def test_codes_made_up_with_right_check_digits_are_not_genuine() -> None:
    made = 0
    known = make(SECRET, TEN_EURO, 7, 42).replace("-", "")
    while made < 200:
        guess = known[:8] + "".join(random.choices(ALPHABET, k=17))
        code = read(guess)
        if code is not None:
            made += 1
            assert not is_genuine(code, TEN_EURO, [SECRET])


def test_codes_of_one_batch_have_nothing_of_their_mac_in_common() -> None:
    macs = [make(SECRET, TEN_EURO, 7, serial).replace("-", "")[8:24] for serial in range(1, 2000)]
    assert len(set(macs)) == len(macs)


def test_no_code_has_room_for_a_batch_or_serial_that_is_too_large() -> None:
    for batch, serial in ((0, 1), (1, 0), (MAX_BATCH + 1, 1), (1, MAX_SERIAL + 1)):
        with pytest.raises(ValueError, match="room"):
            make(SECRET, TEN_EURO, batch, serial)
