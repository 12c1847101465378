"""Read what a tenant stored of its account at a provider, as the plugin that is here names it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Account
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import Stored, read_stored, unread_settings


class Safe(NamedTuple):
    """Seals the secrets of a tenant's accounts under its key, each account's for its own place."""

    tenant_id: str
    key: DataKey

    def seal(self, provider: str, secrets: Mapping[str, Any]) -> bytes:
        """Return the secrets as they are stored."""
        return self.key.seal(self._place(provider), msgspec.json.encode(secrets))

    def open(self, account: Account) -> dict[str, Any]:
        """Return an account's secrets; raises SealBroken."""
        opened = self.key.open(self._place(account.id), account.sealed)
        return msgspec.json.decode(opened, type=dict[str, Any])

    def read(self, account: Account, manifest: Manifest) -> Stored:
        """Return what the account has, by the names of this version of the plugin."""
        plain = msgspec.json.decode(account.settings)
        return read_stored(manifest, plain, self.open(account), account.version)

    def problem(self, account: Account, manifest: Manifest) -> Refusal | None:
        """Return why this version cannot use what another one wrote, None where it can."""
        whole = {**msgspec.json.decode(account.settings), **self.open(account)}
        return unread_settings(manifest, whole, account.version)

    def _place(self, provider: str) -> bytes:
        return f"payments_provider.sealed:{self.tenant_id}:{provider}".encode()


async def safe_of(payments: Payments, tenant: TenantRef) -> Safe:
    """Return what opens and seals the tenant's secrets; raises LookupError for one that is gone."""
    key = await payments.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} has no data key")
    return Safe(tenant.id, key)
