"""Reads what buyers and operators give: a code, or what an issuer paid for a foreign one."""

from collections.abc import Mapping
from typing import NamedTuple

from guildbank.kernel.money import BadAmount, parse_money
from guildbank.plugin_api import NotConfirmed
from guildbank_voucher.batches import scale_of

FOREIGN = range(4, 65)
"""How many characters a code of somebody else may have."""


class Redeemed(NamedTuple):
    """What an operator read where a voucher was redeemed."""

    amount_minor: int
    currency: str
    transaction: str


def read_code(data: Mapping[str, str]) -> str | NotConfirmed:
    """Return the code as it was typed."""
    if (fault := other_than(data, ("code",))) is not None:
        return fault
    code = data.get("code", "").strip()
    return code if code else incomplete("code", "Give the code that stands on the voucher.")


def read_redeemed(data: Mapping[str, str]) -> Redeemed | NotConfirmed:
    """Return what the issuer paid, or what is wrong with the data."""
    if (fault := other_than(data, ("amount", "currency", "transaction"))) is not None:
        return fault
    currency = data.get("currency", "")
    try:
        scale = scale_of(currency)
    except ValueError:
        return incomplete("currency", "Say in which ISO 4217 currency it was worth, such as EUR.")
    try:
        amount = parse_money(data.get("amount", ""), scale)
    except BadAmount:
        amount = 0
    if amount == 0:
        return incomplete(
            "amount", "Say how much the voucher was worth, as a decimal such as 10.00."
        )
    transaction = read_transaction(data)
    if isinstance(transaction, NotConfirmed):
        return transaction
    return Redeemed(amount, currency, transaction)


def read_transaction(data: Mapping[str, str]) -> str | NotConfirmed:
    """Return the name of a transaction, written alike however it was typed."""
    words = " ".join(data.get("transaction", "").upper().split())
    return words or incomplete("transaction", "Give the id of the transaction; it counts once.")


def other_than(data: Mapping[str, str], known: tuple[str, ...]) -> NotConfirmed | None:
    """Say that data of other names were given, if they were: a mistyped name must not be lost."""
    other = next((name for name in data if name not in known), None)
    if other is None:
        return None
    detail = f"Give {', '.join(known)} and nothing else."
    return NotConfirmed(code="unknown_field", detail=detail, field=other)


def incomplete(field: str, detail: str) -> NotConfirmed:
    """Say which word is missing or wrong."""
    return NotConfirmed(code="incomplete", detail=detail, field=field)
