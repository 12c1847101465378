"""The plugin `tax`: takes the tax of the buyer's country out of the price, or adds it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from iso3166 import countries_by_alpha2

from guildbank.plugin_api import (
    Charge,
    Charged,
    Context,
    Manifest,
    PurchaseView,
    SettingProblem,
    Veto,
    base_of,
    levied,
    read_rate,
)
from guildbank_tax.manifest import MANIFEST

REFUSE, NONE = "refuse", "0"
NOTHING = Charged()
UNKNOWN = Veto(
    code="country_unknown",
    detail="This purchase needs to know your country, and your account names none.",
)
REFUSED = Veto(code="country_refused", detail="This purchase is not offered in your country.")


class Rate(msgspec.Struct, frozen=True):
    """The rate of a country, or of a region of it; None is as the settings say for all."""

    country: str
    rate: str
    region: str | None = None
    included: bool | None = None
    label: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """The rates, and what becomes of purchases from elsewhere."""

    rates: Sequence[Rate]
    included: bool = True
    label: str = "VAT"
    without_country: str = REFUSE
    other_countries: str = REFUSE
    taxes_fees: bool = False
    exempt_products: Sequence[str] = ()
    region_note: str | None = None


class Tax:
    """A rate for each country."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong: no country, no rate, a place twice, a region that no note names."""
        return list(_problems(settings))

    async def charge(self, context: Context, purchase: PurchaseView) -> Charged | Veto:
        """Return the tax of the price, and that of the fees before it where these are taxed.

        Vetoes: `country_unknown`, `country_refused`.
        """
        settings = _read(context.settings)
        if purchase.product_id in settings.exempt_products:
            return NOTHING
        rate = _rate_for(settings, purchase)
        if isinstance(rate, Rate):
            return Charged(charges=tuple(_lines(settings, rate, purchase)))
        if rate == NONE:
            return NOTHING
        return UNKNOWN if _country(purchase) is None else REFUSED


def _read(settings: Mapping[str, Any]) -> Settings:
    return msgspec.convert(dict(settings), Settings)


def _country(purchase: PurchaseView) -> str | None:
    country = (purchase.country or "").upper()
    return country if country in countries_by_alpha2 else None


def _rate_for(settings: Settings, purchase: PurchaseView) -> Rate | Literal["refuse", "0"]:
    """Return the rate of the region, else that of the country, else what is due elsewhere."""
    country = _country(purchase)
    if country is None:
        return _elsewhere(settings.without_country)
    region = purchase.annotations.get(settings.region_note or "")
    found = {one.region: one for one in settings.rates if one.country == country}
    named = found.get(region) or found.get(None)
    return named if named is not None else _elsewhere(settings.other_countries)


def _elsewhere(rate: str) -> Rate | Literal["refuse", "0"]:
    if rate == REFUSE:
        return "refuse"
    return "0" if read_rate(rate) == 0 else Rate("", rate)


def _lines(settings: Settings, rate: Rate, purchase: PurchaseView) -> Iterator[Charge]:
    """Yield a line for each part that is taxed, rounded by itself."""
    included = settings.included if rate.included is None else rate.included
    label = f"{rate.label or settings.label} {rate.rate} %"
    parts: tuple[Literal["price", "fees"], ...] = ("price", "fees")
    for part in parts if settings.taxes_fees else parts[:1]:
        base = base_of(purchase.price_minor, purchase.charges, part)
        if part == "fees" and base == 0:
            continue
        yield Charge(
            kind="tax", label=label, rate=rate.rate, included=included, of=part,
            amount_minor=levied(base, rate.rate, included=included),
        )  # fmt: skip


def _problems(given: Mapping[str, Any]) -> Iterator[SettingProblem]:
    try:
        settings = _read(given)
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="rates", detail=f"They do not fit the schema: {error}.")
        return
    first: dict[tuple[str, str | None], int] = {}
    for number, one in enumerate(settings.rates):
        field = f"rates.{number}"
        if one.country not in countries_by_alpha2:
            detail = f"{one.country[:20]} is no country of ISO 3166-1."
            yield SettingProblem(field=f"{field}.country", detail=detail)
        yield from _of_rate(one.rate, f"{field}.rate")
        if one.region is not None and settings.region_note is None:
            detail = "No region is known. Say in region_note which note of an entry step names it."
            yield SettingProblem(field=f"{field}.region", detail=detail)
        same = first.setdefault((one.country, one.region), number)
        if same != number:
            detail = f"rates.{same} is for the same place already."
            yield SettingProblem(field=f"{field}.country", detail=detail)
    for name in ("without_country", "other_countries"):
        text: str = getattr(settings, name)
        if text != REFUSE:
            yield from _of_rate(text, name)


def _of_rate(rate: str, field: str) -> Iterator[SettingProblem]:
    try:
        read_rate(rate)
    except ValueError as error:
        yield SettingProblem(field=field, detail=f"{error}.")


PLUGIN = Tax()
