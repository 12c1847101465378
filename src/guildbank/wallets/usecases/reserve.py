"""Put a player's coins aside while a command that takes them waits for a second person."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import (
    HOLDS,
    Address,
    Hold,
    HoldLine,
    balances_now,
    close_book,
    open_book,
)
from guildbank.wallets.coins import account_needs, repaying
from guildbank.wallets.contracts import BUCKETS, wallet
from guildbank.wallets.purses import CURRENCIES

GRACE = timedelta(days=1)
"""The hold outlives its approval, so that it ends by the approval's end and not by its own."""

Seen: TypeAlias = Mapping[Address, int]
SPANS_WALLETS = Refusal(
    code="approval_spans_wallets",
    detail=(
        "This needs approval and takes coins from several wallets. Coins are put aside for one "
        "player and currency at a time: split it."
    ),
)


class WalletReserve:
    """`approvals.Reserve`: a hold that nobody captures or releases but the approval's end."""

    def look(self, stage: Stage) -> Seen:
        """Return the balances of all players' buckets that are loaded."""
        return balances_now(stage)

    def place(
        self, stage: Stage, before: Seen, after: Seen, approval: str, until: datetime
    ) -> int | Refusal | None:
        """Hold what is less in `after`. Refused: `approval_spans_wallets`, or as a hold is."""
        less = [
            (address, amount - after.get(address, 0))
            for address, amount in before.items()
            if amount > after.get(address, 0) and address.bucket in BUCKETS
        ]
        if not less:
            return None
        owner, asset = less[0][0][:2]
        if any(address[:2] != (owner, asset) for address, _ in less):
            return SPANS_WALLETS
        book = open_book(stage)
        for address, amount in less:
            # Whether it may be taken, the command itself was asked: taking back is never barred.
            split = book.hold([address], amount, forced=True)
            if isinstance(split, Refusal):
                return split
        hold = Hold(
            seq=stage.seq,
            placed_at=stage.now,
            owner=owner,
            asset=asset,
            amount=sum(amount for _, amount in less),
            expires_at=until + GRACE,
            # The loaded accounts come in any order; their hold is the same whatever that is.
            lines=tuple(
                HoldLine(address.bucket, amount)
                for address, amount in sorted(less, key=lambda one: BUCKETS.index(one[0].bucket))
            ),
            kept_for=approval,
        )
        stage.put(HOLDS, stage.seq, hold)
        close_book(stage, book)
        return stage.seq

    def needs(self, stage: Stage, hold: int) -> Iterable[Need]:
        """Return the hold, then its currency and accounts."""
        if not stage.loaded(HOLDS, hold):
            return ((HOLDS, hold),)
        found = stage.get(HOLDS, hold)
        if found is None:
            return ()
        return (CURRENCIES, found.asset), *account_needs(found.owner, found.asset)

    def free(self, stage: Stage, hold: int) -> Refusal | None:
        """Give back what is left, which pays the player's debt first as all that comes free.

        It does so in the order in which the player would have spent it.
        """
        found = stage.get(HOLDS, hold)
        if found is None or found.state != "open":
            return None
        currency = stage.get(CURRENCIES, found.asset)
        order = BUCKETS if currency is None else currency.order
        book = open_book(stage)
        for line in found.lines:
            book.release(wallet(found.owner, found.asset, line.bucket), line.held)
        freed = [(line.bucket, line.held) for line in found.lines]
        freed.sort(key=lambda one: order.index(one[0]))
        if legs := repaying(book, found.owner, found.asset, freed):
            refusal = book.post(legs)
            if refusal is not None:
                return refusal
        close_book(stage, book)
        done = msgspec.structs.replace(
            found,
            released=found.amount,
            state="released",
            lines=tuple(HoldLine(line.bucket, 0) for line in found.lines),
        )
        stage.put(HOLDS, hold, done)
        return None
