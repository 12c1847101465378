"""Keep the proof of a tenant: a short round every few minutes, a whole one as often as is cheap.

A whole proof reads all transfers, so how often it is taken follows from how long it took. The
rounds between read what accounts keep, and lead to a whole one at once where that does not add up.
"""

import time
from datetime import datetime, timedelta

import msgspec
import structlog

from guildbank.identity import Identity
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver, seq_at
from guildbank.ledger import watch
from guildbank.ledger.reading.totals import READ_WRONG_HOLDS, last_after, take_time
from guildbank.ledger.usecases.alarm import Alarm, begin_alarm, end_alarm
from guildbank.ledger.usecases.balances import NOW
from guildbank.ledger.usecases.prove import Problem, Proof, Proving, prove
from guildbank.ledger.watch import Kept

log = structlog.get_logger(__name__)

SHARE = 20
"""A whole proof is taken once so many times of its own duration have passed."""
PAGE_ACCOUNTS = 1_000
KEPT_PROBLEMS = 20
MAX_SHOWN = 300
PROOF = Alarm(
    name="proof",
    begins="ledger.proof_broken",
    ends="ledger.proof_restored",
    permission="ledger:proof",
)
_PROBLEMS = msgspec.json.Decoder(list[Problem])


class Status(msgspec.Struct, frozen=True):
    """What the last rounds found, with its problems, and since when it is known to be broken."""

    kept: Kept
    problems: list[Problem]
    broken_since: datetime | None = None


async def proof_status(db: Database, tenant: TenantRef) -> Status | None:
    """Return how the proof of a tenant stood in its last round, None before the first."""
    async with db.begin(tenant.schema, read_only=True) as tx:
        kept = await watch.read_kept(tx.driver)
        since = await watch.raised_at(tx.driver, PROOF.name)
    return None if kept is None else Status(kept, _PROBLEMS.decode(kept.problems), since)


async def keep_proof(identity: Identity, tenant: TenantRef, proving: Proving) -> Kept:
    """Take one round, keep what it found, and tell of it where that is new."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        before = await watch.read_kept(tx.driver)
    now = identity.clock.now()
    kept: Kept | None = None
    if before is not None and now < before.full_at + timedelta(
        milliseconds=before.full_millis * SHARE
    ):
        seq, sums_up = await _glance(identity, tenant)
        if sums_up:
            kept = msgspec.structs.replace(before, checked_at=now, checked_seq=seq)
    if kept is None:
        began = time.monotonic()
        proof = await prove(identity.db, tenant.schema, proving.balances)
        took = int((time.monotonic() - began) * 1_000)
        kept = Kept(
            checked_at=now, checked_seq=proof.seq, ok=proof.ok, found=proof.found,
            problems=_write(proof), full_at=now, full_seq=proof.seq, full_millis=took,
        )  # fmt: skip
    async with identity.db.begin(tenant.schema) as tx:
        await watch.write_kept(tx.driver, kept)
    await (_repaired if kept.ok else _broken)(identity, tenant, kept)
    return kept


async def _glance(identity: Identity, tenant: TenantRef) -> tuple[int, bool]:
    """Return the newest seq, and whether what accounts keep sums to zero and nothing overdrew."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        await take_time(tx.driver)
        sums = await _sums(tx.driver)
        wrong_holds = await tx.driver.fetch(READ_WRONG_HOLDS, 1)
        return await seq_at(tx.driver, NOW), not any(sums.values()) and not wrong_holds


async def _sums(driver: Driver) -> dict[str, int]:
    """Return by asset what all accounts sum to, with the overdrawn ones for good measure."""
    sums: dict[str, int] = {}
    for asset, total, overdrawn in await watch.kept_sums(driver):
        sums[asset] = total
        sums[f"{asset} overdrawn"] = overdrawn
    after = -(2**63)
    while page := await watch.accounts_without_totals(driver, after, PAGE_ACCOUNTS):
        stated = await last_after(driver, [id_ for id_, _ in page])
        for id_, asset in page:
            sums[asset] = sums.get(asset, 0) + stated.get(id_, 0)
        after = page[-1][0]
    return sums


def _write(proof: Proof) -> str:
    return msgspec.json.encode(proof.problems[:KEPT_PROBLEMS]).decode()


async def _broken(identity: Identity, tenant: TenantRef, kept: Kept) -> None:
    first = _PROBLEMS.decode(kept.problems)[0]
    shown = f"{first.check} of {first.subject}: {first.detail}"[:MAX_SHOWN]
    told = {"seq": kept.checked_seq, "problems": kept.found, "check": first.check}
    values = {"problems": str(kept.found), "first": shown, "seq": str(kept.checked_seq)}
    if await begin_alarm(identity, tenant, PROOF, told, values):
        log.error(
            "proof_broken",
            tenant=tenant.slug,
            seq=kept.checked_seq,
            problems=kept.found,
            first=shown,
            meaning="The books do not add up: rows of the ledger are not what was posted.",
            to_do="Run `guildbank ledger verify`, then read docs/when-the-proof-breaks.md.",
        )


async def _repaired(identity: Identity, tenant: TenantRef, kept: Kept) -> None:
    told = {"seq": kept.checked_seq}
    if await end_alarm(identity, tenant, PROOF, told, {"seq": str(kept.checked_seq)}):
        log.warning("proof_restored", tenant=tenant.slug, seq=kept.checked_seq)
