"""The question before coins move: a middleware with the capability is asked about operations too.

It is asked about as many as come together in one call, and says something of each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from guildbank.plugin_api.lifecycle import SettingProblem
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Veto

BEFORE_MOVES = "before_moves"
"""The capability of a middleware that is asked about operations too, as one that `JudgesMoves`."""
MAX_MOVES = 200
"""How many operations one call asks about at most."""

MoveVerb: TypeAlias = Literal["spend", "grant", "transfer", "payout"]


class MoveLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a transfer.

    `source` and `to` are accounts: `player_.../free` of a player, `house/tournament-pool` of the
    house.
    """

    source: str
    to: str
    currency: str
    amount_minor: int


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """An operation on coins as hooks see it, before it is queued.

    `players` are those whose coins move, each once; a transfer within the house has none. `amounts`
    says how many coins of each currency move, in whole units. `currency` and `amount_minor` say the
    same where there is one currency, and are None where a transfer has several. A spend that is
    `held` puts the coins aside first: nobody is asked again when they are captured. `by` is who
    asks for it, an application or an operator, `reference` the idempotency key that they chose and
    `metadata` their own words. `legs` are those of a transfer. `annotations` are those of the
    steps before, each under `<step>.<name>`.
    """

    verb: MoveVerb
    by: str
    players: tuple[str, ...]
    amounts: Mapping[str, int]
    reference: str = ""
    currency: str | None = None
    amount_minor: int | None = None
    held: bool = False
    metadata: Mapping[str, str] = {}
    legs: tuple[MoveLeg, ...] = ()
    annotations: Mapping[str, str] = {}


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one operation: a veto, or that it goes on, with facts for the record.

    `no_answer` says why nothing can be said of this one, for the log: it names no person.
    """

    veto: Veto | None = None
    annotations: Mapping[str, str] = {}
    no_answer: str | None = None


class Judged(msgspec.Struct, frozen=True):
    """A judgement of each operation, in the order in which they were asked about."""

    judgements: tuple[Judgement, ...]


@runtime_checkable
class JudgesMoves(Protocol):
    """A middleware that is asked before coins move; it may veto, never change amounts."""

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        """Judge each operation. Raising, or another number of judgements, is no answer for all."""
        ...


@runtime_checkable
class ChecksMoveSettings(Protocol):
    """Finds what is wrong with settings where operations are asked about, and not purchases."""

    def check_move_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return the problems of settings that fit the schema; pure, fast, raises nothing."""
        ...


def in_parts(
    moves: Sequence[MoveView], body_of: Callable[[Sequence[MoveView]], bytes], most_bytes: int
) -> Iterator[tuple[Sequence[MoveView], bytes]]:
    """Yield the operations with a body that asks about them: all at once where it fits.

    For plugins whose question has a limit of size. One operation alone is never parted.
    """
    body = body_of(moves)
    if len(body) <= most_bytes or len(moves) < 2:
        yield moves, body
        return
    half = len(moves) // 2
    yield from in_parts(moves[:half], body_of, most_bytes)
    yield from in_parts(moves[half:], body_of, most_bytes)
