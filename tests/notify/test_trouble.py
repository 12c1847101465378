"""Slow servers, other tenants' trouble, cancelled and killed workers: no mail is lost by any."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.notify.post import SENDER, Post, reset
from tests.servers.smtp import SmtpServer, mute_server
from tests.studio import MASTER_KEY

from guildbank.notify import mailing
from guildbank.notify.usecases.send import CLAIM, send_due
from guildbank.tenancy import TenantRef

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 60


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second be a long time."""
    monkeypatch.setattr(mailing, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(mailing, "MESSAGE_SECONDS", 1.0)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(MOST_SECONDS):
        while not true():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_never_speaks_is_left_after_a_moment(post: Post) -> None:
    tenants = [await post.tenant() for _ in range(12)]
    mails = [(tenant, await post.queue(tenant, reset())) for tenant in tenants]
    async with mute_server() as mute, asyncio.timeout(10):
        await send_due(post.by(mute), tenants)
        # Of twelve tenants no more than the first four found out that nobody answers.
        assert mute.connections <= 4
    for tenant, mail in mails:
        row = await post.row(tenant, mail)
        assert (row["state"], row["attempts"]) == ("waiting", 0)


@pytest.mark.usefixtures("impatient")
async def test_one_tenants_slow_reader_does_not_keep_the_others_waiting(
    post: Post, server: SmtpServer
) -> None:
    stuck = await post.tenant()
    server.slow_recipients.add("slow@player.test")
    slow = await post.queue(stuck, reset("slow@player.test"))
    behind = await post.queue(stuck, reset("behind@player.test"))
    others = [await post.tenant() for _ in range(6)]
    for number, tenant in enumerate(others):
        await post.queue(tenant, reset(f"reader-{number}@player.test"))
    async with asyncio.timeout(10):
        await post.send(server, stuck, *others)
    assert len(server.messages) == len(others)
    assert (await post.row(stuck, slow))["attempts"] == 1
    # The mail behind the slow one lost no try, and is the next to go.
    assert (await post.row(stuck, behind))["attempts"] == 0
    await post.send(server, stuck)
    assert await post.state(stuck, behind) == "sent"


async def test_a_tenant_whose_mail_cannot_be_opened_stops_no_other(
    post: Post, server: SmtpServer
) -> None:
    broken, gone, well = [await post.tenant() for _ in range(3)]
    damaged = await post.queue(broken, reset())
    after = await post.queue(broken, reset("after@player.test"))
    async with post.notify.db.begin(broken.schema) as tx:
        await tx.driver.execute("UPDATE notify_mail SET sealed = '\\x00' WHERE id = $1", damaged)
    async with post.notify.db.begin(gone.schema) as tx:
        await tx.driver.execute("ALTER TABLE notify_mail RENAME TO notify_mail_hidden")
    mail = await post.queue(well, reset())
    await post.send(server, gone, broken, well)
    assert await post.state(well, mail) == "sent"
    assert await post.state(broken, after) == "sent"
    row = await post.row(broken, damaged)
    assert (row["state"], row["reason"]) == ("failed", "it cannot be written (SealBroken)")


async def test_no_transaction_is_open_while_the_server_is_at_work(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    await post.queue(tenant, reset())
    server.hold_before = asyncio.Event()
    sending = asyncio.create_task(post.send(server, tenant))
    await until(lambda: server.arrivals == 1)
    async with post.notify.db.begin(tenant.schema) as tx:
        open_ = await tx.driver.fetchval(
            "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
            "WHERE relname LIKE 'notify_mail%' AND pg_locks.pid <> pg_backend_pid()"
        )
    server.hold_before.set()
    await sending
    assert open_ == 0
    assert len(server.messages) == 1


async def test_a_cancelled_run_loses_no_mail(post: Post, server: SmtpServer) -> None:
    tenant = await post.tenant()
    mails = [await post.queue(tenant, reset(f"{name}@player.test")) for name in "abc"]
    server.hold_before = asyncio.Event()
    sending = asyncio.create_task(post.send(server, tenant))
    await until(lambda: server.arrivals == 1)
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    server.hold_before = None
    post.wait(seconds=CLAIM.total_seconds())
    await post.send(server, tenant)
    assert [await post.state(tenant, mail) for mail in mails] == ["sent"] * 3


@asynccontextmanager
async def worker(
    post: Post, server: SmtpServer, tenant: TenantRef, tmp_path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process that sends the tenant's mail; kill what is left of it."""
    settings = {
        "GUILDBANK_DATABASE_URL": post.city.url,
        "GUILDBANK_MASTER_KEY": MASTER_KEY,
        "GUILDBANK_DATA": str(tmp_path),
        "GUILDBANK_SMTP_URL": server.url("tls=none"),
        "GUILDBANK_MAIL_FROM": SENDER,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.notify.sender",
        tenant.slug,
        post.clock.now().isoformat(),
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_worker_that_is_killed_before_the_hand_over_loses_no_mail(
    post: Post, server: SmtpServer, tmp_path: Path
) -> None:
    tenant = await post.tenant()
    mails = [await post.queue(tenant, reset(f"{name}@player.test")) for name in "abcde"]
    server.hold_before = asyncio.Event()
    async with worker(post, server, tenant, tmp_path) as process:
        await until(lambda: server.arrivals == 1)
        process.kill()
        await process.wait()
    server.hold_before = None
    taken = len(server.messages)
    await post.send(server, tenant)
    # Nobody takes what the killed one claimed, until its claim is over.
    assert len(server.messages) == taken == 0
    post.wait(seconds=CLAIM.total_seconds())
    await post.send(server, tenant)
    assert [await post.state(tenant, mail) for mail in mails] == ["sent"] * 5
    assert sorted(one.to[0] for one in server.messages) == list("abcde")


async def test_a_worker_that_is_killed_after_the_hand_over_sends_twice_what_readers_see_once(
    post: Post, server: SmtpServer, tmp_path: Path
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    server.hold_after = asyncio.Event()
    async with worker(post, server, tenant, tmp_path) as process:
        await until(lambda: len(server.messages) == 1)
        process.kill()
        await process.wait()
    server.hold_after.set()
    post.wait(seconds=CLAIM.total_seconds())
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "sent"
    assert len(server.messages) == 2
    assert len({one.message["Message-ID"] for one in server.messages}) == 1


async def test_a_worker_that_is_late_does_not_undo_what_another_recorded(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    server.hold_before = asyncio.Event()
    late = asyncio.create_task(post.send(server, tenant))
    await until(lambda: server.arrivals == 1)
    held, server.hold_before = server.hold_before, None
    post.wait(seconds=CLAIM.total_seconds())
    server.refuse_data = "550 no"
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "failed"
    held.set()
    await late
    assert await post.state(tenant, mail) == "failed"
