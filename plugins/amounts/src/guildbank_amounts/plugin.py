"""The plugin `amounts`: refuses a purchase that costs less or more than the tenant lets pass."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iso4217 import Currency

from guildbank.kernel import format_money
from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_amounts.manifest import MANIFEST

ADMITTED = Annotated()
DECIMALS = {one.value: one.exponent for one in Currency if one.exponent is not None}
"""Every money, with the digits of its minor units; gold and the like have none and are no money."""
_AMOUNTS = ("least_minor", "most_minor")


class Amounts:
    """A least and a most amount for each money."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the limits: unknown or repeated money, least above most."""
        return list(_problems(settings["limits"]))

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it.

        The codes are `amount_too_low`, `amount_too_high` and `money_not_taken`.
        """
        money, amount_minor = purchase.currency, purchase.amount_minor
        limit = next((one for one in context.settings["limits"] if one["money"] == money), None)
        if limit is None:
            return _of_other_money(context.settings, money)
        least_minor, most_minor = (limit.get(name) for name in _AMOUNTS)
        if least_minor is not None and amount_minor < least_minor:
            return Veto(
                code="amount_too_low",
                detail=f"A purchase costs at least {_written(least_minor, money)} here.",
            )
        if most_minor is not None and amount_minor > most_minor:
            return Veto(
                code="amount_too_high",
                detail=f"A purchase costs at most {_written(most_minor, money)} here.",
            )
        return ADMITTED


def _of_other_money(settings: Mapping[str, Any], money: str) -> Annotated | Veto:
    if settings.get("other_money", "refuse") == "admit":
        return ADMITTED
    taken = ", ".join(sorted(limit["money"] for limit in settings["limits"])[:20])
    return Veto(
        code="money_not_taken",
        detail=f"Purchases in {money} are not taken. Choose another currency: {taken}.",
    )


def _problems(limits: Sequence[Mapping[str, Any]]) -> Iterator[SettingProblem]:
    first: dict[str, int] = {}
    for number, limit in enumerate(limits):
        field, money = f"limits.{number}", limit["money"]
        if money not in DECIMALS:
            yield SettingProblem(
                field=f"{field}.money", detail=f"{money} is no currency of ISO 4217."
            )
        same = first.setdefault(money, number)
        if same != number:
            yield SettingProblem(
                field=f"{field}.money", detail=f"limits.{same} is for {money} already."
            )
        for name in _AMOUNTS:
            # JSON Schema takes 5.0 for an integer.
            if not isinstance(limit.get(name, 0), int):
                yield SettingProblem(
                    field=f"{field}.{name}", detail="Write minor units without a point."
                )
        least_minor, most_minor = (limit.get(name) for name in _AMOUNTS)
        if least_minor is not None and most_minor is not None and least_minor > most_minor:
            yield SettingProblem(
                field=f"{field}.least_minor",
                detail="The least amount is above the most, so no purchase would pass.",
            )


def _written(amount_minor: int, money: str) -> str:
    return f"{format_money(amount_minor, DECIMALS[money])} {money}"


PLUGIN = Amounts()
