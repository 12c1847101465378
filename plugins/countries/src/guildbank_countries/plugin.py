"""The plugin `countries`: lets purchases through, or refuses them, by the player's country."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from iso3166 import countries_by_alpha2

from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_countries.manifest import MANIFEST

ADMITTED = Annotated()
REFUSED = Veto(code="country_refused", detail="This purchase is not offered in your country.")
UNKNOWN = Veto(
    code="country_unknown",
    detail="This purchase needs to know your country, and your account names none.",
)


class Settings(msgspec.Struct, frozen=True):
    """What becomes of purchases from the listed countries, and of those from nowhere."""

    listed: Literal["admit", "refuse"]
    countries: Sequence[str]
    without_country: Literal["refuse", "admit"] = "refuse"


class Countries:
    """A list of countries from which purchases pass, or do not."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the list: a country that is none, or stands there twice."""
        return list(_problems(settings))

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it: `country_refused`, `country_unknown`."""
        settings = _read(context.settings)
        country = (purchase.country or "").upper()
        # A country that is none must not pass because a list of refused ones does not name it.
        if country not in countries_by_alpha2:
            admitted, veto = settings.without_country == "admit", UNKNOWN
        else:
            named = country in settings.countries
            admitted, veto = named is (settings.listed == "admit"), REFUSED
        return ADMITTED if admitted else veto


def _read(settings: Mapping[str, Any]) -> Settings:
    return msgspec.convert(dict(settings), Settings)


def _problems(settings: Mapping[str, Any]) -> Iterator[SettingProblem]:
    try:
        countries = _read(settings).countries
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="countries", detail=f"They do not fit the schema: {error}.")
        return
    for number, country in enumerate(countries):
        field = f"countries.{number}"
        if country not in countries_by_alpha2:
            yield SettingProblem(field=field, detail=f"{country} is no country of ISO 3166-1.")
        if country in countries[:number]:
            yield SettingProblem(field=field, detail=f"{country} stands in the list twice.")


PLUGIN = Countries()
