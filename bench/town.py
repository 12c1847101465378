"""A database with a tenant of 100,000 players who own coins: what most parts measure on."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import asyncpg

from guildbank.app.rooms import tenant_scopes
from guildbank.app.schema import bring_forward
from guildbank.app.wiring import Services, open_services
from guildbank.identity import create_key
from guildbank.infra.config import Settings
from guildbank.infra.postgres import Cluster
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Journal, Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.tenancy import create_tenant
from guildbank.wallets.contracts import Currency, Grant
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.grant import GrantAct

PLAYERS = 100_000
POOL_SIZE = 16
COINS = 1_000_000_000
GEM = "GEM"
WHO = "app_01m7yqwf9ke00800000000003v"


@dataclass(frozen=True)
class Town:
    """The database, the parts over it, and a tenant whose players each own COINS free coins."""

    data: Path
    cluster: Cluster
    services: Services
    tenant: TenantRef
    token: str
    client_key: str
    players: list[str]
    tenant_seconds: float

    @property
    def schema(self) -> str:
        """The tenant's schema."""
        return self.tenant.schema

    async def checkpoint(self) -> None:
        """Let each measured part begin at the same place: just after a checkpoint."""
        connection = await asyncpg.connect(self.cluster.url(superuser=True))
        try:
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()


@asynccontextmanager
async def open_town() -> AsyncIterator[Town]:
    """Start a database of our own in build/, fill it through the journal, and remove it after."""
    data = new_folder()
    settings = Settings(data=data, demo=False, pool_size=POOL_SIZE, database_url=None)
    cluster = Cluster(data / "postgres")
    try:
        await asyncio.to_thread(cluster.start)
        await asyncio.to_thread(bring_forward, cluster.url())
        services = open_services(settings, application="guildbank bench")
        try:
            yield await _settle(data, cluster, services)
        finally:
            await services.close()
    finally:
        await asyncio.to_thread(cluster.stop)
        shutil.rmtree(data, ignore_errors=True)


def new_folder() -> Path:
    """Make a folder on the disk of the checkout: what /tmp is on may not keep what it syncs."""
    Path("build").mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="bench-", dir="build")).absolute()


async def _settle(data: Path, cluster: Cluster, services: Services) -> Town:
    began = perf_counter()
    tenant = await create_tenant(services.tenancy, "bench", "Bench")
    tenant_seconds = perf_counter() - began
    if isinstance(tenant, Refusal):
        raise RuntimeError(tenant.detail)
    key = await create_key(services.identity, tenant.ref, "bench", tenant_scopes())
    if isinstance(key, Refusal):
        raise RuntimeError(key.detail)
    client_key = await create_key(services.identity, tenant.ref, "bench", kind="publishable")
    if isinstance(client_key, Refusal):
        raise RuntimeError(client_key.detail)
    players = [new_id("player") for _ in range(PLAYERS)]
    town = Town(
        data, cluster, services, tenant.ref, key.token, client_key.token, players, tenant_seconds
    )
    await _fill(town)
    return town


async def _fill(town: Town) -> None:
    schema, db = town.schema, town.services.db
    async with db.begin(schema) as tx:
        await tx.driver.execute(
            "INSERT INTO identity_player (id, external_id, state, created_at) "
            "SELECT id, id, 'active', now() FROM unnest($1::text[]) AS asked (id)",
            town.players,
        )
    journal = Journal(db, bulk_chunk=2_000)
    currency = Currency(code=GEM, name="Gems")
    await accepted(journal, schema, [SaveCurrencyAct(WHO, None, currency, create=True)])
    for start in range(0, PLAYERS, 8_000):
        some = town.players[start : start + 8_000]
        await accepted(journal, schema, [GrantAct(WHO, None, Grant(p, GEM, COINS)) for p in some])
    await journal.close()
    async with db.connect() as tx:
        for table in ("identity_player", "ledger_account", "ledger_transfer", "journal_entry"):
            await tx.driver.execute(f"VACUUM ANALYZE {schema}.{table}")


async def accepted(journal: Journal, schema: str, acts: list[Act]) -> list[Receipt]:
    """Submit acts in the bulk lane; a refusal is a defect of the benchmark."""
    receipts = []
    for outcome in await journal.submit_each(schema, acts):
        if not isinstance(outcome, Receipt):
            raise RuntimeError(f"not accepted: {outcome!r}")
        receipts.append(outcome)
    return receipts
