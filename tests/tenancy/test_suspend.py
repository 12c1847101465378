"""A suspended tenant takes no writes, from the moment that suspending returns."""

import asyncio

from tests.house import House

from guildbank.identity import add_player, find_player
from guildbank.journal.usecases.verify import verify_journal
from guildbank.kernel import Refusal
from guildbank.tenancy import get_tenant, resume_tenant, suspend_tenant


async def test_a_suspended_tenant_refuses_writes_and_keeps_reads(house: House) -> None:
    ref = await house.tenant("sleepy")
    assert not isinstance(await add_player(house.identity, ref, "app_1", "early"), Refusal)
    suspended = await suspend_tenant(house.tenancy, "sleepy")
    assert not isinstance(suspended, Refusal)
    assert suspended.ref.state == "suspended"
    # `ref` still says active: the journal knows better.
    refused = await add_player(house.identity, ref, "app_1", "late")
    assert isinstance(refused, Refusal)
    assert refused.code == "tenant_suspended"
    assert await find_player(house.identity, ref, "late") is None
    assert await find_player(house.identity, ref, "early") is not None
    found = await house.tenancy.tenants.by_slug("sleepy")
    assert found is not None
    assert found.state == "suspended"


async def test_a_resumed_tenant_takes_writes_again(house: House) -> None:
    ref = await house.tenant("early-bird")
    await suspend_tenant(house.tenancy, "early-bird")
    await suspend_tenant(house.tenancy, "early-bird")
    resumed = await resume_tenant(house.tenancy, "early-bird")
    assert not isinstance(resumed, Refusal)
    assert resumed.ref.state == "active"
    assert not isinstance(await add_player(house.identity, ref, "app_1", "again"), Refusal)


async def test_nothing_is_written_after_suspending_returned(house: House) -> None:
    ref = await house.tenant("busy")
    stop = asyncio.Event()

    async def keep_adding(lane: int) -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            await add_player(house.identity, ref, "app_1", f"{lane}-{number}")

    lanes = [asyncio.create_task(keep_adding(lane)) for lane in range(8)]
    await asyncio.sleep(0.2)
    await suspend_tenant(house.tenancy, "busy")
    async with house.db.begin(ref.schema) as tx:
        then = await tx.driver.fetchval("SELECT count(*) FROM identity_player")
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.gather(*lanes)
    async with house.db.begin(ref.schema) as tx:
        now = await tx.driver.fetchval("SELECT count(*) FROM identity_player")
    assert then > 0
    assert now == then


async def test_unknown_tenants_cannot_be_suspended(house: House) -> None:
    for verb in (suspend_tenant, resume_tenant, get_tenant):
        refused = await verb(house.tenancy, "nobody")
        assert isinstance(refused, Refusal)
        assert refused.code == "not_found"


async def test_who_suspended_and_resumed_is_in_the_journal(house: House) -> None:
    ref = await house.tenant("signed")
    for _ in range(2):
        await suspend_tenant(house.tenancy, "signed", "app_boss")
    await resume_tenant(house.tenancy, "signed")
    assert not isinstance(await add_player(house.identity, ref, "app_1", "after"), Refusal)
    async with house.db.begin(ref.schema) as tx:
        rows = await tx.driver.fetch("SELECT seq, kind, principal FROM journal_entry ORDER BY seq")
    assert [tuple(row) for row in rows] == [
        (1, "journal.suspended", "app_boss"),
        (2, "journal.resumed", "host"),
        (3, "identity.player_created", "app_1"),
    ]
    assert (await verify_journal(house.db, ref.schema)).damage is None
