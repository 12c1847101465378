"""What a sale reserves while it may still be credited, and gives back when it may not.

Its counters, and below a currency's ceiling the room for its coins: who is let in at the beginning
gets the coins at the end, whatever came in between.
"""

from collections.abc import Mapping

import msgspec

from guildbank.journal import COUNTERS, Counter, Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import close_book, open_book
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.sale import LimitUse
from guildbank.payments.posting import coins_of
from guildbank.wallets import CURRENCIES, account_needs, give_room_back, keep_room, must_be_active

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
    """Lower the counters of a payment that holds them, and let its room go."""
    if intent.reserved:
        for use in uses_of(intent):
            stage.put(COUNTERS, use.counter, Counter(max(0, _value(stage, use) - use.add)))
    if intent.room:
        book = open_book(stage, settling=True)
        give_room_back(book, intent.player_id, intent.currency, coins_of(intent))
        close_book(stage, book)


def reserved_needs(intent: Intent) -> list[Need]:
    """Return what must be loaded before a payment gives back what it reserved."""
    room = account_needs(intent.player_id, intent.currency) if intent.room else []
    return [*limit_needs(uses_of(intent)), *room]


def room_needs(stage: Stage, player_id: str, currency: str) -> list[Need]:
    """Return what must be loaded before room is kept: accounts only where there is a ceiling."""
    rules = stage.get(CURRENCIES, currency) if stage.loaded(CURRENCIES, currency) else None
    ceiling = None if rules is None else rules.ceiling
    accounts = [] if ceiling is None else account_needs(player_id, currency)
    return [(CURRENCIES, currency), *accounts]


def keep_room_for(
    stage: Stage, player_id: str, currency: str, coins: Mapping[str, int]
) -> bool | Refusal:
    """Keep room for coins by bucket; return whether there is a ceiling to be kept below.

    Refusals: `unknown_currency`, `currency_inactive`, `ceiling_exceeded`, `total_overflow`.
    """
    rules = stage.get(CURRENCIES, currency)
    if rules is None:
        return Refusal(code="unknown_currency", detail="There is no such currency.")
    if rules.ceiling is None:
        return must_be_active(rules) or False
    book = open_book(stage)
    if (refusal := keep_room(book, player_id, rules, coins)) is not None:
        return msgspec.structs.replace(refusal, field="packId")
    close_book(stage, book)
    return True


def _value(stage: Stage, use: LimitUse) -> int:
    counter = stage.get(COUNTERS, use.counter)
    return 0 if counter is None else counter.value
