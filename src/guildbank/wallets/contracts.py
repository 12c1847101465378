"""What crosses the door of wallets: currencies, purses, commands, and the Gate port."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal
from guildbank.ledger import Address, Moved

Bucket: TypeAlias = Literal["paid", "free", "bonus"]
BUCKETS: tuple[Bucket, ...] = ("paid", "free", "bonus")
DEBT = "debt"
ISSUE = "issue"
SALES = "sales"
CLAWED = "clawed"
DEFAULT_ORDER: tuple[Bucket, ...] = ("free", "bonus", "paid")


class Currency(msgspec.Struct, frozen=True, kw_only=True):
    """A currency of the game. `order` is how buckets are consumed; `active` ends new credits.

    `ceiling` bounds what one bucket of a player may hold, None for no bound but the asset's cap.
    """

    code: str
    name: str
    order: tuple[Bucket, ...] = DEFAULT_ORDER
    ceiling: int | None = None
    active: bool = True


class Purse(msgspec.Struct, frozen=True, gc=False):
    """The rules of one player's wallet: the currency's, and the player's own limit a day."""

    currency: Currency
    spend_limit_per_day: int | None = None


class Spending(msgspec.Struct, frozen=True, gc=False):
    """What a gate is asked about: an amount that leaves a wallet, or is held in it."""

    player_id: str
    currency: str
    amount: int
    held: bool = False


class Gate(Protocol):
    """A veto under the lock: exact, because nothing else moves meanwhile.

    `needs` is asked after the purse is loaded. `check` refuses, or stages its counters and
    returns their names, which `undo` takes back when a hold is released.
    """

    def needs(self, stage: Stage, spending: Spending, purse: Purse) -> Iterable[Need]:
        """Return what `check` will read."""
        ...

    def check(self, stage: Stage, spending: Spending, purse: Purse) -> tuple[str, ...] | Refusal:
        """Refuse, or count the spending."""
        ...


class Grant(msgspec.Struct, frozen=True, gc=False):
    """Give free coins. `payload` is the salted hash of metadata, None without."""

    player_id: str
    currency: str
    amount: int
    payload: str | None = None


class Spend(msgspec.Struct, frozen=True, gc=False):
    """Take coins for something in the game."""

    player_id: str
    currency: str
    amount: int
    payload: str | None = None


class PlaceHold(msgspec.Struct, frozen=True):
    """Put coins aside for `lifetime_seconds`."""

    player_id: str
    currency: str
    amount: int
    lifetime_seconds: int
    payload: str | None = None


class CaptureHold(msgspec.Struct, frozen=True):
    """Spend a hold, whole (`amount` None: all that is left) or in part."""

    hold_id: str
    amount: int | None = None


class ReleaseHold(msgspec.Struct, frozen=True):
    """Give a hold's rest back to the player."""

    hold_id: str


class Freeze(msgspec.Struct, frozen=True):
    """Stop debits and holds of a player's wallet, or allow them again (`frozen` false)."""

    player_id: str
    currency: str
    frozen: bool
    payload: str | None = None


class SetLimit(msgspec.Struct, frozen=True):
    """Set what a player may spend of a currency per UTC day; None for no limit."""

    player_id: str
    currency: str
    per_day: int | None


class LegPart(msgspec.Struct, frozen=True, array_like=True):
    """How much of a posting's leg is undone; the leg as the transaction shows it."""

    leg: int
    amount: int


class Reverse(msgspec.Struct, frozen=True):
    """Undo an entry, whole (`amount` None: all that is left) or in part.

    Of a raw posting `parts` name how much of which legs. With a `player_id` the entry must be that
    player's.
    """

    transaction_id: str
    amount: int | None = None
    payload: str | None = None
    player_id: str | None = None
    # Unset it is no part of the command's fingerprint, so keys of before there was it are good.
    parts: tuple[LegPart, ...] | msgspec.UnsetType = msgspec.UNSET


class PostLeg(msgspec.Struct, frozen=True):
    """One movement of a raw posting, between a player and the house or within the house."""

    debit: Address
    credit: Address
    amount: int


class Post(msgspec.Struct, frozen=True):
    """Move coins between named accounts, all legs or none."""

    legs: tuple[PostLeg, ...]
    payload: str | None = None


class Taken(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How much of an amount one bucket gave or got."""

    bucket: str
    amount: int


class MovedFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The facts of an entry of wallets; an answer is rendered from nothing else.

    `balance` and `available` are over all buckets afterwards; `hold` is the position of a hold,
    `original` the position of a reversed entry.
    """

    player: str
    currency: str
    amount: int
    taken: tuple[Taken, ...] = ()
    balance: int
    available: int
    debt: int = 0
    payload: str | None = None
    hold: int | None = None
    hold_left: int | None = None
    hold_state: str | None = None
    hold_placed_at: datetime | None = None
    expires_at: datetime | None = None
    original: int | None = None


class RuleFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of a changed rule of a wallet: a freeze or a limit."""

    player: str
    currency: str
    frozen: bool | None = None
    per_day: int | None = None
    payload: str | None = None


class Posted(msgspec.Struct, frozen=True, array_like=True):
    """One transfer of a posting, with both balances after it; debts repaid are transfers too."""

    debit: Address
    credit: Address
    amount: int
    debit_after: int
    credit_after: int


class PostedFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of a raw posting, or of its reversal; an answer is rendered from nothing else.

    `original` is the position of the reversed posting.
    """

    transfers: tuple[Posted, ...]
    payload: str | None = None
    original: int | None = None


class Clawed(msgspec.Struct, frozen=True):
    """What a claw-back took from the lot; the part spent is owed by the player or written off."""

    taken: int
    owed: int
    written_off: int
    moved: tuple[Moved, ...]


def wallet(player_id: str, currency: str, bucket: str) -> Address:
    """Return the address of one bucket of a player."""
    return Address(player_id, currency, bucket)
