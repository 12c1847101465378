"""What the reference model knows of one tenant: its coins, its rules, and what each entry was."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.laws.armoury import Armoury
from tests.laws.coins import Credit, Hold, Spend
from tests.laws.desk import Desk
from tests.laws.eyes import Eyes
from tests.laws.model import Model, Refused
from tests.laws.register import Register
from tests.laws.till import Till

from guildbank.kernel import seq_id
from guildbank.wallets import Currency

PRINCIPAL = "app_laws"
NOWHERE = 2**40
"""A position that no journal of the tests ever reaches."""

Holdings = dict[tuple[str, str, str], int]
"""What players have, by player, currency and bucket."""
Facts = dict[str, object]
"""What an entry must say: a part of its facts, by name."""


@dataclass
class Counted:
    """A hold, and the days and amounts that the player's limit counts for it."""

    hold: Hold
    day: date


@dataclass
class World:
    """One tenant. Everything that an entry made is found by the entry's position."""

    currencies: dict[str, Currency]
    players: list[str]
    strangers: list[str]
    model: Model = field(init=False)
    now: datetime = field(init=False)
    limits: dict[tuple[str, str], int | None] = field(default_factory=dict)
    spent: dict[tuple[str, str, date], int] = field(default_factory=lambda: defaultdict(int))
    at: dict[int, datetime] = field(default_factory=dict)
    last: int = 0
    grants: dict[int, Credit] = field(default_factory=dict)
    spends: dict[int, Spend] = field(default_factory=dict)
    holds: dict[int, Counted] = field(default_factory=dict)
    till: Till = field(init=False)
    register: Register = field(init=False)
    policy: str = "refuse"
    history: list[tuple[datetime, Holdings]] = field(default_factory=list)
    final: set[int] = field(default_factory=set)
    still: set[int] = field(default_factory=set)
    actors: list[str] = field(default_factory=lambda: [PRINCIPAL])
    eyes: Eyes = field(default_factory=Eyes)
    desk: Desk = field(default_factory=Desk)
    armoury: Armoury = field(default_factory=Armoury)

    def __post_init__(self) -> None:
        self.model = Model({code: one.order for code, one in self.currencies.items()})
        self.till = Till(self.policy)
        self.register = Register(dict.fromkeys(self.players, "active"))

    def tick(self, now: datetime) -> None:
        """Set the time that holds and days go by."""
        self.now = now
        self.model.now = now.timestamp()

    def remember(self) -> None:
        """Keep what everybody has at this moment."""
        wallets: Holdings = {
            (player, code, bucket): self.model.balance(player, code, bucket)
            for player in self.players
            for code in self.currencies
            for bucket in self.currencies[code].order
        }
        self.history.append((self.now, wallets))

    def player(self, number: int) -> str:
        """The id of a player, or of a stranger behind the last of them."""
        known = [*self.players, *self.strangers]
        return known[number % len(known)]

    def note(self, seq: int, at: datetime) -> None:
        """Begin with an entry: keep when it was written."""
        self.at[seq] = at
        self.model.seq = seq
        self.last = max(self.last, seq)

    def payments_entry(self, seq: int, kind: str, data: bytes) -> None:
        """Take an entry of payments."""
        told: dict[str, Any] = json.loads(data)
        name = kind.removeprefix("payments.")
        if name.startswith("payout_"):
            self.desk.read(self, name, told)
            moved = True
        else:
            moved = self.till.read(self, kind, told)
        (self.final if moved else self.still).add(seq)

    def lives_entry(self, seq: int, kind: str, principal: str, data: bytes) -> None:
        """Take an entry of what became of a player."""
        self.register.read(self, kind, principal, json.loads(data))
        self.model.barred = self.register.bars()
        self.still.add(seq)

    def has_open_holds(self, player: str) -> bool:
        """Whether coins of the player are put aside."""
        placed = any(
            one.hold.player == player and one.hold.remaining for one in self.holds.values()
        )
        return placed or self.eyes.has_holds(player)

    def transaction_id(self, seq: int) -> str:
        """The id of an entry; of one that never was, a well-formed id."""
        return seq_id("txn", seq, self.at.get(seq, self.now))

    def hold_id(self, seq: int) -> str:
        """The id of a hold; of an entry that is no hold, an id that looks like one."""
        return seq_id("hold", seq, self.at.get(seq, self.now))

    def reversible(self) -> list[int]:
        """Entries that a reversal may be tried on; now and then one that allows none."""
        likely = [*self.grants, *self.spends]
        return sorted({*likely, *sorted(self.final)[-2:], *sorted(self.still)[-1:]})

    # What a player's rules allow

    def counted(self, player: str, currency: str) -> int:
        """What the day's limit counts: spends by their day, holds by the day they were placed."""
        today = self.now.date()
        held = sum(
            one.hold.remaining
            for one in self.holds.values()
            if (one.hold.player, one.hold.currency, one.day) == (player, currency, today)
        )
        return self.spent[player, currency, today] + held

    def past_limit(self, player: str, currency: str, amount: int) -> bool:
        """Whether the amount would pass the player's limit of today."""
        limit = self.limits.get((player, currency))
        return limit is not None and self.counted(player, currency) + amount > limit

    def ceiling_bars(self, player: str, currency: str, counts: dict[str, int]) -> bool:
        """Whether new coins would lift a bucket above what the currency lets a player hold."""
        ceiling = self.currencies[currency].ceiling
        if ceiling is None:
            return False
        return any(
            count
            and self.model.balance(player, currency, bucket)
            + self.room(player, currency, bucket) + count > ceiling
            for bucket, count in counts.items()
        )  # fmt: skip

    def room(self, player: str, currency: str, bucket: str) -> int:
        """The room that is kept below a ceiling for coins which are being paid for."""
        if self.currencies[currency].ceiling is None:
            return 0
        return self.till.room(player, currency, bucket)

    # Facts

    def wallet(self, player: str, currency: str) -> Facts:
        """What every entry of a wallet says of the state afterwards."""
        return {
            "player": player,
            "currency": currency,
            "balance": self.model.balance(player, currency),
            "available": self.model.available(player, currency),
            "debt": self.model.debt(player, currency),
        }

    def moved(self, player: str, currency: str, taken: dict[str, int], amount: int) -> Facts:
        """The facts of an entry that moved coins."""
        named = {bucket: count for bucket, count in taken.items() if count}
        return {**self.wallet(player, currency), "amount": amount, "taken": named}

    # Verbs that a wallet has; each answers the facts of the entry `seq`, or its refusal

    def grant(self, seq: int, player: str, currency: str, amount: int) -> Facts | Refused:
        """Free coins, up to the currency's ceiling."""
        if self.ceiling_bars(player, currency, {"free": amount}):
            return "ceiling_exceeded"
        if player in self.strangers:
            return "unknown_account"
        if (barred := self.register.barred(player)) is not None:
            return barred
        credit = self.model.grant(player, currency, amount)
        if isinstance(credit, str):
            return credit
        self.grants[seq] = credit
        return self.moved(player, currency, {"free": amount}, amount)

    def spend(self, seq: int, player: str, currency: str, amount: int) -> Facts | Refused:
        """Coins for something in the game."""
        refused = self._may_pay("spend", player, currency, amount)
        if refused is not None:
            return refused
        spend = self.model.spend(player, currency, amount)
        assert isinstance(spend, Spend), spend
        self.spends[seq] = spend
        self.spent[player, currency, self.now.date()] += amount
        return self.moved(player, currency, spend.per_bucket, amount)

    def hold(
        self, seq: int, player: str, currency: str, amount: int, seconds: int
    ) -> Facts | Refused:
        """Coins put aside."""
        refused = self._may_pay("hold", player, currency, amount)
        if refused is not None:
            return refused
        expires_at = self.now.timestamp() + seconds
        hold = self.model.hold(player, currency, amount, expires_at=expires_at)
        assert isinstance(hold, Hold), hold
        self.holds[seq] = Counted(hold, self.now.date())
        self.still.add(seq)
        facts = self.moved(player, currency, {}, amount)
        return {**facts, "hold": seq, "hold_left": amount, "hold_state": "open"}

    def _may_pay(self, verb: str, player: str, currency: str, amount: int) -> Refused | None:
        if player in self.strangers:
            return "unknown_account"
        plan = self.model.plan(verb, player, currency, amount)
        if isinstance(plan, str):
            return plan
        return "limit_exceeded" if self.past_limit(player, currency, amount) else None

    def capture(self, seq: int, placed: int, amount: int | None) -> Facts | Refused:
        """Held coins spent."""
        counted = self.holds.get(placed)
        if counted is None:
            return "unknown_hold"
        hold = counted.hold
        spend = self.model.capture(hold, amount)
        if isinstance(spend, str):
            return spend
        self.spends[seq] = spend
        self.spent[hold.player, hold.currency, counted.day] += spend.amount
        return self._hold_facts(placed, spend.per_bucket, spend.amount)

    def release(self, seq: int, placed: int, *, expiring: bool) -> Facts | Refused:
        """Held coins given back, by the player's wish or by time."""
        counted = self.holds.get(placed)
        if counted is None:
            return "unknown_hold"
        end = self.model.expire if expiring else self.model.release
        freed = end(counted.hold)
        if isinstance(freed, str):
            return freed
        self.still.add(seq)
        return self._hold_facts(placed, {}, freed)

    def _hold_facts(self, placed: int, taken: dict[str, int], amount: int) -> Facts:
        hold = self.holds[placed].hold
        facts = self.moved(hold.player, hold.currency, taken, amount)
        return {**facts, "hold": placed, "hold_left": hold.remaining}

    def reverse(self, seq: int, original: int, amount: int | None) -> Facts | Refused:
        """A spend put back, or a grant taken back."""
        if (spend := self.spends.get(original)) is not None:
            back = self.model.reverse_spend(spend, amount)
            if isinstance(back, str):
                return back
            owner, taken = (spend.player, spend.currency), back.per_bucket
        elif (credit := self.grants.get(original)) is not None:
            clawed = self.model.reverse_grant(credit, amount)
            if isinstance(clawed, str):
                return clawed
            owner, taken = (credit.player, credit.currency), {"free": len(clawed.coins)}
        else:
            return self.irreversible(original)
        self.final.add(seq)
        facts = self.moved(*owner, taken, sum(taken.values()))
        return {**facts, "original": original}

    def irreversible(self, original: int) -> Refused:
        """Why an entry that is neither a spend nor a grant is not reversed: it is final, moved no
        coins, or never was."""
        known = original in self.final or original in self.still
        return "not_reversible" if known else "unknown_transaction"

    def freeze(self, seq: int, player: str, currency: str, *, frozen: bool) -> Facts | Refused:
        """A wallet stopped, or freed."""
        if player in self.strangers:
            return "unknown_account"
        (self.model.freeze if frozen else self.model.unfreeze)(player, currency)
        self.still.add(seq)
        return {"player": player, "currency": currency, "frozen": frozen}

    def limit(self, seq: int, player: str, currency: str, per_day: int | None) -> Facts | Refused:
        """What the player may spend a day; it counts what was spent today already."""
        if player in self.strangers:
            return "unknown_account"
        self.limits[player, currency] = per_day
        self.still.add(seq)
        return {"player": player, "currency": currency}
