"""The plugin `velocity`: bounds how often, for how much, and after how many declines one buys."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from guildbank.plugin_api import (
    MAX_PAST_SPAN,
    Annotated,
    Context,
    Manifest,
    PurchaseView,
    SettingProblem,
    Veto,
)
from guildbank_velocity.counting import judge, reach
from guildbank_velocity.manifest import MANIFEST
from guildbank_velocity.settings import Settings, problems, read


class Velocity:
    """Limits on what a player buys within a time, counted from the payments themselves."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the limits, such as one that another makes pointless."""
        return list(problems(settings))

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it by the first limit that it would break.

        The codes are `too_many_purchases`, `spent_too_much` and `too_many_declines`. Raises where
        nobody can say what was bought, which refuses.
        """
        settings = read(context.settings)
        if context.history is None:
            raise LookupError("there is no history of purchases to count in")
        since = context.now - _reach(settings)
        past = await context.history.purchases(purchase.player_id, since)
        vetoes = (judge(limit, past, purchase, context.now) for limit in settings.limits)
        return next((veto for veto in vetoes if veto is not None), Annotated())


def _reach(settings: Settings) -> timedelta:
    """Return how far back the widest limit looks; history goes no further than its own span."""
    return min(MAX_PAST_SPAN, max(reach(limit) for limit in settings.limits))


PLUGIN = Velocity()
