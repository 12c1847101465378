"""Say what keeps another version of a way to sign in, or of a captcha, from taking its place."""

from collections.abc import Sequence
from typing import Any

from guildbank.identity.store import providers as store
from guildbank.identity.usecases.external import read_account, unread_account
from guildbank.infra.tenant import TenantRef
from guildbank.plugin_api import Manifest, Slot


async def limit_versions(
    services: Any, tenant: TenantRef, manifests: Sequence[Manifest]
) -> list[str]:
    """Return the settings of the tenant that the newest of these versions cannot use."""
    newest = manifests[0]
    if newest.slot is Slot.CAPTCHA:
        return await _of_captcha(services, tenant, newest)
    if newest.slot is not Slot.IDENTITY:
        return []
    async with services.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.provider_at(tx.driver, newest.id)
    if account is None:
        return []
    stored = read_account(await services.external.safe(tenant), account, newest)
    problem = unread_account(account, newest, stored)
    return [] if problem is None else [f"the identity provider: {problem}"]


async def _of_captcha(services: Any, tenant: TenantRef, newest: Manifest) -> list[str]:
    protections = services.identity.protections
    captcha = (await protections.of(tenant)).captcha
    if captcha is None or captcha.provider != newest.id:
        return []
    problem = (await protections.safe(tenant)).problem(captcha, newest)
    return [] if problem is None else [f"the captcha: {problem}"]
