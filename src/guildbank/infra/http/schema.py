"""Bases and field types of request and response bodies, so that limits are declared once."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from iso3166 import countries_by_alpha2
from iso4217 import Currency
from msgspec import Meta

from guildbank.kernel import MAX_AMOUNT, BadAmount, Refusal, format_money, parse_money


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Base of all input: camelCase names, unknown fields refused.

    `__example__` has members of its example, by their names on the wire; the rest is made up.
    """

    __example__: ClassVar[Mapping[str, Any]] = {}


class View(msgspec.Struct, rename="camel"):
    """Base of all output: camelCase names. `__example__` as in Body."""

    __example__: ClassVar[Mapping[str, Any]] = {}


Amount = Annotated[
    int,
    Meta(ge=1, le=MAX_AMOUNT, description="Units of a virtual currency.", examples=[100]),
]
"""A positive amount of a virtual currency, small enough to be exact in any JSON reader."""

# `$` also matches before a final line feed, so the pattern says that none follows.
LINE_PATTERN = r"^[^\x00-\x1f\x7f]+$(?!\n)"

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE_PATTERN)]
"""One line of text for people: no control characters."""

ExternalId = Annotated[
    str,
    Meta(min_length=1, max_length=128, pattern=LINE_PATTERN, examples=["user-4711"]),
]
"""An id that another system made: any printable text."""

Reason = Annotated[
    str,
    Meta(min_length=1, max_length=500, pattern=LINE_PATTERN, examples=["chargeback review"]),
]
"""Why someone did something, kept with the deed."""

MetadataKey = Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE_PATTERN)]
MetadataValue = Annotated[str, Meta(max_length=500)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    Meta(
        max_length=50,
        description="Up to 50 facts of your own, kept with the object and never read by Guildbank.",
        examples=[{"questId": "dragon-7"}],
    ),
]

MoneyText = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,5})?$(?!\n)",
        description="A decimal amount in major units, as text so that no reader rounds it.",
        examples=["4.99"],
    ),
]
CurrencyText = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217 code.", examples=["EUR"])
]
CountryCode = Annotated[
    str,
    Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2 code.", examples=["DE"]),
]

LanguageTag = Annotated[
    str,
    Meta(
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)",
        description="A language tag of BCP 47.",
        examples=["en"],
    ),
]


class Money(Body):
    """Real money as JSON carries it both ways: `{"amount": "4.99", "currency": "EUR"}`."""

    amount: MoneyText
    currency: CurrencyText


class MinorMoney(msgspec.Struct, frozen=True):
    """Real money as the server computes with it: integer minor units at the currency's scale."""

    amount_minor: int
    currency: str
    scale: int


def currency_scale(code: str) -> int | None:
    """Return the decimals of an ISO 4217 currency (EUR 2, JPY 0), or None if there is none such.

    Codes without a minor unit in the list (gold, test codes) are not money here.
    """
    try:
        return Currency(code).exponent
    except ValueError:
        return None


def read_money(money: Money, field: str = "price") -> MinorMoney | Refusal:
    """Return minor units, or `unknown_currency`, `invalid_value` or `out_of_range` (zero)."""
    scale = currency_scale(money.currency)
    if scale is None:
        return Refusal(
            code="unknown_currency",
            detail=f"{money.currency} is not an ISO 4217 currency with a minor unit.",
            field=f"{field}.currency",
        )
    try:
        amount_minor = parse_money(money.amount, scale)
    except BadAmount as error:
        return Refusal(code="invalid_value", detail=f"{error}.", field=f"{field}.amount")
    if amount_minor == 0:
        return Refusal(
            code="out_of_range", detail="The amount must be above zero.", field=f"{field}.amount"
        )
    return MinorMoney(amount_minor, money.currency, scale)


def read_country(code: str | None, field: str = "country") -> str | Refusal | None:
    """Return the code, None for none, or `unknown_country`.

    The list has XK besides, which ISO leaves to its users and all the world uses for Kosovo.
    """
    if code is None or code in countries_by_alpha2:
        return code
    return Refusal(
        code="unknown_country", detail=f"{code} is not an ISO 3166-1 country.", field=field
    )


def write_money(amount_minor: int, currency: str) -> Money:
    """Return the JSON form of minor units of an ISO 4217 currency."""
    scale = currency_scale(currency)
    if scale is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    return Money(amount=format_money(amount_minor, scale), currency=currency)
