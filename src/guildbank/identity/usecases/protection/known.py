"""Know of every tenant what keeps its robots out, and open the sealed part of it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.identity.contracts.protection import Captcha, Protection
from guildbank.identity.store import protection as store
from guildbank.infra.cache import Recent
from guildbank.infra.crypto import DataKey
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import Captchas, renew_settings, unread_settings
from guildbank.tenancy import Tenants

FRESH_SECONDS = 1.0


class Protections:
    """The choices of tenants, a second old at most, and the plugins that check captchas."""

    def __init__(self, db: Database, tenants: Tenants, captchas: Captchas) -> None:
        self._db = db
        self._tenants = tenants
        self.captchas = captchas
        self._recent = Recent(self._load, seconds=FRESH_SECONDS, capacity=1_000)

    async def of(self, tenant: TenantRef) -> Protection:
        """Return the tenant's choice."""
        return await self._recent.get(tenant.schema)

    def forget(self, tenant: TenantRef) -> None:
        """Look at it anew, after this process changed it."""
        self._recent.forget(tenant.schema)

    async def safe(self, tenant: TenantRef) -> "Safe":
        """Return what seals and opens the settings of the tenant's captcha."""
        key = await self._tenants.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return Safe(tenant.id, key)

    async def _load(self, schema: str) -> Protection:
        async with self._db.begin(schema, read_only=True) as tx:
            return await store.protection_of(tx.driver)


class Safe:
    """Seals the settings of a captcha under the tenant's key, for their provider alone."""

    def __init__(self, tenant_id: str, key: DataKey) -> None:
        self._tenant_id = tenant_id
        self._key = key

    def seal(self, provider: str, settings: Mapping[str, Any]) -> bytes:
        """Return the settings as they are stored."""
        return self._key.seal(self._aad(provider), msgspec.json.encode(settings))

    def open(self, captcha: Captcha) -> dict[str, Any]:
        """Return the settings with their secrets in clear."""
        opened = self._key.open(self._aad(captcha.provider), captcha.sealed)
        return msgspec.json.decode(opened, type=dict[str, Any])

    def read(self, captcha: Captcha, manifest: Manifest) -> dict[str, Any]:
        """Return the same by the names of this version of its plugin."""
        return renew_settings(manifest, self.open(captcha), captcha.version)

    def problem(self, captcha: Captcha, manifest: Manifest) -> str | None:
        """Return why this version cannot use what another one stored, None where it can."""
        unread = unread_settings(manifest, self.open(captcha), captcha.version)
        return None if unread is None else unread.detail

    def _aad(self, provider: str) -> bytes:
        return f"identity_protection.captcha_settings:{self._tenant_id}:{provider}".encode()
