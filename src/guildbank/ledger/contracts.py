"""What crosses the ledger's door: addresses, accounts, legs, transfers, holds."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec

HOUSE = "house"
PLAYER_PREFIX = "player_"
MAX_LEGS = 64
BARS = frozenset({"player_suspended", "player_closed"})
"""Refusals of whatever is started for an owner; what was begun is settled all the same."""
DEFAULT_CAP = 2**60
"""The largest total an account may ever have been credited, unless its asset says less."""


class Address(NamedTuple):
    """Who owns the account, in which asset, in which bucket: all an account's name.

    Owners are player ids or `house`; buckets of players are paid, free, bonus and debt, those of
    the house say what the account is for: issue, sales, provider:stripe, unapplied.
    """

    owner: str
    asset: str
    bucket: str

    def __str__(self) -> str:
        """Return `owner/asset/bucket`, as people read it."""
        return "/".join(self)


class Asset(msgspec.Struct, frozen=True):
    """Something that is counted: `kind` is money or currency, `scale` its decimals (0 to 5)."""

    code: str
    kind: str
    scale: int
    cap: int = DEFAULT_CAP


class Account(msgspec.Struct, gc=False):
    """Totals of one account. An act changes its own copy alone, and `entry` names the act.

    Credited C, spent S, clawed K: the balance is C - S - K. `floor` None means that the account
    may go below zero and keeps no running row. `problem` is set for an account that cannot be
    opened, since its owner or asset is unknown, or that is barred, since its owner may start
    nothing: one of BARS. `expected` are coins for which room is kept below a ceiling, since
    somebody is paying for them. The id 0 is that of an account not opened yet; `opening` says that
    its row is new, `entry` (the act's seq, 0 for none) that it is not as it was read, and `ruled`
    that this is so of more than its totals.
    """

    id: int
    credited: int = 0
    spent: int = 0
    clawed: int = 0
    held: int = 0
    floor: int | None = 0
    ceiling: int | None = None
    frozen: str | None = None
    cap: int = DEFAULT_CAP
    problem: str | None = None
    expected: int = 0
    opening: bool = False
    entry: int = 0
    ruled: bool = False

    @property
    def balance(self) -> int:
        """Return C - S - K."""
        return self.credited - self.spent - self.clawed

    @property
    def available(self) -> int:
        """Return what a debit may take: not what is held, nor below the floor."""
        return self.credited - self.spent - self.clawed - self.held - (self.floor or 0)


class LotRef(NamedTuple):
    """The credit that made a lot: a transfer's position and leg."""

    seq: int
    leg: int


class Restores(NamedTuple):
    """The coins that a reversal gives back to the account that they left.

    `start` is on that debit's own axis: the FIFO axis, or where it was `directed`, the credit
    axis.
    """

    seq: int
    leg: int
    start: int
    directed: bool = False


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One movement of `amount` from the first accounts in `debits` that have it to `credit`.

    `up_to` takes what there is, even nothing. `lot` makes it a directed debit of that lot's
    unspent part. `restores` marks the new lot as coins given back. `forced` ignores freezes
    (claw-backs, settlements and releases always post).
    """

    debits: tuple[Address, ...]
    credit: Address
    amount: int
    up_to: bool = False
    lot: LotRef | None = None
    restores: Restores | None = None
    forced: bool = False


class Transfer(NamedTuple):
    """A row of the chain: `amount` from account `debit` to account `credit`.

    `debit_offset` is where a FIFO debit began on S, `lot_offset` where a directed debit took
    from the credit axis (one of them is None); `credit_offset` is where the new lot begins.
    `debit_after` and `credit_after` are the two balances afterwards.
    """

    seq: int
    leg: int
    debit: int
    credit: int
    amount: int
    debit_offset: int | None
    lot_offset: int | None
    credit_offset: int
    debit_after: int
    credit_after: int
    source_seq: int | None = None
    source_leg: int | None = None
    source_start: int | None = None


class Moved(NamedTuple):
    """A transfer with its addresses, for those who asked for it."""

    transfer: Transfer
    debit: Address
    credit: Address


class Restored(NamedTuple):
    """A later lot of the same account: coins given back.

    `source` is where they were taken: on the FIFO axis, or where `directed`, on the credit axis.
    """

    start: int
    length: int
    source: int
    directed: bool


class LotState(msgspec.Struct, frozen=True):
    """A lot [start, end) on the credit axis of its account."""

    address: Address
    start: int
    end: int


class Spread(msgspec.Struct, frozen=True):
    """Where an account's coins were taken out and put back: holes and restored lots, in order."""

    holes: tuple[tuple[int, int], ...] = ()
    restored: tuple[Restored, ...] = ()


class HoldLine(msgspec.Struct, frozen=True, array_like=True):
    """What a hold keeps in one bucket: `held` now, `captured` so far."""

    bucket: str
    held: int
    captured: int = 0


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Money put aside: state open, captured, released or expired.

    `amount` was placed, `captured` and `released` are parts of it; the lines say where the rest
    is held. `counters` name what a gate counted for it, to be taken back on release. What is
    `kept_for` an approval ends with that, and by nothing else.
    """

    seq: int
    placed_at: datetime
    owner: str
    asset: str
    amount: int
    captured: int = 0
    released: int = 0
    state: str = "open"
    expires_at: datetime
    lines: tuple[HoldLine, ...]
    counters: tuple[str, ...] = ()
    kept_for: str | None = None

    @property
    def left(self) -> int:
        """Return what can still be captured or released."""
        return self.amount - self.captured - self.released


@lru_cache(maxsize=1024)
def house(asset: str, bucket: str) -> Address:
    """Return the address of an account of the house."""
    return Address(HOUSE, asset, bucket)


def total(moved: Sequence[Moved]) -> int:
    """Return the sum of the transfers' amounts."""
    return sum(one.transfer.amount for one in moved)
