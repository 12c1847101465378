"""A provider's report in a file is read to the cent, or refused with the line that is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from guildbank.payments.report_file import BadReport, Layout, period_of, read_lines
from guildbank.plugin_api import Settlement

PLAIN = "transaction,kind,at,currency,gross,fee,net,reference\n"
GERMAN = Layout(
    headers={"transaction": "Referenz", "at": "Tag", "gross": "Betrag", "reference": "Referenz"},
    constants={"currency": "EUR"},
    delimiter=";",
    encoding="windows-1252",
    decimal_comma=True,
)


def raw(text: str, encoding: str = "utf-8") -> Iterator[bytes]:
    return iter(text.encode(encoding).splitlines(keepends=True))


def read(text: str, layout: Layout | None = None) -> list[Settlement]:
    layout = layout or Layout()
    return list(read_lines(raw(text, layout.encoding), layout))


def sums(line: Settlement) -> tuple[str, str, int, int, int]:
    return line.kind.value, line.currency, line.gross_minor, line.fee_minor, line.net_minor


def test_a_line_says_what_it_did_to_the_balance():
    captured, refunded, fee, yen = read(
        "\ufeff" + PLAIN + "t1,capture,2026-11-01T12:00:00Z,EUR,4.99,0.39,4.60,pi_1\n"
        "t2,refund,2026-11-01T13:00:00+01:00,eur,-0.99,,,re_1\n"
        "t3,fee,2026-11-02,EUR,-2.50,,,\n"
        "t4,,2026-11-02,JPY,500,,,\n"
    )
    assert sums(captured) == ("capture", "EUR", 499, 39, 460)
    assert (captured.transaction, captured.reference) == ("t1", "pi_1")
    assert sums(refunded) == ("refund", "EUR", -99, 0, -99)
    assert captured.at == refunded.at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert sums(fee) == ("fee", "EUR", 0, 250, -250)
    assert sums(yen) == ("capture", "JPY", 500, 0, 500)


def test_a_banks_own_words_and_commas_are_understood_once_they_are_explained():
    came, went = read(
        "Tag;Empfänger;Betrag;Referenz\n"
        '2026-11-01;"Müller; Söhne";4,99;B1\n'
        "2026-11-02;Strom;-12;B2\n",
        GERMAN,
    )
    assert sums(came) == ("capture", "EUR", 499, 0, 499)
    assert (came.transaction, came.reference) == ("B1", "B1")
    assert sums(went) == ("adjustment", "EUR", -1200, 0, -1200)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("t1,capture,2026-11-01,EUR,4.999,,,", "line 3: gross: '4.999' has more than 2 decimals"),
        ("t1,capture,2026-11-01,EUR,1e3,,,", "line 3: gross: '1e3' is not a decimal amount"),
        ('t1,capture,2026-11-01,EUR,"1,000.00",,,', "line 3: gross: "),
        ("t1,capture,2026-11-01,EUR,--4,,,", "line 3: gross: "),
        ("t1,capture,2026-11-01,EUR,99999999999999999999,,,", "line 3: gross: "),
        ("t1,capture,2026-11-01,EUR,4.99,0.39,4.61,", "line 3: net is not gross less the fee"),
        ("t1,capture,2026-11-01,XXZ,4.99,,,", "line 3: 'XXZ' is no currency"),
        ("t1,gift,2026-11-01,EUR,4.99,,,", "line 3: the kind 'gift' is none of capture"),
        ("t1,capture,01.11.2026,EUR,4.99,,,", "line 3: at '01.11.2026' is neither"),
        ("t1,capture,2026-11-01T12:00:00,EUR,4.99,,,", "line 3: at .* has no zone"),
        (",capture,2026-11-01,EUR,4.99,,,", "line 3: transaction is empty"),
        ("t0,capture,2026-11-01,EUR,4.99,,,", "line 3: the transaction 't0' is that of line 2"),
        ("t1,capture,2026-11-01,EUR,4.99,,,,more", "line 3: more cells than columns"),
        ("t1,capture,2026-11-01,EUR,4.99,,,a\x00b", "line 3: "),
        ('t1,capture,2026-11-01,EUR,4.99,,,"open', "line 3: "),
        (f"{'t' * 5000},capture,2026-11-01,EUR,4.99,,,", "line 3: "),
    ],
)
def test_a_broken_line_refuses_the_file_and_is_named(line: str, told: str):
    with pytest.raises(BadReport, match=told):
        read(PLAIN + f"t0,capture,2026-11-01,EUR,4.99,,,\n{line}\n")


def test_bytes_of_another_encoding_are_refused_with_their_line():
    lines = raw(PLAIN + "t1,capture,2026-11-01,EUR,4.99,,,Müller\n", "windows-1252")
    with pytest.raises(BadReport, match="line 2: not utf-8; say its encoding"):
        list(read_lines(lines, Layout()))


@pytest.mark.parametrize(
    ("header", "layout", "told"),
    [
        ("transaction,at,gross\n", Layout(), "line 1: no column says the currency"),
        (PLAIN, Layout(headers={"gross": "Betrag"}), "line 1: there is no column 'Betrag'"),
        (PLAIN, Layout(headers={"amount": "gross"}), "line 1: 'amount' is none of our columns"),
        ("", Layout(), "line 1: no column says the transaction"),
    ],
)
def test_columns_that_are_missing_or_unknown_are_named(header: str, layout: Layout, told: str):
    with pytest.raises(BadReport, match=told):
        read(header, layout)


def test_a_file_is_of_the_days_that_its_lines_span():
    lines = read(PLAIN + "t1,,2026-11-03T10:00:00Z,EUR,1,,,\nt2,,2026-11-01T23:00:00Z,EUR,1,,,\n")
    found = period_of(iter(lines))
    assert found is not None
    count, since, until = found
    assert (count, since) == (2, datetime(2026, 11, 1, tzinfo=UTC))
    assert lines[0].at < until
    assert period_of(iter(())) is None
