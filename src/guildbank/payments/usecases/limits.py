"""Counters that a sale reserves while it may still be credited, and gives back when it may not."""

import msgspec

from guildbank.journal import COUNTERS, Counter, Need, Stage
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.sale import LimitUse

_USES = msgspec.json.Decoder(tuple[LimitUse, ...])


def uses_of(intent: Intent) -> tuple[LimitUse, ...]:
    """Return the counters of a payment."""
    return _USES.decode(intent.limits)


def limit_needs(uses: tuple[LimitUse, ...]) -> list[Need]:
    """Return what must be loaded before counters are raised or lowered."""
    return [(COUNTERS, use.counter) for use in uses]


def reserve(
    stage: Stage, uses: tuple[LimitUse, ...], *, even_above: bool = False
) -> Refusal | None:
    """Raise the counters, or refuse with `limit_reached`; money that came counts `even_above`."""
    for use in uses:
        value = _value(stage, use)
        if value + use.add > use.most and not even_above:
            return Refusal(
                code="limit_reached",
                detail=f"The player may buy this {use.most} times and has bought it {value} times.",
                field="packId",
                extra={"limit": use.most, "bought": value},
            )
    for use in uses:
        stage.put(COUNTERS, use.counter, Counter(_value(stage, use) + use.add))
    return None


def give_back_limits(stage: Stage, intent: Intent) -> None:
    """Lower the counters of a payment that holds them."""
    if intent.reserved:
        for use in uses_of(intent):
            stage.put(COUNTERS, use.counter, Counter(max(0, _value(stage, use) - use.add)))


def _value(stage: Stage, use: LimitUse) -> int:
    counter = stage.get(COUNTERS, use.counter)
    return 0 if counter is None else counter.value
