"""A worker process for the fault tests of four eyes: it does one deed, and stops itself at a point.

It reads the deed from stdin as JSON and stops by SIGSTOP, as a machine that hangs would, so that
the parent can kill it exactly there.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog
from pydantic import SecretStr
from tests.faults.worker import StopOnce
from tests.studio import MASTER_KEY

from guildbank.app.wiring import Services, open_services
from guildbank.approvals import approve, fetch
from guildbank.approvals.usecases import change
from guildbank.infra.config import Settings
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Journal
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases.operate import Request, operate


class Deed(msgspec.Struct, kw_only=True):
    """What is to be done, by whom, and where to stop. Without a tenant it is the deployment's.

    `subject` is an approval, or for a request the player whose coins are asked for under `key`.
    """

    url: str
    folder: str
    tenant: str | None
    verb: Literal["ask", "approve", "fetch"]
    by: str
    subject: str
    key: str = ""
    stop_at: str


async def work(deed: Deed) -> object:
    """Open the parts as a worker has them, with a journal that can be stopped."""
    settings = Settings(
        database_url=SecretStr(deed.url),
        data=Path(deed.folder),
        master_key=SecretStr(MASTER_KEY),
        pool_size=3,
    )
    services, stop = open_services(settings), StopOnce(deed.stop_at)
    journal = Journal(services.db, probe=stop, sealers=services.directory.sealer)
    four_eyes = replace(services.four_eyes, journal=journal)
    wallets = replace(services.wallets, journal=journal, four_eyes=four_eyes)
    services = replace(services, journal=journal, four_eyes=four_eyes, wallets=wallets)
    stop_within_changes(stop)
    tenant = None if deed.tenant is None else await services.directory.by_slug(deed.tenant)
    return await do(services, tenant, deed)


async def do(services: Services, tenant: TenantRef | None, deed: Deed) -> object:
    """Do the deed."""
    if deed.verb == "approve":
        return await approve(services.four_eyes, services, tenant, deed.by, deed.subject)
    if deed.verb == "fetch":
        verbs = ("keys.create", "keys.rotate")
        return await fetch(services.four_eyes, services, tenant, deed.by, deed.subject, verbs)
    assert tenant is not None
    request = Request(Spend(deed.subject, "GEM", 30), deed.key)
    return await operate(services.wallets, tenant, deed.by, request)


def stop_within_changes(stop: StopOnce) -> None:
    """Meet points of a change too, which goes by no batch: once made, and once decided."""
    real = change._decide

    async def decide(*args: Any) -> Any:
        await stop("change_made")
        outcome = await real(*args)
        await stop("change_decided")
        return outcome

    setattr(change, "_decide", decide)  # noqa: B010 - it is typed as what it replaces


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(asyncio.run(work(msgspec.json.decode(sys.stdin.buffer.read(), type=Deed))))
