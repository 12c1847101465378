"""The plugin `fee`: adds a fixed part and a part of the price to what the buyer pays."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from iso3166 import countries_by_alpha2
from iso4217 import Currency

from guildbank.plugin_api import (
    Charge,
    Charged,
    Context,
    Manifest,
    PurchaseView,
    SettingProblem,
    Veto,
    added_of,
    base_of,
    levied,
    read_rate,
)
from guildbank_fee.manifest import MANIFEST

MONEYS = {one.value for one in Currency if one.exponent is not None}


class Fee(msgspec.Struct, frozen=True):
    """What is added to a price in `money`; an empty list is all countries, or all platforms."""

    money: str
    fixed_minor: int = 0
    percent: str = "0"
    least_minor: int = 0
    most_minor: int | None = None
    countries: Sequence[str] = ()
    platforms: Sequence[str] = ()

    def fits(self, purchase: PurchaseView) -> bool:
        """Say whether it is for this purchase. Of no known country is none that is named."""
        country = (purchase.country or "").upper()
        return (
            self.money == purchase.currency
            and (not self.countries or country in self.countries)
            and (not self.platforms or purchase.platform in self.platforms)
        )


class Settings(msgspec.Struct, frozen=True):
    """The fees, of which the first that fits is charged."""

    fees: Sequence[Fee]
    label: str = "Service fee"


class Fees:
    """A fee by money, country and platform."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong: no money, no country, no rate, least above most, no fee at all."""
        return list(_problems(settings))

    async def charge(self, context: Context, purchase: PurchaseView) -> Charged | Veto:
        """Return the fee that fits, or none. All that is added stays within the price."""
        settings = _read(context.settings)
        fee = next((one for one in settings.fees if one.fits(purchase)), None)
        if fee is None:
            return Charged()
        share = levied(
            base_of(purchase.price_minor, purchase.charges, "price"), fee.percent, included=False
        )
        room = purchase.price_minor - added_of(purchase.charges)
        most = room if fee.most_minor is None else min(fee.most_minor, room)
        amount = min(most, max(fee.least_minor, fee.fixed_minor + share))
        if amount == 0:
            return Charged()
        line = Charge(
            kind="fee", label=settings.label, amount_minor=amount,
            rate=fee.percent if amount == share and fee.fixed_minor == 0 else None,
        )  # fmt: skip
        return Charged(charges=(line,))


def _read(settings: Mapping[str, Any]) -> Settings:
    return msgspec.convert(dict(settings), Settings)


def _problems(given: Mapping[str, Any]) -> Iterator[SettingProblem]:
    try:
        settings = _read(given)
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="fees", detail=f"They do not fit the schema: {error}.")
        return
    for number, one in enumerate(settings.fees):
        for field, detail in _of_fee(one):
            yield SettingProblem(field=f"fees.{number}.{field}", detail=detail)


def _of_fee(fee: Fee) -> Iterator[tuple[str, str]]:
    if fee.money not in MONEYS:
        yield "money", f"{fee.money[:20]} is no currency of ISO 4217."
    try:
        free = read_rate(fee.percent) == 0 and fee.fixed_minor == fee.least_minor == 0
    except ValueError as error:
        yield "percent", f"{error}."
    else:
        if free:
            yield "fixed_minor", "Nothing is charged: name a fixed part, a percent or a least."
    if fee.most_minor is not None and fee.least_minor > fee.most_minor:
        yield "least_minor", "The least fee is above the most."
    for number, country in enumerate(fee.countries):
        if country not in countries_by_alpha2:
            yield f"countries.{number}", f"{country[:20]} is no country of ISO 3166-1."


PLUGIN = Fees()
