"""What of a payment's money is tax and fee: fixed with its lines, and given back in proportion."""

from collections.abc import Iterable

import msgspec

from guildbank.payments.contracts.rows import Intent
from guildbank.payments.rules import coins_due
from guildbank.plugin_api import Charge, Parts, added_of, parts_of

_CHARGES = msgspec.json.Decoder(tuple[Charge, ...])


def charges_of(intent: Intent) -> tuple[Charge, ...]:
    """Return the lines of a payment; one that no charge step was asked about has none."""
    return () if intent.charges is None else _CHARGES.decode(intent.charges)


def write_charges(charges: Iterable[Charge]) -> str:
    """Return lines to be stored."""
    return msgspec.json.encode(tuple(charges)).decode()


def price_of(intent: Intent) -> int:
    """Return the price of a payment in minor units, without what its lines add."""
    return intent.amount_minor - added_of(charges_of(intent))


def captured_parts(intent: Intent, captured_minor: int) -> Parts:
    """Return what the captured total of a payment is made of."""
    charges = charges_of(intent)
    return parts_of(captured_minor - added_of(charges), charges)


def parts_back(whole: Parts, before_minor: int, after_minor: int) -> Parts:
    """Return the taxes and fees in what is given back from one sum to a larger one.

    By the rule of coins: of N minor units of tax in a total of P, floor(N R / P) are back once R of
    P is. So each part is the difference of two such sums, and all parts sum exactly. The backing
    is left at zero: it follows from the coins.
    """
    total = sum(whole)

    def due(part: int) -> int:
        return coins_due(part, total, after_minor) - coins_due(part, total, before_minor)

    return Parts(0, due(whole.taxes), due(whole.fees))


def facts_of(charges: Iterable[Charge]) -> list[dict[str, object]]:
    """Return what an entry says of lines. A label is a plugin's own words, and in no entry."""
    return [
        {
            "step": one.step, "kind": one.kind, "amount": one.amount_minor,
            "included": one.included, "rate": one.rate, "of": one.of,
        }
        for one in charges
    ]  # fmt: skip
