"""The plugin `score`: adds up what a table of rules makes of a purchase."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from guildbank.plugin_api import (
    MAX_PAST_SPAN,
    Context,
    Manifest,
    PurchaseView,
    Scored,
    SettingProblem,
)
from guildbank_score.manifest import MANIFEST
from guildbank_score.settings import Rule, problems, read
from guildbank_score.weighing import weigh

PAYABLE = timedelta(days=1)
"""How long tries to pay a purchase may go on, so that older ones have declines of now."""


class Score:
    """Rules with weights over annotations, history and price."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the rules, such as one that never holds."""
        return list(problems(settings))

    async def score(self, context: Context, purchase: PurchaseView) -> Scored:
        """Return the sum of all rules that hold, and why each does.

        Raises where a rule cannot be answered, or the history is away.
        """
        rules = read(context.settings).rules
        counting = [one for one in rules if one.history is not None]
        reached = context.now
        past: Sequence[Any] = ()
        if counting:
            if context.history is None:
                raise LookupError("there is no history of purchases to count in")
            reached -= min(MAX_PAST_SPAN, max(_reach(one) for one in counting))
            past = await context.history.purchases(purchase.player_id, reached)
        return weigh(rules, past, reached, purchase, context.now)


def _reach(rule: Rule) -> timedelta:
    return rule.window + (PAYABLE if rule.history == "declines" else timedelta())


PLUGIN = Score()
"""What the entry point names."""
