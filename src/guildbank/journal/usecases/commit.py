"""Write one batch of acts: the write protocol, from the locks to the commit.

1. lock domain rows, sorted; 2. lock the journal, in a statement of its own; 3. draw the batch, read
and decide; 4. write the rows and the batch with its hash, and commit. After 2 only rows locked in 1
and tables written only under the lock are touched.
"""

from collections.abc import Callable, Sequence

from guildbank.infra.database import Tx, begin_statement, roll_back
from guildbank.journal import pen, store
from guildbank.journal.batch import Batch, Unforeseen
from guildbank.journal.contracts import Driver, Probe
from guildbank.journal.deciding import Group
from guildbank.journal.foresight import Foresight

Draw = Callable[[], Sequence[Group]]


class CommitUnknown(Exception):
    """The connection was lost in COMMIT: the batch is there or not, its hash tells."""

    def __init__(self, last_seq: int, hash_: bytes) -> None:
        super().__init__("the connection was lost in COMMIT")
        self.last_seq = last_seq
        self.hash = hash_


async def no_probe(_point: str) -> None:
    """Do nothing at a fault point; tests pass a probe that kills."""


async def commit_batch(
    tx: Tx,
    schema: str,
    fixed: Sequence[Group],
    draw: Draw,
    probe: Probe = no_probe,
    foresight: Foresight | None = None,
) -> list[Group]:
    """Run one transaction over the fixed groups and those drawn once the lock is held.

    With `foresight` some of them may have been decided already. Returns the groups with their
    answers. Raises what the database raised (nothing is committed), CommitUnknown, or Unforeseen if
    what was decided ahead met a key that is known.
    """
    driver = tx.driver
    batch = Batch()
    try:
        await _lock(driver, schema, fixed, probe)
        groups = [*fixed, *draw()]
        if not groups:
            await driver.execute("ROLLBACK")
            return groups
        left: Sequence[Group] = groups
        if foresight is not None:
            batch, left = await foresight.take(driver, groups)
        await batch.decide(driver, left, probe)
        if not batch.accepted:
            await driver.execute("ROLLBACK")
            return groups
        writing = batch.seal()
        if foresight is not None:
            foresight.follow(batch)
        await pen.write(driver, probe, writing)
    except BaseException as error:
        lost = driver.is_closed()
        await roll_back(driver)
        if lost and isinstance(error, Exception):
            # What the driver says of a closed connection, it also says of our mistakes.
            raise ConnectionResetError("the connection was lost in a batch") from error
        if batch.ahead and store.key_is_known(error):
            raise Unforeseen from error
        raise
    await _commit(driver, batch, probe)
    if foresight is not None:
        foresight.committed()
    return groups


async def _lock(driver: Driver, schema: str, fixed: Sequence[Group], probe: Probe) -> None:
    """Begin, lock the domain rows if there are any, then the journal.

    One message, and statements of their own: the journal is waited for once the rows are locked,
    and reads come later.
    """
    locks = [lock for group in fixed for act in group.acts for lock in act.locks]
    await driver.execute(";\n".join((begin_statement(schema), *store.row_locks(locks), store.LOCK)))
    await probe("journal_locked")


async def _commit(driver: Driver, batch: Batch, probe: Probe) -> None:
    await probe("before_commit")
    try:
        done = await driver.execute("COMMIT")
        await probe("after_commit")
    except Exception as lost:
        raise CommitUnknown(batch.last_seq, batch.hash) from lost
    if done != "COMMIT":
        raise RuntimeError("PostgreSQL rolled the batch back: a shelf hid a failed statement")
