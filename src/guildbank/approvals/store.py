"""SQL of approvals: the shelves that acts read under the journal's lock, and plain reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.approvals.contracts import Approval, Policy, Rule, State
from guildbank.approvals.rules import Tally
from guildbank.approvals.tables import APPROVALS_ORDER
from guildbank.journal import Driver, Rows, Statement

ALL = "*"
"""The key under which all that wait are counted."""
ONLY = 1
"""The key of the policy, of which a plane has one."""

READ_POLICY = """
SELECT id, rules, expires_after_hours, changed_by, changed_at
FROM approvals_policy
WHERE id = ANY($1::smallint[])
"""

SAVE_POLICY = """
INSERT INTO approvals_policy (id, rules, expires_after_hours, changed_by, changed_at)
SELECT *
FROM unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[])
ON CONFLICT (id) DO UPDATE
SET rules = excluded.rules,
    expires_after_hours = excluded.expires_after_hours,
    changed_by = excluded.changed_by,
    changed_at = excluded.changed_at
"""

_COLUMNS = """
id, verb, permission, state, requested_by, player, amounts, rule, command, same, hold,
       requested_at, expires_at, decided_by, decided_at, words, result, makers
""".strip()

READ_APPROVALS = f"""
SELECT {_COLUMNS}
FROM approvals_request
WHERE id = ANY($1::text[])
"""  # noqa: S608 - columns of our own

SAVE_APPROVALS = f"""
INSERT INTO approvals_request ({_COLUMNS})
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bytea[], $10::bytea[], $11::bigint[], $12::timestamptz[],
            $13::timestamptz[], $14::text[], $15::timestamptz[], $16::bytea[], $17::bigint[],
            $18::text[])
ON CONFLICT (id) DO UPDATE
SET state = excluded.state,
    expires_at = excluded.expires_at,
    decided_by = excluded.decided_by,
    decided_at = excluded.decided_at,
    words = excluded.words,
    result = excluded.result
"""  # noqa: S608 - columns of our own

PAGE = f"""
SELECT {_COLUMNS}
FROM approvals_request
WHERE id < $1
  AND ($2::text IS NULL OR state = $2)
ORDER BY id DESC
LIMIT $3
"""  # noqa: S608 - columns of our own

READ_WAITING = """
SELECT asked.who,
       (
           SELECT count(*)
           FROM approvals_request AS request
           WHERE request.state IN ('pending', 'agreed')
             AND (asked.who = '*' OR request.requested_by = asked.who)
       )
FROM unnest($1::text[]) AS asked (who)
"""

READ_SAME = """
SELECT same, id
FROM approvals_request
WHERE state IN ('pending', 'agreed')
  AND same = ANY($1::bytea[])
"""

READ_TALLIES = """
SELECT tally.who, tally.verb, tally.asset, tally.slices
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (who, verb, asset)
JOIN approvals_tally AS tally
  ON tally.who = asked.who
 AND tally.verb = asked.verb
 AND tally.asset = asked.asset
"""

SAVE_TALLIES = """
INSERT INTO approvals_tally (who, verb, asset, slices, changed_at)
SELECT who, verb, asset, slices, clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (who, verb, asset, slices)
ON CONFLICT (who, verb, asset) DO UPDATE
SET slices = excluded.slices,
    changed_at = excluded.changed_at
"""

LOCK_APPROVAL = """
SELECT state
FROM approvals_request
WHERE id = $1
FOR NO KEY UPDATE
"""

READ_DUE = """
SELECT id
FROM approvals_request
WHERE state IN ('pending', 'agreed')
  AND expires_at <= now()
ORDER BY expires_at
LIMIT $1
"""

FORGET_TALLIES = """
DELETE FROM approvals_tally
WHERE changed_at < now() - INTERVAL '2 days'
"""

_RULES = msgspec.json.Decoder(tuple[Rule, ...])
_RULE = msgspec.json.Decoder(Rule)
_AMOUNTS = msgspec.json.Decoder(dict[str, int])
_SLICES: "msgspec.json.Decoder[Tally]" = msgspec.json.Decoder(tuple[tuple[int, int], ...])


class TallyKey(NamedTuple):
    """Of whom, of which verb and of which asset amounts are added up."""

    who: str
    verb: str
    asset: str


class StoredPolicy(msgspec.Struct, frozen=True):
    """The policy, and who set it when."""

    policy: Policy
    changed_by: str
    changed_at: datetime


class Policies:
    """The shelf of the one policy."""

    order: ClassVar[int] = APPROVALS_ORDER
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[int]) -> Statement:
        """Read the policy, if one was ever set."""
        return Statement(READ_POLICY, (keys,))

    def read(self, keys: Sequence[int], rows: Rows) -> Mapping[int, StoredPolicy]:
        """Return it."""
        return {row[0]: _policy(row) for row in rows}

    def saving(self, changed: Mapping[int, StoredPolicy]) -> Sequence[Statement]:
        """Write it."""
        rows = [
            (key, msgspec.json.encode(one.policy.rules).decode(), one.policy.expires_after_hours,
             one.changed_by, one.changed_at)
            for key, one in changed.items()
        ]  # fmt: skip
        return [Statement(SAVE_POLICY, tuple(zip(*rows, strict=True)))]


class Approvals:
    """The shelf of stored commands by id."""

    order: ClassVar[int] = APPROVALS_ORDER + 1
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that exist."""
        return Statement(READ_APPROVALS, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Approval]:
        """Return them by id."""
        return {row[0]: _approval(row) for row in rows}

    def saving(self, changed: Mapping[str, Approval]) -> Sequence[Statement]:
        """Insert new ones, and write what was decided of others."""
        rows = [
            (one.id, one.verb, one.permission, one.state, one.requested_by, one.player,
             msgspec.json.encode(one.amounts).decode(), msgspec.json.encode(one.rule).decode(),
             one.command, one.same, one.hold, one.requested_at, one.expires_at, one.decided_by,
             one.decided_at, one.words, one.result, " ".join(one.makers))
            for one in changed.values()
        ]  # fmt: skip
        return [Statement(SAVE_APPROVALS, tuple(zip(*rows, strict=True)))]


class Waiting:
    """How many requests wait, by who asked and of all; acts count on within a batch."""

    order: ClassVar[int] = APPROVALS_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Count them."""
        return Statement(READ_WAITING, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, int]:
        """Return the counts."""
        return {row[0]: row[1] for row in rows}

    def saving(self, changed: Mapping[str, int]) -> Sequence[Statement]:
        """Write nothing: it is a count of rows that the shelf of approvals writes."""
        return ()


class Same:
    """The request that waits for the same command of the same caller, by a hash of both."""

    order: ClassVar[int] = APPROVALS_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[bytes]) -> Statement:
        """Read the ids."""
        return Statement(READ_SAME, (keys,))

    def read(self, keys: Sequence[bytes], rows: Rows) -> Mapping[bytes, str]:
        """Return the ids by hash."""
        return {row[0]: row[1] for row in rows}

    def saving(self, changed: Mapping[bytes, str | None]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


class Tallies:
    """What was moved of late, for rules with a threshold."""

    order: ClassVar[int] = APPROVALS_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[TallyKey]) -> Statement:
        """Read the tallies that exist."""
        return Statement(READ_TALLIES, tuple(zip(*keys, strict=True)))

    def read(self, keys: Sequence[TallyKey], rows: Rows) -> Mapping[TallyKey, Tally]:
        """Return them by key."""
        return {TallyKey(row[0], row[1], row[2]): _SLICES.decode(row[3]) for row in rows}

    def saving(self, changed: Mapping[TallyKey, Tally]) -> Sequence[Statement]:
        """Write them."""
        rows = [(*key, msgspec.json.encode(tally).decode()) for key, tally in changed.items()]
        return [Statement(SAVE_TALLIES, tuple(zip(*rows, strict=True)))]


POLICIES = Policies()
APPROVALS = Approvals()
WAITING = Waiting()
SAME = Same()
TALLIES = Tallies()


async def policy_of(driver: Driver) -> StoredPolicy | None:
    """Return the policy that was set, None where none ever was."""
    row = await driver.fetchrow(READ_POLICY, [ONLY])
    return None if row is None else _policy(row)


async def approval_of(driver: Driver, approval_id: str) -> Approval | None:
    """Return one approval."""
    row = await driver.fetchrow(READ_APPROVALS, [approval_id])
    return None if row is None else _approval(row)


async def lock_approval(driver: Driver, approval_id: str) -> State | None:
    """Lock the row of an approval that is about to be decided and return its state, if it is."""
    state: State | None = await driver.fetchval(LOCK_APPROVAL, approval_id)
    return state


async def page(driver: Driver, before: str, state: State | None, limit: int) -> list[Approval]:
    """Return approvals asked for before this one, newest first."""
    return [_approval(row) for row in await driver.fetch(PAGE, before, state, limit)]


async def due(driver: Driver, limit: int) -> list[str]:
    """Return the ids of those whose time is over."""
    return [row[0] for row in await driver.fetch(READ_DUE, limit)]


async def forget_tallies(driver: Driver) -> None:
    """Delete what no window reaches any more."""
    await driver.execute(FORGET_TALLIES)


def _policy(row: Any) -> StoredPolicy:
    policy = Policy(rules=_RULES.decode(row[1]), expires_after_hours=row[2])
    return StoredPolicy(policy, row[3], row[4])


def _approval(row: Any) -> Approval:
    return Approval(
        id=row[0], verb=row[1], permission=row[2], state=row[3], requested_by=row[4],
        player=row[5], amounts=_AMOUNTS.decode(row[6]), rule=_RULE.decode(row[7]), command=row[8],
        same=row[9], hold=row[10], requested_at=row[11], expires_at=row[12], decided_by=row[13],
        decided_at=row[14], words=row[15], result=row[16],
        makers=tuple(row[17].split()),
    )  # fmt: skip
