"""Make the next partitions before the journal reaches them, without stopping it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from guildbank.infra.database import Database
from guildbank.journal import reading
from guildbank.journal.store import partition_statements
from guildbank.journal.tables import PARTITION_ROWS

# A new partition needs the parent for itself: better to come again than to make writers wait.
WAIT_BRIEFLY = "SET LOCAL lock_timeout = '1s'"


class Partitioned(NamedTuple):
    """A table partitioned by seq: its name, and the statements that make partition `number`."""

    table: str
    statements: Callable[[int], Sequence[str]]


ENTRIES = Partitioned("journal_entry", partition_statements)


async def make_partitions(
    db: Database, schema: str, others: Sequence[Partitioned] = (), ahead: int = PARTITION_ROWS // 2
) -> list[str]:
    """Make the partition that holds the head and the one `ahead` entries further on.

    `others` are tables of other rooms, with the journal's own ranges. Returns what was made;
    calling it again makes nothing.
    """
    made: list[str] = []
    async with db.begin(schema, read_only=True) as tx:
        head = (await reading.read_tip(tx.driver)).last
    numbers = sorted({head // PARTITION_ROWS, (head + ahead) // PARTITION_ROWS})
    for table, statements in (ENTRIES, *others):
        for number in numbers:
            name = f"{table}_p{number}"
            async with db.begin(schema) as tx:
                if await tx.driver.fetchval("SELECT to_regclass($1)", name) is not None:
                    continue
                await tx.driver.execute(WAIT_BRIEFLY)
                for statement in statements(number):
                    await tx.driver.execute(statement)
            made.append(name)
    return made
