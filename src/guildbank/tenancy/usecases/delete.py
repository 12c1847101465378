"""Delete a tenant: archive it, then drop its schema and bury its slug in one transaction."""

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import DELETED, NO_TENANT, NOT_CONFIRMED, Deleted, Tenant
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.archive import write_archive

# By the catalogue, because PostgreSQL 15 and 16 have no transaction_timeout.
LIFT_LIMITS = """
SELECT set_config(name, '0', TRUE)
FROM pg_settings
WHERE name IN (
    'idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout'
)
"""


async def delete_tenant(
    tenancy: Tenancy, slug: str, confirm: str, principal: str = HOST
) -> Deleted | Refusal:
    """Return where the archive is. `confirm` is the slug, typed again.

    Nothing is deleted when the archive cannot be written whole: the error is raised and the
    tenant goes on as it was. Refusals: `not_found`, `confirmation_mismatch`.
    """
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        gone = await delete_within(tenancy, tx, slug, confirm, principal)
    if isinstance(gone, Deleted):
        tenancy.tenants.forget(gone.ref)
    return gone


async def check_deletion(tenancy: Tenancy, slug: str, confirm: str) -> Tenant | Refusal:
    """Return the tenant that would be deleted, or why it would not."""
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        return await check_deletion_within(tx, slug, confirm)


async def check_deletion_within(tx: Tx, slug: str, confirm: str) -> Tenant | Refusal:
    """Lock the tenant's row in the caller's transaction and return it, or why it is not deleted."""
    tenant = await store.tenant_to_change(tx, slug)
    if tenant is None:
        return NO_TENANT
    return tenant if confirm == slug else NOT_CONFIRMED


async def delete_within(
    tenancy: Tenancy, tx: Tx, slug: str, confirm: str, principal: str
) -> Deleted | Refusal:
    """Do what `delete_tenant` does in the caller's transaction, which is not to commit a refusal.

    The caller forgets the tenant once it is committed.
    """
    # An archive takes as long as it takes; the limits are for those who hold up others.
    await tx.driver.fetch(LIFT_LIMITS)
    tenant = await check_deletion_within(tx, slug, confirm)
    if isinstance(tenant, Refusal):
        return tenant
    found = await store.tenant_with_key(tx, tenant.ref.id)
    if found is None:
        return NO_TENANT
    await store.see(tx, tenant.ref.schema)
    await tenancy.journal.set_writable(tx, False, principal)
    head = await tenancy.journal.head(tx)
    archive = await write_archive(tx, tenancy.archives, tenant, found[1], head, tenancy.clock.now())
    await store.see(tx, CONTROL_SCHEMA)
    await tx.driver.execute(f'DROP SCHEMA "{tenant.ref.schema}" CASCADE')
    await store.entomb(tx, tenant.ref.id)
    told = {
        "tenantId": tenant.ref.id, "slug": slug, "seq": head.seq, "hash": head.hash.hex(),
        "archive": archive.name,
    }  # fmt: skip
    await tenancy.journal.record(tx, principal, DELETED, told)
    return Deleted(tenant.ref, archive)
