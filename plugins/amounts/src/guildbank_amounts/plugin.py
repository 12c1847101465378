"""The plugin `amounts`: refuses a purchase that costs less or more than the tenant lets pass."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from iso4217 import Currency

from guildbank.kernel import format_money
from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_amounts.manifest import MANIFEST

ADMITTED = Annotated()
DECIMALS = {one.value: one.exponent for one in Currency if one.exponent is not None}
"""Every money, with the digits of its minor units; gold and the like have none and are no money."""


class Limit(msgspec.Struct, frozen=True):
    """What one purchase in `money` may cost; None is no limit on that side."""

    money: str
    least_minor: int | None = None
    most_minor: int | None = None


class Settings(msgspec.Struct, frozen=True):
    """The limits of the moneys that are listed, and what becomes of others."""

    limits: Sequence[Limit]
    other_money: Literal["refuse", "admit"] = "refuse"


class Amounts:
    """A least and a most amount for each money."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the limits: unknown or repeated money, least above most."""
        return list(_problems(settings))

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it.

        The codes are `amount_too_low`, `amount_too_high` and `money_not_taken`.
        """
        settings = _read(context.settings)
        money, amount_minor = purchase.currency, purchase.amount_minor
        limit = next((one for one in settings.limits if one.money == money), None)
        if limit is None:
            return _of_other_money(settings, money)
        if limit.least_minor is not None and amount_minor < limit.least_minor:
            return Veto(
                code="amount_too_low",
                detail=f"A purchase costs at least {_written(limit.least_minor, money)} here.",
            )
        if limit.most_minor is not None and amount_minor > limit.most_minor:
            return Veto(
                code="amount_too_high",
                detail=f"A purchase costs at most {_written(limit.most_minor, money)} here.",
            )
        return ADMITTED


def _read(settings: Mapping[str, Any]) -> Settings:
    # Stricter than the schema, which takes 500.0 for an integer.
    return msgspec.convert(dict(settings), Settings)


def _of_other_money(settings: Settings, money: str) -> Annotated | Veto:
    if settings.other_money == "admit":
        return ADMITTED
    taken = ", ".join(sorted(limit.money for limit in settings.limits)[:20])
    return Veto(
        code="money_not_taken",
        detail=f"Purchases in {money} are not taken. Choose another currency: {taken}.",
    )


def _problems(settings: Mapping[str, Any]) -> Iterator[SettingProblem]:
    try:
        limits = _read(settings).limits
    except (msgspec.ValidationError, UnicodeError) as error:
        yield SettingProblem(field="limits", detail=f"They do not fit the schema: {error}.")
        return
    first: dict[str, int] = {}
    for number, limit in enumerate(limits):
        field = f"limits.{number}"
        if limit.money not in DECIMALS:
            yield SettingProblem(
                field=f"{field}.money", detail=f"{limit.money} is no currency of ISO 4217."
            )
        same = first.setdefault(limit.money, number)
        if same != number:
            yield SettingProblem(
                field=f"{field}.money", detail=f"limits.{same} is for {limit.money} already."
            )
        if (
            limit.least_minor is not None
            and limit.most_minor is not None
            and limit.least_minor > limit.most_minor
        ):
            yield SettingProblem(
                field=f"{field}.least_minor",
                detail="The least amount is above the most, so no purchase would pass.",
            )


def _written(amount_minor: int, money: str) -> str:
    return f"{format_money(amount_minor, DECIMALS[money])} {money}"


PLUGIN = Amounts()
