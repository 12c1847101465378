"""The commands that the simulation draws: each can be sent to the system and asked of the model.

A command that needs an earlier entry holds a `pick`; `aimed` turns it into that entry's position.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from tests.laws.world import NOWHERE, Facts, World

from guildbank.journal import Act
from guildbank.kernel import TimedSeq, parse_seq_id
from guildbank.wallets.contracts import (
    CaptureHold,
    Freeze,
    Grant,
    PlaceHold,
    ReleaseHold,
    Reverse,
    SetLimit,
    Spend,
)
from guildbank.wallets.usecases.hold import ReleaseAct
from guildbank.wallets.usecases.operate import Operation, Rule

Expected = Facts | str
"""The facts of the entry, or the code of the refusal."""


@dataclass(frozen=True)
class Command:
    """One request. `keyed` says whether it bears an idempotency key."""

    keyed: ClassVar[bool] = True
    chance: ClassVar[dict[str, int]] = {}

    def aimed(self, world: World) -> "Command":
        """Choose the entries that it names, out of those that exist now."""
        return self

    def same_verb(self, other: "Command") -> bool:
        """Whether both share the idempotency keys of one verb."""
        return type(self) is type(other)

    def same_request(self, other: "Command") -> bool:
        """Whether both are the same to the system, however they were chosen."""
        return replace(self, **self.chance) == replace(other, **self.chance)

    def operation(self, world: World) -> Operation | Rule:
        """What is sent."""
        raise NotImplementedError

    @property
    def payload(self) -> dict[str, str] | None:
        """Free text that goes beside the chain, under the person's key."""
        return None

    def unasked(self, world: World) -> str | None:
        """Why it is refused before its key is looked at."""
        return None

    @property
    def sent_before(self) -> "Command":
        """What is left of it to be refused once what is looked at before was still in order."""
        return self

    def principal(self, world: World) -> str:
        """Who sends it."""
        return world.actors[0]

    def act(self, world: World, principal: str) -> Act | None:
        """The act itself, for what the worker does and no caller may ask."""
        return None

    def expect(self, world: World, seq: int) -> Expected:
        """Do it in the model, as the entry `seq`."""
        raise NotImplementedError


def chosen(entries: list[int], pick: int) -> int:
    """Choose one, a late one for a small pick; one that never was when there is none."""
    return entries[-1 - pick % len(entries)] if entries else NOWHERE


@dataclass(frozen=True)
class Noted(Command):
    """A command that may bear a word for the person: nothing can be sealed for one who is gone."""

    player: int
    currency: str
    amount: int
    note: bool = False

    @property
    def payload(self) -> dict[str, str] | None:
        return {"note": "for Bob"} if self.note else None

    def unasked(self, world: World) -> str | None:
        gone = world.register.unknown(world.player(self.player))
        return "unknown_player" if self.note and gone else None

    @property
    def sent_before(self) -> Command:
        return replace(self, note=False)


@dataclass(frozen=True)
class GrantCoins(Noted):
    def operation(self, world: World) -> Grant:
        return Grant(world.player(self.player), self.currency, self.amount)

    def expect(self, world: World, seq: int) -> Expected:
        return self.unasked(world) or world.grant(
            seq, world.player(self.player), self.currency, self.amount
        )


@dataclass(frozen=True)
class SpendCoins(Noted):
    def operation(self, world: World) -> Spend:
        return Spend(world.player(self.player), self.currency, self.amount)

    def expect(self, world: World, seq: int) -> Expected:
        return self.unasked(world) or world.spend(
            seq, world.player(self.player), self.currency, self.amount
        )


@dataclass(frozen=True)
class HoldCoins(Command):
    player: int
    currency: str
    amount: int
    seconds: int

    def operation(self, world: World) -> PlaceHold:
        return PlaceHold(world.player(self.player), self.currency, self.amount, self.seconds)

    def expect(self, world: World, seq: int) -> Expected:
        player = world.player(self.player)
        return world.hold(seq, player, self.currency, self.amount, self.seconds)


@dataclass(frozen=True)
class CaptureCoins(Command):
    chance: ClassVar[dict[str, int]] = {"pick": 0}

    pick: int
    amount: int | None
    placed: int = NOWHERE

    def aimed(self, world: World) -> "CaptureCoins":
        return replace(self, placed=chosen(sorted(world.holds), self.pick))

    def operation(self, world: World) -> CaptureHold:
        return CaptureHold(world.hold_id(self.placed), self.amount)

    def expect(self, world: World, seq: int) -> Expected:
        return world.capture(seq, self.placed, self.amount)


@dataclass(frozen=True)
class ReleaseCoins(Command):
    chance: ClassVar[dict[str, int]] = {"pick": 0}

    pick: int
    placed: int = NOWHERE

    def aimed(self, world: World) -> "ReleaseCoins":
        return replace(self, placed=chosen(sorted(world.holds), self.pick))

    def operation(self, world: World) -> ReleaseHold:
        return ReleaseHold(world.hold_id(self.placed))

    def expect(self, world: World, seq: int) -> Expected:
        return world.release(seq, self.placed, expiring=False)


@dataclass(frozen=True)
class ExpireHold(Command):
    """What the worker does with a hold, whether or not its time is over."""

    keyed: ClassVar[bool] = False

    chance: ClassVar[dict[str, int]] = {"pick": 0}

    pick: int
    placed: int = NOWHERE

    def aimed(self, world: World) -> "ExpireHold":
        return replace(self, placed=chosen(sorted(world.holds), self.pick))

    def act(self, world: World, principal: str) -> Act:
        at = parse_seq_id("hold", world.hold_id(self.placed))
        assert isinstance(at, TimedSeq)
        return ReleaseAct(principal, None, None, at, expiring=True)

    def expect(self, world: World, seq: int) -> Expected:
        return world.release(seq, self.placed, expiring=True)


@dataclass(frozen=True)
class ReverseEntry(Command):
    chance: ClassVar[dict[str, int]] = {"pick": 0}

    pick: int
    amount: int | None
    original: int = NOWHERE

    def aimed(self, world: World) -> "ReverseEntry":
        return replace(self, original=chosen(world.reversible(), self.pick))

    def operation(self, world: World) -> Reverse:
        return Reverse(world.transaction_id(self.original), self.amount)

    def expect(self, world: World, seq: int) -> Expected:
        return world.reverse(seq, self.original, self.amount)


@dataclass(frozen=True)
class FreezeWallet(Command):
    player: int
    currency: str
    frozen: bool

    def operation(self, world: World) -> Freeze:
        return Freeze(world.player(self.player), self.currency, self.frozen)

    def expect(self, world: World, seq: int) -> Expected:
        return world.freeze(seq, world.player(self.player), self.currency, frozen=self.frozen)


@dataclass(frozen=True)
class LimitSpending(Command):
    player: int
    currency: str
    per_day: int | None

    def operation(self, world: World) -> SetLimit:
        return SetLimit(world.player(self.player), self.currency, self.per_day)

    def expect(self, world: World, seq: int) -> Expected:
        return world.limit(seq, world.player(self.player), self.currency, self.per_day)
