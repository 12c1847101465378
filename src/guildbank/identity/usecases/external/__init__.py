"""The verbs of signing in by an account elsewhere, one a file, and the parts they work with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import structlog

from guildbank.identity.contracts.external import ProviderAccount
from guildbank.identity.store import providers as store
from guildbank.identity.usecases import Identity
from guildbank.infra.cache import Recent
from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import (
    PROVIDER_UNAVAILABLE,
    UNKNOWN_PROVIDER,
    IdentityProviders,
    Stored,
    Terms,
    read_stored,
    unread_settings,
)

log = structlog.get_logger(__name__)
FRESH_SECONDS = 1.0
"""So long a worker may not have heard of changed settings."""


class Setup(NamedTuple):
    """What a tenant set up: its providers by id, and where people may be sent back to."""

    accounts: Mapping[str, ProviderAccount]
    return_urls: tuple[str, ...]


class Safe(NamedTuple):
    """Seals what belongs to one tenant, each thing for its own place."""

    tenant_id: str
    key: DataKey

    def seal(self, place: str, value: object) -> bytes:
        """Return a value as it is stored at the place."""
        return self.key.seal(self._aad(place), msgspec.json.encode(value))

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return the JSON of what was sealed for the place; raises SealBroken."""
        return self.key.open(self._aad(place), sealed)

    def _aad(self, place: str) -> bytes:
        return f"{place}:{self.tenant_id}".encode()


class ExternalSignIn:
    """What the verbs need; the app makes one. `url` is the server's own, for callbacks."""

    def __init__(self, identity: Identity, providers: IdentityProviders, url: str) -> None:
        self.identity = identity
        self.providers = providers
        self.url = url.rstrip("/")
        self._setups = Recent(self._load, seconds=FRESH_SECONDS)

    async def setup(self, tenant: TenantRef) -> Setup:
        """Return what the tenant set up, at most a second old."""
        return await self._setups.get(tenant.schema)

    def forget(self, tenant: TenantRef) -> None:
        """Drop what is known of a tenant, after this process changed it."""
        self._setups.forget(tenant.schema)

    async def safe(self, tenant: TenantRef) -> Safe:
        """Return what seals under the tenant's key; not for the inside of a transaction."""
        key = await self.identity.tenants.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return Safe(tenant.id, key)

    def manifest(self, tenant: TenantRef, provider: str) -> Manifest | None:
        """Return what an installed provider says of itself, if it may serve this tenant."""
        manifest = self.providers.manifest(provider)
        if manifest is None or (manifest.sandbox and tenant.mode != "test"):
            return None
        return manifest

    async def terms(self, tenant: TenantRef, provider: str) -> Terms | Refusal:
        """Return what a provider that is switched on is called with.

        Refusals: `unknown_identity_provider`, and `provider_unavailable` where the plugin cannot
        use what an older version of it stored.
        """
        account = await self._switched_on(tenant, provider)
        manifest = self.manifest(tenant, provider)
        if account is None or manifest is None:
            return UNKNOWN_PROVIDER
        stored = read_account(await self.safe(tenant), account, manifest)
        if (problem := unread_account(account, manifest, stored)) is not None:
            log.error("settings_unread", tenant=tenant.slug, provider=provider, why=problem)
            return PROVIDER_UNAVAILABLE
        return Terms(
            tenant=tenant.slug,
            mode=tenant.mode,
            settings=stored.whole,
            now=self.identity.clock.now(),
            redirect_uri=self.callback_url(tenant, provider),
        )

    async def refuses(self, tenant: TenantRef, provider: str) -> Refusal | None:
        """Return `unknown_identity_provider` for one that was switched off on somebody's way."""
        account = await self._switched_on(tenant, provider)
        return UNKNOWN_PROVIDER if account is None else None

    async def _switched_on(self, tenant: TenantRef, provider: str) -> ProviderAccount | None:
        account = (await self.setup(tenant)).accounts.get(provider)
        if account is None or not account.enabled or self.manifest(tenant, provider) is None:
            return None
        return account

    def callback_url(self, tenant: TenantRef, provider: str) -> str:
        """Return where a provider sends people back to: each one to an address of its own.

        So an answer of one cannot be taken for another's (RFC 9700, section 4.4).
        """
        return f"{self.url}/v1/sign-in/callback/{tenant.slug}/{provider}"

    async def _load(self, schema: str) -> Setup:
        async with self.identity.db.begin(schema, read_only=True) as tx:
            accounts = await store.all_providers(tx.driver)
            urls = await store.return_urls(tx.driver)
        return Setup({one.id: one for one in accounts}, urls)


def secrets_place(provider: str) -> str:
    """Return the place for which a provider's secrets are sealed."""
    return f"identity_provider.sealed:{provider}"


def read_account(safe: Safe, account: ProviderAccount, manifest: Manifest) -> Stored:
    """Return a provider's settings as this version of its plugin names them; raises SealBroken."""
    opened = safe.open(secrets_place(account.id), account.sealed)
    secrets = msgspec.json.decode(opened, type=dict[str, Any])
    return read_stored(manifest, msgspec.json.decode(account.settings), secrets, account.version)


def unread_account(account: ProviderAccount, manifest: Manifest, stored: Stored) -> str | None:
    """Return why this version cannot use what another one stored, None where it can."""
    if account.version == manifest.version:
        return None
    # Read already: what no step leads to any more is told as the version that stored it.
    problem = unread_settings(
        msgspec.structs.replace(manifest, settings_migrations=()), stored.whole, account.version
    )
    return None if problem is None else problem.detail
