"""How many coins of an account are old enough, in the order in which they are spent."""

from guildbank.ledger.claws import free_parts
from guildbank.ledger.contracts import Account, Address, LotState, Spread
from guildbank.ledger.lots import Interval, hole_amount, map_position
from guildbank.ledger.rules import lot_parts


def aged_coins(address: Address, account: Account, spread: Spread, credited_then: int) -> int:
    """Return how many coins the next FIFO debits take before they meet one that is too young.

    Old are those that lie below `credited_then` on the credit axis, where the account stood at
    the time in question, and those of a later lot that came back from there: a coin that was put
    back keeps the age that it had. Coins behind a younger one wait until that one is old enough.
    """
    old = lot_parts(LotState(address, 0, credited_then), spread)
    place = map_position(spread.holes, account.spent)
    found = 0
    for part in free_parts(old, account.spent, spread.holes):
        # A coin that was put back twice before then is in several parts, and is one coin.
        start = max(place, part.start)
        if start >= part.end:
            continue
        between = Interval(place, start)
        if hole_amount(spread.holes, between) != between.length:
            break
        found += part.end - start
        place = part.end
    return found
