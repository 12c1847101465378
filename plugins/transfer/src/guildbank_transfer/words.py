"""Reads what operators say of the bank's statement: how much, in which money, which transaction."""

from collections.abc import Mapping
from typing import NamedTuple

from iso4217 import Currency

from guildbank.kernel.money import BadAmount, parse_money
from guildbank.plugin_api import NotConfirmed


class Statement(NamedTuple):
    """A line of the bank's statement."""

    amount_minor: int
    currency: str
    transaction: str


def read_statement(data: Mapping[str, str]) -> Statement | NotConfirmed:
    """Return the line, or what is wrong with the data."""
    if (fault := unknown(data, ("amount", "currency", "transaction"))) is not None:
        return fault
    money = data.get("currency", "")
    try:
        scale = Currency(money).exponent
    except ValueError:
        scale = None
    if scale is None:
        return _wrong("currency", "Say in which ISO 4217 currency the money came, such as EUR.")
    try:
        amount = parse_money(data.get("amount", ""), scale)
    except BadAmount:
        amount = 0
    if amount == 0:
        return _wrong("amount", "Say how much came, as a decimal such as 4.99.")
    transaction = read_transaction(data)
    if isinstance(transaction, NotConfirmed):
        return transaction
    return Statement(amount, money, transaction)


def read_transaction(data: Mapping[str, str]) -> str | NotConfirmed:
    """Return the bank's name of a transaction, written alike however it was typed."""
    words = " ".join(data.get("transaction", "").upper().split())
    if not words:
        return _wrong("transaction", "Give the bank's own id of the transaction; it counts once.")
    return words


def unknown(data: Mapping[str, str], known: tuple[str, ...]) -> NotConfirmed | None:
    """Say that data of other names were given, if they were: a mistyped name must not be lost."""
    other = next((name for name in data if name not in known), None)
    if other is None:
        return None
    return NotConfirmed(
        code="unknown_field", detail=f"Give {', '.join(known)} and nothing else.", field=other
    )


def _wrong(field: str, detail: str) -> NotConfirmed:
    return NotConfirmed(code="incomplete", detail=detail, field=field)
