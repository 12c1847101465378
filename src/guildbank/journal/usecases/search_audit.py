"""Find who changed what: by principal, kind, what it was done to, address and time."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from guildbank.infra.database import Tx
from guildbank.journal import reading
from guildbank.journal.contracts import Driver, Entry
from guildbank.journal.tables import audit, payload

_END = 2**63 - 1

# An invitation names the one who came by it only by what the entry of coming names beside them.
FORGET_DETAILS = """
UPDATE journal_audit
SET sealed = NULL
WHERE kind = ANY($2::text[])
  AND subjects && (
      SELECT array_append(coalesce(array_agg(DISTINCT beside), '{}'), $1)
      FROM journal_audit AS named
      CROSS JOIN LATERAL unnest(named.subjects) AS beside
      WHERE named.subjects @> ARRAY[$1]
        AND named.kind = ANY($2::text[])
  )
"""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit is searched for; what is None may be anything.

    A `kind` that ends in `*` stands for all kinds that begin so. `subject` is an id that the
    facts of an entry name.
    """

    principal: str | None = None
    kind: str | None = None
    subject: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Found(msgspec.Struct, frozen=True):
    """An entry with what lies sealed beside it.

    `sealed` are the details, which have the `hash` in the chain, or None once they were erased;
    `person` is whose key opens the `payload`, if there is one.
    """

    entry: Entry
    hash: bytes
    address: str | None
    sealed: bytes | None
    person: str | None
    payload: bytes | None


async def search_audit(
    tx: Tx, sought: Sought, *, before: int | None = None, limit: int
) -> Sequence[Found]:
    """Return what was recorded below seq `before`, the newest first; `limit` bounds it."""
    statement = (
        select(
            audit.c.seq,
            audit.c.hash,
            audit.c.address,
            audit.c.sealed,
            payload.c.person,
            payload.c.sealed.label("payload"),
        )
        .outerjoin(payload, payload.c.seq == audit.c.seq)
        .where(audit.c.seq < (_END if before is None else before))
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    if sought.principal is not None:
        statement = statement.where(audit.c.principal == sought.principal)
    if sought.kind is not None:
        begins = audit.c.kind.startswith(sought.kind.removesuffix("*"), autoescape=True)
        open_ended = sought.kind.endswith("*")
        statement = statement.where(begins if open_ended else audit.c.kind == sought.kind)
    if sought.subject is not None:
        statement = statement.where(audit.c.subjects.contains([sought.subject]))
    if sought.address is not None:
        statement = statement.where(audit.c.address == sought.address)
    if sought.since is not None:
        statement = statement.where(audit.c.seq > await reading.seq_before(tx.driver, sought.since))
    if sought.until is not None:
        statement = statement.where(
            audit.c.seq <= await reading.seq_before(tx.driver, sought.until)
        )
    rows = (await tx.sql.execute(statement)).all()
    entries = await reading.entries_at(tx.driver, [row.seq for row in rows])
    return [
        Found(entries[row.seq], row.hash, row.address, row.sealed, row.person, row.payload)
        for row in rows
    ]


async def forget_details(driver: Driver, subject: str, kinds: Sequence[str]) -> None:
    """Erase what lies beside entries of these kinds that name the subject, or what it came by."""
    await driver.execute(FORGET_DETAILS, subject, list(kinds))
