"""Amounts as Stripe writes them: its minor units are not always those of ISO 4217.

Source: https://docs.stripe.com/currencies ("Zero-decimal currencies", "Three-decimal currencies",
"Special cases"). Guildbank counts in ISO minor units; Stripe differs in three ways:

- MGA has no decimals at Stripe and two in ISO (they mean fifths, and nobody uses them).
- ISK and UGX have two decimals at Stripe, always 00, and none in ISO.
- Three-decimal currencies must end in 0.
"""

from iso4217 import Currency

_NO_DECIMALS = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
_WHOLE_UNITS_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_LAST_DIGIT_ZERO = 10


class NotExpressible(ValueError):
    """An amount that one side cannot write; the message says why and names no person."""


def to_stripe(amount_minor: int, currency: str) -> int:
    """Return ISO minor units as Stripe's: 499 EUR -> 499, 5 ISK -> 500, 500 MGA -> 5.

    Raises NotExpressible for a currency or a fraction that Stripe does not have.
    """
    shift = _stripe_exponent(currency) - _iso_exponent(currency)
    amount = _shifted(amount_minor, shift, currency)
    if currency in _THREE_DECIMALS and amount % _LAST_DIGIT_ZERO:
        raise NotExpressible(f"Stripe takes {currency} in tens of its smallest unit only")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Return Stripe's amount in ISO minor units; `currency` in capitals.

    Raises NotExpressible where Stripe reports what ISO minor units cannot say.
    """
    shift = _iso_exponent(currency) - _stripe_exponent(currency)
    return _shifted(amount, shift, currency)


def _shifted(amount: int, shift: int, currency: str) -> int:
    factor: int = 10 ** abs(shift)
    if shift >= 0:
        return amount * factor
    whole, rest = divmod(amount, factor)
    if rest:
        raise NotExpressible(f"{amount} {currency} is a fraction that cannot be written")
    return whole


def _iso_exponent(currency: str) -> int:
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        raise NotExpressible(f"{currency[:3]!r} is no currency of ISO 4217") from None
    if exponent is None:
        raise NotExpressible(f"{currency} has no minor units")
    return exponent


def _stripe_exponent(currency: str) -> int:
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    if currency in _WHOLE_UNITS_IN_HUNDREDTHS or _iso_exponent(currency) == 2:
        return 2
    raise NotExpressible(f"Stripe does not take {currency}")
