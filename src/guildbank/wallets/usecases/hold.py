"""Put coins aside, spend them later, or give them back."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import ClassVar

import msgspec

from guildbank.journal import COUNTERS, Draft, Need, Sealed, Stage
from guildbank.kernel import Refusal, TimedSeq
from guildbank.kernel.ids import epoch_ms
from guildbank.ledger import HOLDS, Book, Hold, HoldLine, Leg, house, open_book
from guildbank.wallets.acts import UNKNOWN_CURRENCY, GatedAct, WalletAct, moved_draft
from guildbank.wallets.coins import account_needs, debt_of, in_debt, repaying
from guildbank.wallets.contracts import SALES, Gate, PlaceHold, wallet
from guildbank.wallets.gates import day_of, give_back_count, note_spent

HELD = "wallets.held"
CAPTURED = "wallets.captured"
RELEASED = "wallets.released"
EXPIRED = "wallets.hold_expired"

UNKNOWN_HOLD = Refusal(code="unknown_hold", detail="There is no such hold.", field="holdId")


class PlaceHoldAct(GatedAct):
    """A hold counts against what is available at once; it takes no interval of coins."""

    verb = "wallets.hold"
    held = True
    is_record: ClassVar[bool] = True
    __slots__ = ("lifetime",)

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: PlaceHold,
        gates: Sequence[Gate],
        payload: Sealed | None = None,
    ) -> None:
        super().__init__(principal, key, command, gates, payload)
        self.lifetime = timedelta(seconds=command.lifetime_seconds)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Place the hold; refused like a spend."""
        purse = self.purse(stage)
        if purse is None:
            return UNKNOWN_CURRENCY
        book = open_book(stage)
        owed = debt_of(book, self.player_id, self.currency)
        if owed > 0:
            return in_debt(owed)
        sources = [wallet(self.player_id, self.currency, one) for one in purse.currency.order]
        split = book.hold(sources, self.amount)
        if isinstance(split, Refusal):
            return split
        counted = self.pass_gates(stage, purse)
        if isinstance(counted, Refusal):
            return counted
        hold = Hold(
            seq=stage.seq,
            placed_at=stage.now,
            owner=self.player_id,
            asset=self.currency,
            amount=self.amount,
            expires_at=stage.now + self.lifetime,
            lines=tuple(HoldLine(address.bucket, amount) for address, amount in split),
            counters=counted,
        )
        stage.put(HOLDS, stage.seq, hold)
        note_spent(stage, self.player_id, self.currency, self.amount)
        return moved_draft(stage, book, HELD, self, self.amount, hold=hold)


class HoldAct(WalletAct):
    """An act on a hold: its wallet is known when the hold is read."""

    rounds: ClassVar[int] = 2
    is_record: ClassVar[bool] = True
    __slots__ = ("at_ms", "seq")

    def __init__(self, principal: str, key: str | None, command: object, at: TimedSeq) -> None:
        # The player and currency are the hold's, set once it is read.
        super(WalletAct, self).__init__(principal, key, command)
        self.seq = at.seq
        self.at_ms = at.at_ms
        self.payload: Sealed | None = None

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the hold, then its accounts and counters."""
        if not stage.loaded(HOLDS, self.seq):
            return ((HOLDS, self.seq),)
        hold = stage.get(HOLDS, self.seq)
        if hold is None:
            return ()
        self.player_id, self.currency = hold.owner, hold.asset
        counters: list[Need] = [(COUNTERS, name) for name in hold.counters]
        return [*account_needs(hold.owner, hold.asset), *counters]

    def open_hold(self, stage: Stage) -> Hold | Refusal:
        """Return the hold if it can still be captured or released."""
        hold = stage.get(HOLDS, self.seq)
        if hold is None or epoch_ms(hold.placed_at) != self.at_ms:
            return UNKNOWN_HOLD
        waits = hold.kept_for is not None and hold.state == "open"
        if waits and hold.expires_at > stage.now:
            return Refusal(
                code="hold_kept",
                detail=f"The hold waits with {hold.kept_for}: it ends when that is decided.",
                field="holdId",
            )
        if hold.state == "expired" or (hold.state == "open" and hold.expires_at <= stage.now):
            return Refusal(
                code="hold_expired",
                detail=f"The hold ended at {hold.expires_at.isoformat()}; place a new one.",
                field="holdId",
            )
        if hold.state != "open":
            return Refusal(
                code="hold_closed", detail=f"The hold is {hold.state} already.", field="holdId"
            )
        return hold


class CaptureAct(HoldAct):
    """Spend part or all of what is left of a hold."""

    verb = "wallets.capture"
    __slots__ = ("amount",)

    def __init__(
        self, principal: str, key: str | None, command: object, at: TimedSeq, amount: int | None
    ) -> None:
        super().__init__(principal, key, command, at)
        self.amount = amount

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Spend; refused: unknown_hold, hold_expired, hold_closed, exceeds_hold."""
        hold = self.open_hold(stage)
        if isinstance(hold, Refusal):
            return hold
        amount = hold.left if self.amount is None else self.amount
        if amount > hold.left:
            return Refusal(
                code="exceeds_hold",
                detail=f"{hold.left} are left of this hold.",
                field="amount",
                extra={"left": hold.left},
            )
        # What was put aside is settled, whatever has become of the player meanwhile.
        book = open_book(stage, settling=True)
        lines, legs = take_from_lines(book, hold, amount)
        refusal = book.post(legs)
        if refusal is not None:
            return refusal
        captured = hold.captured + amount
        done = captured + hold.released == hold.amount
        hold = msgspec.structs.replace(
            hold, captured=captured, lines=lines, state="captured" if done else "open"
        )
        stage.put(HOLDS, self.seq, hold)
        return moved_draft(stage, book, CAPTURED, self, amount, hold=hold)


class ReleaseAct(HoldAct):
    """Give the rest of a hold back; the worker does the same when its time is over.

    Coins that come free pay the player's debt first, as coins of a credit do: a refund could not
    take them while they were held.
    """

    verb = "wallets.release"
    __slots__ = ("expiring",)

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: object,
        at: TimedSeq,
        *,
        expiring: bool = False,
    ) -> None:
        super().__init__(principal, key, command, at)
        self.expiring = expiring

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Release; refused: unknown_hold, hold_expired, hold_closed."""
        hold = self.open_hold(stage)
        if isinstance(hold, Refusal):
            late = hold.code == "hold_expired" and self.expiring
            found = stage.get(HOLDS, self.seq)
            if not late or found is None or found.state != "open":
                return hold
            hold = found
        elif self.expiring:
            return Refusal(code="hold_not_due", detail="The hold's time is not over.")
        book = open_book(stage)
        left = hold.left
        for line in hold.lines:
            book.release(wallet(self.player_id, self.currency, line.bucket), line.held)
        freed = [(line.bucket, line.held) for line in hold.lines]
        if legs := repaying(book, self.player_id, self.currency, freed):
            refusal = book.post(legs)
            if refusal is not None:
                return refusal
        give_back_count(stage, hold.counters, left)
        if hold.placed_at >= day_of(stage.now):
            note_spent(stage, self.player_id, self.currency, -left)
        state = "expired" if self.expiring else "captured" if hold.captured else "released"
        hold = msgspec.structs.replace(
            hold,
            released=hold.released + left,
            state=state,
            lines=tuple(HoldLine(line.bucket, 0, line.captured) for line in hold.lines),
        )
        stage.put(HOLDS, self.seq, hold)
        kind = EXPIRED if self.expiring else RELEASED
        return moved_draft(stage, book, kind, self, left, hold=hold)


def take_from_lines(book: Book, hold: Hold, amount: int) -> tuple[tuple[HoldLine, ...], list[Leg]]:
    """Release `amount` of the hold's buckets in order, as legs that spend it at once."""
    left, lines, legs = amount, list[HoldLine](), list[Leg]()
    for line in hold.lines:
        take = min(left, line.held)
        if take:
            source = wallet(hold.owner, hold.asset, line.bucket)
            book.release(source, take)
            legs.append(Leg((source,), house(hold.asset, SALES), take))
            left -= take
        lines.append(HoldLine(line.bucket, line.held - take, line.captured + take))
    return tuple(lines), legs
