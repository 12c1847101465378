"""Where operators are kept: a tenant's behind its wall, the deployment's beside them all."""

import base64
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from guildbank.identity.contracts.operators import DEPLOYMENT, Permissions
from guildbank.infra.crypto import Vault
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Recorder
from guildbank.kernel import parse_id
from guildbank.tenancy import PasskeySettings, Tenants, read_host

_MARK_BYTES: Final = 16
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Sealer(Protocol):
    """What seals secrets of operators: a tenant's data key, or the vault for the deployment's."""

    def seal(self, aad: bytes, plain: bytes) -> bytes:
        """Seal `plain` for the place `aad`."""
        ...

    def open(self, aad: bytes, sealed: bytes) -> bytes:
        """Return what was sealed; raises SealBroken."""
        ...

    def hash(self, purpose: bytes, value: bytes) -> bytes:
        """Return a keyed hash."""
        ...


@dataclass(frozen=True, slots=True)
class Plane:
    """A tenant, or the deployment where `tenant` is None, as the place of its operators.

    `known` is every permission there is on it, with its meaning. `recorder` writes its journal.
    """

    tenant: TenantRef | None
    schema: str
    sealer: Sealer
    known: Collection[str]
    built_in: dict[str, frozenset[str]]
    recorder: Recorder

    @property
    def id(self) -> str:
        """The tenant's id, or a word that is none."""
        return DEPLOYMENT if self.tenant is None else self.tenant.id


def party_at(url: str) -> PasskeySettings | None:
    """Return the relying party of operators' passkeys: the deployment's own host and page.

    None where that is a numeric address, which WebAuthn takes for no party; the machine itself has
    the name `localhost` for it.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK:
        host = "localhost"
    if not host or ":" in host or host.rpartition(".")[2].isdecimal():
        return None
    known = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, known) else f":{parts.port}"
    return PasskeySettings(rp_id=host, origins=(f"{parts.scheme}://{host}{port}",))


class Staff:
    """The planes of operators; `url` is where the deployment itself is reached."""

    def __init__(self, tenants: Tenants, vault: Vault, permissions: Permissions, url: str) -> None:
        self._tenants = tenants
        self._vault = vault
        self.permissions = permissions
        parts = urlsplit(url)
        self._hosts = LOOPBACK | ({parts.hostname} if parts.hostname else set())
        # On the machine itself there is no network to listen on, and no certificate either.
        self.secure = parts.scheme == "https" or parts.hostname not in LOOPBACK
        self.url = url.rstrip("/")
        self.passkeys = party_at(url)

    @property
    def cookie(self) -> str:
        """The name of the session's cookie (RFC 6265bis: `__Host-` binds it to https and host)."""
        return "__Host-guildbank" if self.secure else "guildbank"

    @property
    def device_cookie(self) -> str:
        """How the names begin of the cookies by which a browser is known, one for each person."""
        return f"{self.cookie}-device"

    def vouched(self, cookie: str) -> str:
        """Return a session's cookie with the mark by which it is known to be one of ours."""
        return f"{cookie}.{self._mark(cookie)}"

    def made(self, cookie: str) -> bool:
        """Say whether a cookie is one of ours, ended or not; asks nobody."""
        told, _, mark = cookie.rpartition(".")
        return hmac.compare_digest(self._mark(told).encode(), mark.encode("utf-8", "replace"))

    def _mark(self, cookie: str) -> str:
        made = self._vault.hash(b"operator cookie", cookie.encode("utf-8", "replace"))
        return base64.urlsafe_b64encode(made[:_MARK_BYTES]).rstrip(b"=").decode()

    def is_own_host(self, host: str) -> bool:
        """Say whether a Host header names the deployment itself."""
        return read_host(host) in self._hosts

    def may_set_cookies(self, host: str) -> bool:
        """Say whether a cookie given at this host goes over https alone, or over no network."""
        return self.secure or read_host(host) in LOOPBACK

    async def plane(self, tenant: TenantRef | None) -> Plane:
        """Return the plane of a tenant, or of the deployment.

        Not for the inside of a transaction: the key may need a connection of its own.
        """
        permissions = self.permissions
        if tenant is None:
            sealer: Sealer = await self._tenants.sealer(None)
            return Plane(
                tenant=None,
                schema=CONTROL_SCHEMA,
                sealer=sealer,
                recorder=Recorder(CONTROL_SCHEMA, sealer),
                known=permissions.deployment.keys(),
                built_in=dict(permissions.deployment_roles),
            )
        sealer = await self._tenants.sealer(tenant)
        return Plane(
            tenant=tenant,
            schema=tenant.schema,
            sealer=sealer,
            recorder=Recorder(tenant.schema, sealer),
            known=permissions.tenant.keys(),
            built_in=dict(permissions.tenant_roles),
        )

    async def plane_of(self, plane_id: str) -> Plane | None:
        """Return the plane of an id as a cookie names it; None for a tenant that is gone."""
        if plane_id == DEPLOYMENT:
            return await self.plane(None)
        known = parse_id("ten", plane_id) is not None
        tenant = await self._tenants.by_id(plane_id) if known else None
        return None if tenant is None else await self.plane(tenant)
