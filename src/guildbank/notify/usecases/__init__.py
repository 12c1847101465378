"""The verbs of notify, one a file, and the parts that they work with."""

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from guildbank.infra.crypto import Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.smtp import SmtpServer
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, SystemClock
from guildbank.notify.contracts import Audience, Brand
from guildbank.notify.letters import Letters
from guildbank.tenancy import MailSettings, Tenant, Tenants

PRODUCT = "Guildbank"


class TenantGone(LookupError):
    """The tenant was deleted meanwhile, and its mail with it."""


class Sealer(Protocol):
    """What seals mail: a tenant's data key, or the vault for the deployment's own."""

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
class Place:
    """Where mail of one tenant, or of the deployment itself, is kept and how it looks."""

    schema: str
    mode: str | None
    sealer: Sealer
    brand: Brand
    own_url: str

    def brand_for(self, audience: Audience) -> Brand:
        """Return how a message looks; links of operators lead to the deployment's own pages.

        A tenant's public address is its players' site, whose pages must not see such a link.
        """
        if audience == "player":
            return self.brand
        return msgspec.structs.replace(self.brand, base_url=self.own_url)

    def seal(self, id_: str, plain: bytes) -> bytes:
        """Seal what a mail says; it opens at no other one."""
        return self.sealer.seal(_aad(id_), plain)

    def open(self, id_: str, sealed: bytes) -> bytes:
        """Return what a mail says; raises SealBroken."""
        return self.sealer.open(_aad(id_), sealed)

    def hash_of(self, address: str) -> bytes:
        """Return by what a mail's reader is found: the same for any writing of one address."""
        return self.sealer.hash(b"mail address", address.lower().encode())


@dataclass(frozen=True, slots=True)
class Notify:
    """What the verbs need; the app makes one.

    `public_url` is the deployment's own address, where its own links begin and those of test
    tenants that have none. Without `smtp` and `sender` mail waits.
    """

    db: Database
    tenants: Tenants
    vault: Vault
    letters: Letters
    public_url: str
    smtp: SmtpServer | None = None
    sender: str | None = None
    clock: Clock = field(default_factory=SystemClock)

    async def place(self, ref: TenantRef | None) -> Place:
        """Return the place of a tenant, or of the deployment for None.

        Takes a connection of its own now and then, so it is not for the inside of a transaction.
        Raises TenantGone.
        """
        if ref is None:
            brand = Brand(
                name=PRODUCT,
                from_name=PRODUCT,
                color=MailSettings().brand_color,
                base_url=self.public_url.rstrip("/"),
                locale=MailSettings().locale,
            )
            return Place(CONTROL_SCHEMA, None, self.vault, brand, self.public_url.rstrip("/"))
        tenant = await self.tenants.tenant(ref.id)
        key = await self.tenants.data_key(ref.id)
        if tenant is None or key is None:
            raise TenantGone(f"tenant {ref.slug} is gone")
        own_url = self.public_url.rstrip("/")
        return Place(ref.schema, ref.mode, key, self._brand(tenant), own_url)

    def _brand(self, tenant: Tenant) -> Brand:
        mail = tenant.settings.mail
        name = mail.brand_name or tenant.name
        base_url = tenant.settings.public_url
        if base_url is None and tenant.ref.mode == "test":
            base_url = self.public_url.rstrip("/")
        return Brand(
            name=name,
            from_name=mail.from_name or name,
            color=mail.brand_color,
            base_url=base_url,
            locale=mail.locale,
            reply_to=mail.reply_to,
            logo_url=mail.logo_url,
            support=mail.support_address,
        )


def _aad(id_: str) -> bytes:
    return b"notify_mail:" + id_.encode()
