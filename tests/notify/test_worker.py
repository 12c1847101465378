"""The real worker process sends mail and tidies, without anybody asking it to."""

import asyncio
import os
import sys
from pathlib import Path

from tests.notify.post import SENDER, Post, reset
from tests.notify.test_trouble import ROOT, until
from tests.servers.smtp import SmtpServer
from tests.studio import MASTER_KEY

from guildbank.app.schema import bring_forward


async def test_a_worker_sends_what_waits(post: Post, server: SmtpServer, tmp_path: Path) -> None:
    await asyncio.to_thread(bring_forward, post.city.url)
    post.clock.advance(post.city.services.clock.now() - post.clock.now())
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset("by-worker@player.test"))
    settings = {
        "GUILDBANK_DATABASE_URL": post.city.url,
        "GUILDBANK_MASTER_KEY": MASTER_KEY,
        "GUILDBANK_DATA": str(tmp_path),
        "GUILDBANK_SMTP_URL": server.url("tls=none"),
        "GUILDBANK_MAIL_FROM": SENDER,
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guildbank.app.worker", env={**os.environ, **settings}, cwd=ROOT
    )
    try:
        await until(lambda: bool(server.to("by-worker@player.test")))
    finally:
        worker.terminate()
        code = await worker.wait()
    assert code == 0
    assert await post.state(tenant, mail) == "sent"
