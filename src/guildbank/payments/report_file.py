"""Rules by which a CSV file is a provider's report: which column says what, and what is refused.

A file is wrong as a whole where one of its lines is wrong, so that nothing of it is used by half.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from guildbank.kernel import MAX_AMOUNT, BadAmount, parse_money
from guildbank.ledger import is_money, money_asset
from guildbank.payments.asking import storable
from guildbank.plugin_api import Settlement, SettlementKind

COLUMNS = (
    "transaction", "kind", "at", "currency", "gross", "fee", "net", "reference",
    "paymentReference", "attemptId", "refundId", "payout",
)  # fmt: skip
NEEDED = ("transaction", "at", "currency", "gross")
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "iso-8859-15")
"""All of these end a line with the byte 0x0A and with no other."""
MAX_LINES, MAX_LINE_BYTES, MAX_CELL = 200_000, 65_536, 4_096
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class BadReport(Exception):
    """The file is no report that can be used; the message names the line and what to do."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a file says what we want to know.

    `headers` gives for a column of ours the file's own name of it, `constants` the value of a
    column that the file does not have.
    """

    headers: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal_comma: bool = False


def read_lines(raw: Iterator[bytes], layout: Layout) -> Iterator[Settlement]:
    """Yield the lines of a file in their order. Raises BadReport at the first that is wrong."""
    csv.field_size_limit(MAX_CELL)
    rows = csv.DictReader(_decoded(raw, layout), delimiter=layout.delimiter, strict=True)
    seen: dict[str, int] = {}
    try:
        _check_headers(rows.fieldnames or (), layout)
        for count, row in enumerate(rows, start=1):
            if count > MAX_LINES:
                raise _bad(rows.line_num, f"more than {MAX_LINES:,} lines; cut the file in two")
            line = _line(rows.line_num, row, layout)
            first = seen.setdefault(line.transaction, rows.line_num)
            if first != rows.line_num:
                twice = f"the transaction {line.transaction!r} is that of line {first}"
                raise _bad(rows.line_num, f"{twice}; each has its own")
            yield line
    except csv.Error as error:
        raise _bad(rows.reader.line_num, f"{error}; see the delimiter and the quotes") from None


def _decoded(raw: Iterator[bytes], layout: Layout) -> Iterator[str]:
    begin = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    for number, line in enumerate(raw, start=1):
        if len(line) > MAX_LINE_BYTES:
            raise _bad(number, "longer than a line can be")
        try:
            yield line.decode(begin if number == 1 else layout.encoding)
        except UnicodeDecodeError:
            raise _bad(
                number, f"not {layout.encoding}; say its encoding ({', '.join(ENCODINGS)})"
            ) from None


def _check_headers(names: object, layout: Layout) -> None:
    there = set(names) if isinstance(names, (list, tuple)) else set()
    for column in (*layout.headers, *layout.constants):
        if column not in COLUMNS:
            raise _bad(1, f"{column!r} is none of our columns: {', '.join(COLUMNS)}")
    for column, header in layout.headers.items():
        if header not in there:
            raise _bad(1, f"there is no column {header!r}, which was to be {column}")
    for column in NEEDED:
        if layout.headers.get(column, column) not in there and column not in layout.constants:
            raise _bad(1, f"no column says the {column}; name the one that does")


def _line(number: int, row: Mapping[str | None, str | None], layout: Layout) -> Settlement:
    if None in row:
        raise _bad(number, "more cells than columns")
    cell = _Cells(number, row, layout)
    currency = cell.needed("currency").upper()
    if not is_money(currency):
        raise _bad(number, f"{currency[:10]!r} is no currency of ISO 4217 such as EUR")
    gross, fee = cell.amount("gross", currency) or 0, cell.amount("fee", currency)
    kind = cell.kind(gross)
    if kind is SettlementKind.FEE:
        # A list of movements has a fee as an amount that left.
        gross, fee = 0, -gross if fee is None else fee
    net = gross - (fee or 0)
    said = cell.amount("net", currency)
    if said is not None and said != net:
        raise _bad(number, "net is not gross less the fee")
    return Settlement(
        transaction=cell.needed("transaction"),
        kind=kind,
        at=cell.moment(),
        currency=currency,
        gross_minor=gross,
        fee_minor=fee or 0,
        net_minor=net,
        attempt_id=cell.text("attemptId"),
        refund_id=cell.text("refundId"),
        reference=cell.text("reference"),
        payment_reference=cell.text("paymentReference"),
        payout=cell.text("payout"),
    )


class _Cells:
    """One line's cells by our names of them."""

    def __init__(self, number: int, row: Mapping[str | None, str | None], layout: Layout) -> None:
        self.number = number
        self._row = row
        self._layout = layout

    def text(self, column: str) -> str | None:
        """Return what stands there, None where nothing does."""
        header = self._layout.headers.get(column, column)
        said = (self._row.get(header) or self._layout.constants.get(column) or "").strip()
        if said and not storable(said):
            raise _bad(self.number, f"{column} is too long, or has a character that no text has")
        return said or None

    def needed(self, column: str) -> str:
        """Return what has to stand there."""
        said = self.text(column)
        if said is None:
            raise _bad(self.number, f"{column} is empty")
        return said

    def amount(self, column: str, currency: str) -> int | None:
        """Return an amount in minor units; a sign may stand before it, and nothing between."""
        said = self.text(column)
        if said is None:
            return None
        digits = said.removeprefix("-")
        if self._layout.decimal_comma:
            if "." in digits:
                raise _bad(self.number, f"{column} {said[:40]!r} has a point and a decimal comma")
            digits = digits.replace(",", ".")
        try:
            minor = parse_money(digits, money_asset(currency).scale)
        except BadAmount as error:
            raise _bad(self.number, f"{column}: {error}") from None
        if minor > MAX_AMOUNT:
            raise _bad(self.number, f"{column} is more than the books can hold")
        return -minor if said.startswith("-") else minor

    def kind(self, gross_minor: int) -> SettlementKind:
        """Return the kind; a file that names none has payments that came, and other movements."""
        said = self.text("kind")
        if said is None:
            return SettlementKind.CAPTURE if gross_minor > 0 else SettlementKind.ADJUSTMENT
        try:
            return SettlementKind(said)
        except ValueError:
            kinds = ", ".join(SettlementKind)
            raise _bad(self.number, f"the kind {said[:40]!r} is none of {kinds}") from None

    def moment(self) -> datetime:
        """Return when it was; a day alone is its begin in UTC."""
        said = self.needed("at")
        try:
            at = datetime.fromisoformat(said)
        except ValueError:
            raise _bad(
                self.number, f"at {said[:40]!r} is neither 2026-11-01 nor 2026-11-01T12:00:00Z"
            ) from None
        if at.tzinfo is None:
            if _DATE.fullmatch(said) is None:
                raise _bad(self.number, f"at {said!r} has no zone such as Z or +01:00")
            at = at.replace(tzinfo=UTC)
        return at


def period_of(lines: Iterator[Settlement]) -> tuple[int, datetime, datetime] | None:
    """Return how many lines there are and the days that they span, None where there is none."""
    count, first, last = 0, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    for line in lines:
        count, first, last = count + 1, min(first, line.at), max(last, line.at)
    if not count:
        return None
    day = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return count, day, last + timedelta(microseconds=1)


def _bad(number: int, what: str) -> BadReport:
    return BadReport(f"line {number}: {what}.")
