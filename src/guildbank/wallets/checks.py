"""The shelf of what hooks said of operations, beside the chain: plugins write what they like."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.journal import Driver, PutOnly, Statement
from guildbank.pipelines import Answer

ADD = """
INSERT INTO wallets_check (seq, player, purpose, revision, answers, at)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[])
"""

READ = """
SELECT purpose, revision, answers
FROM wallets_check
WHERE seq = $1
LIMIT 1
"""

READ_ALL = """
SELECT DISTINCT ON (seq) seq, purpose, revision, answers
FROM wallets_check
WHERE seq = ANY($1::bigint[])
ORDER BY seq
"""

_ANSWERS = msgspec.json.Decoder(tuple[Answer, ...])


class Passed(msgspec.Struct, frozen=True):
    """What the hooks of a revision of `verb` said of an operation that they let pass, as JSON.

    `players` are those whose coins it moves: with each of them it is forgotten.
    """

    verb: str
    revision: int
    answers: str
    players: tuple[str, ...]

    def read(self) -> Sequence[Answer]:
        """Return what each of them said, in order."""
        return _ANSWERS.decode(self.answers)


class Kept(NamedTuple):
    """The same, with the time of its entry."""

    passed: Passed
    at: datetime


class Checks(PutOnly):
    """What hooks said, by the position of the entry that they let pass."""

    order: ClassVar[int] = 53

    def saving(self, changed: Mapping[int, Kept]) -> Sequence[Statement]:
        """Add a row for each player, and one without a player where coins stay in the house."""
        rows: list[tuple[Any, ...]] = [
            (seq, player, passed.verb, passed.revision, passed.answers, at)
            for seq, (passed, at) in changed.items()
            for player in passed.players or ("",)
        ]
        return [Statement(ADD, tuple(zip(*rows, strict=True)))]


CHECKS = Checks()


async def checks_of(driver: Driver, seq: int) -> Passed | None:
    """Return what hooks said of the entry at this position, None where none was asked."""
    row = await driver.fetchrow(READ, seq)
    return None if row is None else Passed(row[0], row[1], row[2], ())


async def checks_of_all(driver: Driver, seqs: Sequence[int]) -> dict[int, Passed]:
    """Return what hooks said of the entries at these positions, where some were asked."""
    rows = await driver.fetch(READ_ALL, list(seqs))
    return {row[0]: Passed(row[1], row[2], row[3], ()) for row in rows}
