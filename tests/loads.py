"""Loads of grants, spends and holds with keys, and the audit that nothing is lost or doubled."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from tests.economy import GEM, Economy

from guildbank.infra.database import Database
from guildbank.journal import Act, Outcome, Receipt, RowLock, verify_journal
from guildbank.kernel import Refusal
from guildbank.ledger.reading.chained import CHAINED_TRANSFERS
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import Grant, PlaceHold, Spend
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.hold import PlaceHoldAct
from guildbank.wallets.usecases.spend import SpendAct

WHO = "app_load"
START = 1_000

# An account with a floor keeps its totals twice: in its row and in its transfers.
READ_TOTALS = """
SELECT account.owner, account.bucket, account.credited - account.spent - account.clawed,
       account.held,
       coalesce((SELECT sum(amount) FROM ledger_transfer WHERE credit = account.id), 0)
       - coalesce((SELECT sum(amount) FROM ledger_transfer WHERE debit = account.id), 0)
FROM ledger_account AS account
WHERE account.floor IS NOT NULL
"""


READ_KEYS = """
SELECT hash, seq
FROM journal_key
"""


class Op(NamedTuple):
    """One call as a game sends it; sending it again with the same key is a retry."""

    kind: str
    player: str
    amount: int
    key: str | None

    @property
    def key_hash(self) -> bytes:
        """Return what stands for the key in the journal."""
        found = self.act().key_hash
        assert found is not None
        return found

    def act(self) -> Act:
        """Return the act, new for each time it is sent, as the HTTP edge makes it."""
        if self.kind == "spend":
            spend = Spend(self.player, GEM, self.amount)
            return SpendAct(WHO, self.key, spend, (SpendLimit(),))
        if self.kind == "hold":
            hold = PlaceHold(self.player, GEM, self.amount, 3600)
            return PlaceHoldAct(WHO, self.key, hold, (SpendLimit(),))
        made = LockingGrant if self.kind == "locked" else GrantAct
        return made(WHO, self.key, Grant(self.player, GEM, self.amount))


class LockingGrant(GrantAct):
    """A grant that locks the player's row before the journal, as payments lock theirs."""

    verb = "test.locked"
    __slots__ = ()

    @property
    def locks(self) -> Sequence[RowLock]:
        return (RowLock(30, "identity_player", self.player_id),)


async def furnish(economy: Economy, players: int = 4) -> list[str]:
    """Open the currency and give each new player START coins without a key."""
    await economy.sql(
        "INSERT INTO wallets_currency (code, name, buckets, ceiling, active) "
        "VALUES ('GEM', 'Gems', 'free,bonus,paid', NULL, TRUE)"
    )
    made = [await economy.player() for _ in range(players)]
    for player in made:
        await economy.grant(player, START)
    return made


def make_ops(seed: int, players: Sequence[str], count: int) -> list[Op]:
    """Return a mix that no refusal disturbs: START covers every spend and hold."""
    rng = random.Random(seed)
    kinds = ("grant", "grant", "spend", "hold", "locked")
    return [
        Op(rng.choice(kinds), rng.choice(players), rng.randint(1, 5), f"op-{seed}-{number}")
        for number in range(count)
    ]


class Ledgered(msgspec.Struct):
    """What a load was told: the receipts by key, and the operations that got no answer."""

    receipts: dict[str, Receipt] = {}
    unanswered: list[Op] = []


Submit = Callable[[Op], Awaitable[Outcome]]


async def drive(submit: Submit, ops: Sequence[Op], told: Ledgered, callers: int = 12) -> None:
    """Send the operations from several callers at once; note what each was told."""
    queue = list(reversed(ops))

    async def caller() -> None:
        while queue:
            op = queue.pop()
            try:
                outcome = await submit(op)
            except Exception:
                told.unanswered.append(op)
                continue
            assert not isinstance(outcome, Refusal), outcome
            assert op.key is not None
            told.receipts[op.key] = outcome

    await asyncio.gather(*(caller() for _ in range(callers)))


async def settle(submit: Submit, ops: Sequence[Op], told: Ledgered) -> int:
    """Send every operation once more with its key; return how many of them were there already.

    Those that were acknowledged must give the very same answer.
    """
    replayed = 0
    for outcome, op in zip(await asyncio.gather(*map(submit, ops)), ops, strict=True):
        assert isinstance(outcome, Receipt), outcome
        assert op.key is not None
        before = told.receipts.get(op.key)
        if before is not None:
            assert outcome.replayed, f"{op} was acknowledged and lost"
            assert (outcome.seq, outcome.at, outcome.data) == (before.seq, before.at, before.data)
        replayed += outcome.replayed
        told.receipts[op.key] = outcome
    return replayed


class Missed(NamedTuple):
    """What the journal says of operations that were sent: how many are not in it, or twice."""

    lost: int
    doubled: int


async def count_missed(db: Database, schema: str, keys: Iterable[bytes], keyless: int) -> Missed:
    """Count against what the journal holds: an operation is an entry, and its key leads to it.

    `keys` are those of operations that must be there; others may be. `keyless` counts the entries
    besides.
    """
    async with db.begin(schema, read_only=True) as tx:
        stored = {bytes(row[0]): row[1] for row in await tx.driver.fetch(READ_KEYS)}
        entries = await tx.driver.fetch("SELECT seq, key_hash FROM journal_entry")
    done = {entry[0]: entry[1] for entry in entries}
    lost = sum(key not in stored or done.get(stored[key]) != key for key in keys)
    return Missed(lost, len(entries) - keyless - len({key for key in done.values() if key}))


async def audit(db: Database, schema: str, ops: Sequence[Op], keyless: int) -> None:
    """Check the chain, and that entries and balances are those of the operations, each once.

    `keyless` counts the entries besides: what `furnish` granted.
    """
    verified = await verify_journal(db, schema, (CHAINED_TRANSFERS,))
    assert verified.damage is None, verified.damage
    async with db.begin(schema, read_only=True) as tx:
        totals = await tx.driver.fetch(READ_TOTALS)
        entries = await tx.driver.fetchval("SELECT count(*) FROM journal_entry")
        keys = await tx.driver.fetchval("SELECT count(*) FROM journal_key")
        last = await tx.driver.fetchval("SELECT max(last_seq) FROM journal_batch")
    assert keys == len({op.key for op in ops})
    assert entries == last == keys + keyless
    balances: dict[str, int] = {}
    held: dict[str, int] = {}
    for owner, _bucket, kept, aside, recomputed in totals:
        assert kept == recomputed, f"{owner}: the row says {kept}, the transfers {recomputed}"
        balances[owner] = balances.get(owner, 0) + kept
        held[owner] = held.get(owner, 0) + aside
    assert balances == expected(ops, balances)
    assert held == {
        player: sum(op.amount for op in ops if op.player == player and op.kind == "hold")
        for player in held
    }


def expected(ops: Sequence[Op], players: dict[str, int]) -> dict[str, int]:
    """Return the balances that the operations make, each of them once."""
    sums = dict.fromkeys(players, START)
    for op in ops:
        if op.kind in ("grant", "locked"):
            sums[op.player] += op.amount
        elif op.kind == "spend":
            sums[op.player] -= op.amount
    return sums
