"""The first gate: what a player may spend of a currency per UTC day, holds included."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from guildbank.journal import COUNTERS, Counter, Need, Stage
from guildbank.kernel import Refusal
from guildbank.wallets.contracts import Purse, Spending
from guildbank.wallets.purses import SPENT_SINCE, SpentKey

_KEEP = timedelta(days=40)
"""Longer than a hold may live: its release takes its counter back."""


def day_of(at: datetime) -> datetime:
    """Return when the UTC day began."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def counter_name(player_id: str, currency: str, at: datetime) -> str:
    """Return the counter of a player's spending on that day."""
    return f"wallets.spent:{player_id}:{currency}:{at.date().isoformat()}"


class SpendLimit:
    """Refuses with `limit_exceeded`; costs nothing for players without a limit."""

    def needs(self, stage: Stage, spending: Spending, purse: Purse) -> Iterable[Need]:
        """Return today's counter, if there is a limit."""
        if purse.spend_limit_per_day is None:
            return ()
        return ((COUNTERS, counter_name(spending.player_id, spending.currency, stage.now)),)

    def check(self, stage: Stage, spending: Spending, purse: Purse) -> tuple[str, ...] | Refusal:
        """Refuse above the limit, or count the amount."""
        limit = purse.spend_limit_per_day
        if limit is None and not spending.held:
            return ()
        name = counter_name(spending.player_id, spending.currency, stage.now)
        if limit is None:
            # A limit set later today counts the holds that are open then: they must take
            # themselves off it when they are released.
            return (name,)
        spent = counter.value if (counter := stage.get(COUNTERS, name)) else 0
        if spent + spending.amount > limit:
            return Refusal(
                code="limit_exceeded",
                detail=(
                    f"The player may spend {limit} {spending.currency} per day and has spent or "
                    f"held {spent} today (UTC)."
                ),
                field="amount",
                extra={"limit": limit, "left": max(0, limit - spent)},
            )
        stage.put(COUNTERS, name, Counter(spent + spending.amount, day_of(stage.now) + _KEEP))
        return (name,)


def note_spent(stage: Stage, player_id: str, currency: str, amount: int) -> None:
    """Tell a limit that is set later in the same batch what is spent or held (below 0: released).

    What the batch read for it is older than this act.
    """
    if not stage.reads(SPENT_SINCE):
        return
    key = SpentKey(player_id, currency, day_of(stage.now))
    if stage.loaded(SPENT_SINCE, key):
        stage.put(SPENT_SINCE, key, max(0, (stage.get(SPENT_SINCE, key) or 0) + amount))


def give_back_count(stage: Stage, names: Iterable[str], amount: int) -> None:
    """Take a released amount off the counters that a hold was counted on."""
    for name in names:
        counter = stage.get(COUNTERS, name)
        if counter is not None:
            stage.put(COUNTERS, name, Counter(max(0, counter.value - amount), counter.expires_at))
