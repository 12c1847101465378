"""The plugin `duplicates`: refuses what the same player bought a moment ago, as by a second tap."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

import msgspec

from guildbank.plugin_api import (
    Annotated,
    Context,
    Manifest,
    PastPurchase,
    PastState,
    PurchaseView,
    SettingProblem,
    Veto,
    rivals,
)
from guildbank_duplicates.manifest import DEFAULT_SECONDS, MANIFEST


class Settings(msgspec.Struct, frozen=True):
    """How long the same purchase is taken for a mistake."""

    seconds: int = DEFAULT_SECONDS


class Duplicates:
    """Looks for the same product at the same price, of which the player may still get the coins."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the settings: seconds that are written with a point."""
        try:
            _read(settings)
        except (msgspec.ValidationError, UnicodeError) as error:
            detail = f"It does not fit the schema: {error}."
            return [SettingProblem(field="seconds", detail=detail)]
        return []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it: `duplicate_purchase`.

        Raises where nobody can say what was bought, which refuses.
        """
        if context.history is None:
            raise LookupError("there is no history of purchases to look in")
        window = timedelta(seconds=_read(context.settings).seconds)
        since = context.now - window
        past = await context.history.purchases(purchase.player_id, since)
        same = [
            one
            for one in rivals(past, purchase.payment_id)
            if one.created_at > since and _may_pay(one) and _is_same(one, purchase)
        ]
        if not same:
            return Annotated()
        left = max(one.created_at for one in same) - since
        seconds = max(1, ceil(left / timedelta(seconds=1)))
        return Veto(
            code="duplicate_purchase",
            detail="You have just bought this. If you want it once more, try again in "
            f"{seconds} second{'s' if seconds > 1 else ''}.",
        )


def _may_pay(one: PastPurchase) -> bool:
    """Say whether money came or may come: after a decline players rightly begin anew."""
    return one.state is PastState.PAID or (one.state is PastState.OPEN and not one.declined_at)


def _is_same(one: PastPurchase, purchase: PurchaseView) -> bool:
    return (one.product_id, one.amount_minor, one.currency) == (
        purchase.product_id,
        purchase.amount_minor,
        purchase.currency,
    )


def _read(settings: Mapping[str, Any]) -> Settings:
    # Stricter than the schema, which takes 30.0 for an integer.
    return msgspec.convert(dict(settings), Settings)


PLUGIN = Duplicates()
