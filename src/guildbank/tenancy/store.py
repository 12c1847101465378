"""SQL of the register of tenants; every statement runs on the control schema."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.tenancy import tables
from guildbank.tenancy.contracts import State, Tenant, TenantSettings
from guildbank.tenancy.rules import is_slug

# Asked for preflights, which name no tenant; a cache stands before it.
LISTED_ORIGINS = """
SELECT DISTINCT jsonb_array_elements_text(settings->'cors_origins') AS origin
FROM tenancy_tenant
WHERE state <> 'deleted'
  AND settings ? 'cors_origins'
"""

# Requests that no cache answers come here, so these name their schema: one round trip is enough,
# without a transaction.
_FOUND = """
SELECT id, slug, schema, mode, state, name, settings, created_at, data_key
FROM guildbank.tenancy_tenant
WHERE state <> 'deleted'
"""
TENANT_BY_ID = f"{_FOUND}  AND id = $1"
TENANT_BY_SLUG = f"{_FOUND}  AND slug = $1"

TENANT_OF_HOST = """
SELECT tenant_id
FROM guildbank.tenancy_host
WHERE host = $1
"""

# Relying parties are chosen one after another, so that each sees the one before.
LOCK_RP_IDS = "SELECT pg_advisory_xact_lock(hashtextextended('tenancy relying parties', 0))"

RP_IDS = """
SELECT settings->'passkeys'->>'rp_id' AS rp_id
FROM tenancy_tenant
WHERE state <> 'deleted'
  AND id <> $1
  AND settings->'passkeys'->>'rp_id' IS NOT NULL
"""

_COLUMNS = (
    tables.tenant.c.id,
    tables.tenant.c.slug,
    tables.tenant.c.schema,
    tables.tenant.c.mode,
    tables.tenant.c.state,
    tables.tenant.c.name,
    tables.tenant.c.settings,
    tables.tenant.c.created_at,
)


async def insert_tenant(
    tx: Tx, ref: TenantRef, name: str, settings: TenantSettings, data_key: bytes
) -> Tenant | None:
    """Register a tenant; None when its slug is or was in use."""
    statement = (
        insert(tables.tenant)
        .values(
            id=ref.id,
            slug=ref.slug,
            schema=ref.schema,
            mode=ref.mode,
            state=ref.state,
            name=name,
            settings=msgspec.to_builtins(settings),
            data_key=data_key,
        )
        .on_conflict_do_nothing()
        .returning(*_COLUMNS)
    )
    row = (await tx.sql.execute(statement)).mappings().one_or_none()
    return None if row is None else _tenant(row)


async def tenant_by_slug(tx: Tx, slug: str) -> Tenant | None:
    """Return a tenant that is not deleted."""
    if not is_slug(slug):
        return None
    row = await tx.driver.fetchrow(TENANT_BY_SLUG, slug)
    return None if row is None else _tenant(row)


async def tenant_to_change(tx: Tx, slug: str) -> Tenant | None:
    """Return the same, and keep others from changing its row."""
    if not is_slug(slug):
        return None
    row = await tx.driver.fetchrow(f"{TENANT_BY_SLUG} FOR NO KEY UPDATE", slug)
    return None if row is None else _tenant(row)


async def tenant_with_key(tx: Tx, id_: str) -> tuple[Tenant, bytes] | None:
    """Return a tenant that is not deleted, and its wrapped data key."""
    row = await tx.driver.fetchrow(TENANT_BY_ID, id_)
    return None if row is None else (_tenant(row), row["data_key"])


async def tenant_page(tx: Tx, after: str, limit: int) -> list[Tenant]:
    """Return tenants that are not deleted, in the order of their slugs."""
    statement = (
        select(*_COLUMNS)
        .where(tables.tenant.c.slug > after, tables.tenant.c.state != "deleted")
        .order_by(tables.tenant.c.slug)
        .limit(limit)
    )
    return [_tenant(row) for row in (await tx.sql.execute(statement)).mappings()]


async def listed_origins(tx: Tx) -> frozenset[str]:
    """Return every origin that a tenant lists which is not deleted."""
    rows = await tx.driver.fetch(LISTED_ORIGINS)
    return frozenset(row["origin"] for row in rows)


async def other_rp_ids(tx: Tx, id_: str) -> list[str]:
    """Return the hosts of all other tenants' passkeys; nobody else takes one until this commits."""
    await tx.driver.execute(LOCK_RP_IDS)
    return [row["rp_id"] for row in await tx.driver.fetch(RP_IDS, id_)]


async def set_state(tx: Tx, id_: str, state: State) -> None:
    """Record whether the tenant takes writes."""
    await tx.sql.execute(update(tables.tenant).where(tables.tenant.c.id == id_).values(state=state))


async def hosts_of(tx: Tx, tenant_id: str) -> list[str]:
    """Return the hosts that lead to the tenant, in order."""
    statement = (
        select(tables.host.c.host)
        .where(tables.host.c.tenant_id == tenant_id)
        .order_by(tables.host.c.host)
    )
    return list((await tx.sql.execute(statement)).scalars())


async def tenant_of_host(tx: Tx, host: str) -> str | None:
    """Return the id of the tenant that the host leads to."""
    found: str | None = await tx.driver.fetchval(TENANT_OF_HOST, host)
    return found


async def replace_hosts(tx: Tx, tenant_id: str, hosts: Sequence[str]) -> bool:
    """Let exactly these lead to the tenant; False when one is another's: then roll back."""
    await tx.sql.execute(delete(tables.host).where(tables.host.c.tenant_id == tenant_id))
    if not hosts:
        return True
    added = await tx.sql.execute(
        insert(tables.host)
        .values([{"host": host, "tenant_id": tenant_id} for host in sorted(hosts)])
        .on_conflict_do_nothing()
        .returning(tables.host.c.host)
    )
    return len(added.all()) == len(hosts)


async def save_settings(tx: Tx, id_: str, name: str, settings: TenantSettings) -> None:
    """Record a tenant's name and policies."""
    await tx.sql.execute(
        update(tables.tenant)
        .where(tables.tenant.c.id == id_)
        .values(name=name, settings=msgspec.to_builtins(settings))
    )


async def entomb(tx: Tx, id_: str) -> None:
    """Mark a tenant deleted and destroy its data key; the row keeps its slug from reuse."""
    await tx.sql.execute(delete(tables.host).where(tables.host.c.tenant_id == id_))
    await tx.sql.execute(
        update(tables.tenant)
        .where(tables.tenant.c.id == id_)
        .values(state="deleted", data_key=None, deleted_at=func.now())
    )


async def see(tx: Tx, schema: str) -> None:
    """Turn the transaction to another schema."""
    await tx.driver.execute("SELECT set_config('search_path', quote_ident($1), TRUE)", schema)


async def tables_of(tx: Tx, schema: str) -> Sequence[str]:
    """Return the tables of a schema, partitions within their parents, in order of name."""
    rows = await tx.driver.fetch(
        """
        SELECT relname
        FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident($1))
          AND relkind IN ('r', 'p')
          AND NOT relispartition
        ORDER BY relname
        """,
        schema,
    )
    return [row["relname"] for row in rows]


def _tenant(row: Any) -> Tenant:
    return Tenant(
        ref=TenantRef(
            id=row["id"],
            slug=row["slug"],
            schema=row["schema"],
            mode=row["mode"],
            state=row["state"],
        ),
        name=row["name"],
        settings=msgspec.convert(row["settings"], TenantSettings),
        created_at=row["created_at"],
    )
