"""Write one batch of acts: the write protocol, from the locks to the commit.

1. lock domain rows, sorted; 2. lock the journal, in a statement of its own; 3. draw the batch,
read, decide; 4. write and commit. After 2 only rows locked in 1 and tables written only under
the lock are touched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from guildbank.infra.database import Tx, begin_statement, roll_back
from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.chain import FORMAT, batch_hash, digests
from guildbank.journal.contracts import Draft, Driver, Head, Outcome, Probe, Receipt
from guildbank.journal.pen import Accepted, Pen
from guildbank.journal.stage import Stage
from guildbank.kernel import Refusal

MAX_ROUNDS = 5

STEP = 10
"""Groups that are decided before the loop looks whether PostgreSQL has taken what it was given."""

FROZEN_TENANT = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)
KEY_REUSED = Refusal(
    code="key_reused",
    detail="This Idempotency-Key was used with another command. Use a new key for a new command.",
    field="Idempotency-Key",
)

Answer = Outcome | BaseException
"""What an act ends with; an exception is a defect of that act alone."""


class CommitUnknown(Exception):
    """The connection was lost in COMMIT: the batch is there or not, its hash tells."""

    def __init__(self, last_seq: int, hash_: bytes) -> None:
        super().__init__("the connection was lost in COMMIT")
        self.last_seq = last_seq
        self.hash = hash_


@dataclass(slots=True)
class Group:
    """Acts that stand or fall together; most groups are one act.

    The answers are final once the group is `settled`; before, they may be those of an attempt.
    """

    acts: Sequence[Act]
    answers: list[Answer] = field(default_factory=list)
    settled: bool = False


Draw = Callable[[], Sequence[Group]]


async def no_probe(_point: str) -> None:
    """Do nothing at a fault point; tests pass a probe that kills."""


async def commit_batch(
    tx: Tx, schema: str, fixed: Sequence[Group], draw: Draw, probe: Probe = no_probe
) -> list[Group]:
    """Run one transaction over the fixed groups and those drawn once the lock is held.

    Returns the groups with their answers. Raises what the database raised (nothing is committed)
    or CommitUnknown.
    """
    driver = tx.driver
    try:
        await _lock(driver, schema, fixed, probe)
        groups = [*fixed, *draw()]
        acts = [act for group in groups for act in group.acts]
        known = await store.read_head(
            driver, [act.key_hash for act in acts if act.key_hash is not None]
        )
        await probe("head_read")
        stage = Stage(known.now, known.head.seq + 1)
        await load(tx, stage, acts)
        await probe("rows_loaded")
        replays = await _replays(tx, known)
        pen = Pen(driver, probe)
        try:
            for start in range(0, len(groups), STEP):
                accepted = decide(stage, groups[start : start + STEP], replays, known.head)
                pen.add(accepted, stage.take_logged())
                await pen.turn()
            if stage.seq == known.head.seq + 1:
                await driver.execute("ROLLBACK")
                return groups
            hash_ = await _seal(tx, stage, known.head, pen, probe)
        finally:
            await pen.rest()
    except BaseException as error:
        lost = driver.is_closed()
        await roll_back(driver)
        if lost and isinstance(error, Exception):
            # What the driver says of a closed connection, it also says of our mistakes.
            raise ConnectionResetError("the connection was lost in a batch") from error
        raise
    await _commit(tx, stage.seq - 1, hash_, probe)
    return groups


async def _lock(driver: Driver, schema: str, fixed: Sequence[Group], probe: Probe) -> None:
    """Begin, lock the domain rows if there are any, then the journal."""
    begin = begin_statement(schema)
    locks = [lock for group in fixed for act in group.acts for lock in act.locks]
    if locks:
        await driver.execute(begin)
        await probe("begun")
        await store.lock_rows(driver, locks)
        await probe("rows_locked")
        await store.lock_journal(driver)
    else:
        # One message, two statements: the lock's snapshot is its own, and reads come later.
        await driver.execute(f"{begin};{store.LOCK}")
    await probe("journal_locked")


async def _commit(tx: Tx, last_seq: int, hash_: bytes, probe: Probe) -> None:
    await probe("before_commit")
    try:
        done = await tx.driver.execute("COMMIT")
        await probe("after_commit")
    except Exception as lost:
        raise CommitUnknown(last_seq, hash_) from lost
    if done != "COMMIT":
        raise RuntimeError("PostgreSQL rolled the batch back: a shelf hid a failed statement")


async def load(tx: Tx, stage: Stage, acts: Sequence[Act]) -> None:
    """Load what the acts need; those that find more keys in rows are asked again."""
    asking: Sequence[Act] = acts
    for number in range(MAX_ROUNDS):
        missing = stage.missing([need for act in asking for need in act.needs(stage)])
        for shelf, keys in sorted(missing.items(), key=lambda item: item[0].order):
            stage.fill(shelf, keys, await shelf.load(tx.driver, keys))
        asking = [act for act in asking if act.rounds > number + 1]
        if not asking:
            return
    raise RuntimeError(f"an act asks for more than {MAX_ROUNDS} rounds of reading")


async def _replays(tx: Tx, known: store.Known) -> dict[bytes, store.StoredReceipt]:
    if not known.keys:
        return {}
    receipts = await store.read_receipts(tx.driver, list(set(known.keys.values())))
    return {hash_: receipts[seq] for hash_, seq in known.keys.items()}


def decide(
    stage: Stage,
    groups: Sequence[Group],
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
) -> list[Accepted]:
    """Decide every group in turn on the staged rows; returns the accepted acts in order."""
    accepted: list[Accepted] = []
    for group in groups:
        if len(group.acts) == 1:
            act = group.acts[0]
            answer = _decide_one(stage, act, replays, head, accepted)
            group.answers = [answer]
        else:
            _decide_all(stage, group, replays, head, accepted)
    return accepted


def _decide_one(
    stage: Stage,
    act: Act,
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
    accepted: list[Accepted],
) -> Answer:
    if act.key_hash is not None and (met := replays.get(act.key_hash)) is not None:
        if met.fingerprint != act.fingerprint:
            return KEY_REUSED
        return replace(met.receipt, replayed=True)
    if not head.writable:
        return FROZEN_TENANT
    try:
        draft = act.decide(stage)
    except Exception as defect:  # one bad act does not hurt the others; its caller gets it
        stage.drop()
        return defect
    if isinstance(draft, Refusal):
        stage.drop()
        return draft
    receipt = _accept(stage, act, draft)
    accepted.append((act, receipt, draft.payload))
    if act.key_hash is not None:
        replays[act.key_hash] = store.StoredReceipt(receipt, act.fingerprint)
    return receipt


def _accept(stage: Stage, act: Act, draft: Draft) -> Receipt:
    receipt = Receipt(stage.seq, stage.now, draft.kind, act.principal, draft.data)
    stage.accept(draft)
    return receipt


def _decide_all(
    stage: Stage,
    group: Group,
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
    accepted: list[Accepted],
) -> None:
    """Decide acts that stand or fall together, on a copy that is kept only if none is refused."""
    before = stage.mark()
    known, count = dict(replays), len(accepted)
    answers: list[Answer] = []
    for act in group.acts:
        answer = _decide_one(stage, act, replays, head, accepted)
        answers.append(answer)
        if not isinstance(answer, Receipt):
            stage.rewind(before)
            replays.clear()
            replays.update(known)
            del accepted[count:]
            break
    group.answers = answers


async def _seal(tx: Tx, stage: Stage, head: Head, pen: Pen, probe: Probe) -> bytes:
    """Write rooms' rows, then the newest entries and the batch with its hash; returns the hash."""
    entries = await pen.finish()
    for shelf, changed in stage.changed():
        await shelf.save(tx.driver, changed)
        await probe(f"saved_{type(shelf).__name__}")
    rows = pen.canonical_rows()
    first, last = head.seq + 1, stage.seq - 1
    hash_ = batch_hash(head.hash, head.epoch, first, last, stage.now, rows)
    await store.write_batch(
        tx.driver,
        entries,
        (last, first, head.epoch, stage.now, FORMAT, hash_, digests(rows)),
    )
    await probe("batch_written")
    return hash_
