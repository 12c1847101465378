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
from guildbank.plugin_host import renew_names, renew_settings, steps_since, unread_settings


class Stored(NamedTuple):
    """Settings in clear and secrets; `as_written` says that both are as they lie in the row."""

    plain: Mapping[str, Any]
    secrets: Mapping[str, Any]
    as_written: bool = True

    @property
    def whole(self) -> dict[str, Any]:
        """Return both together, as the plugin gets them."""
        return {**self.plain, **self.secrets}


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
        """Return what the account has, by the names of this version of the plugin.

        A secret stays one whatever a newer version calls it.
        """
        plain, secrets = msgspec.json.decode(account.settings), self.open(account)
        if not steps_since(manifest, account.version):
            return Stored(plain, secrets)
        renewed = renew_settings(manifest, {**plain, **secrets}, account.version)
        names = renew_names(manifest, secrets, account.version) | manifest.secret_fields
        return Stored(
            {name: one for name, one in renewed.items() if name not in names},
            {name: one for name, one in renewed.items() if name in names},
            as_written=False,
        )

    def problem(self, account: Account, manifest: Manifest) -> Refusal | None:
        """Return why this version cannot use what another one wrote, None where it can."""
        if account.version == manifest.version:
            return None
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
