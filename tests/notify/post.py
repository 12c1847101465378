"""A deployment that sends mail, for tests: tenants, mail to queue, a mail server to send it to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from tests.servers.smtp import SmtpServer
from tests.studio import City

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.smtp import parse_smtp_url
from guildbank.kernel import FixedClock, Refusal
from guildbank.notify import Mail, Notify, SealedMail, queue_mail, seal_mail
from guildbank.notify.usecases.send import send_due
from guildbank.notify.usecases.tidy import tidy
from guildbank.tenancy import MailSettings, TenantRef, TenantSettings, create_tenant
from guildbank.tenancy.contracts import Mode

SENDER = "bank@guildbank.test"
TOKEN = "s3cretT0ken"
_numbers = count(1)


def reset(to: str = "alice@player.test", **more: Any) -> Mail:
    """Return a mail with a secret link in it."""
    given = {"values": {"link": f"/reset?token={TOKEN}"}, **more}
    return Mail(template="identity.reset_password", to=to, **given)


def invitation(to: str = "olga@studio.test", **more: Any) -> Mail:
    """Return a mail to an operator."""
    values = {"link": f"/join?token={TOKEN}", "inviter": "Ivan", "role": "support"}
    return Mail(
        template="identity.operator_invitation", to=to, values=values, audience="operator", **more
    )


@dataclass
class Post:
    """The notify room of a city over a clock that a test moves."""

    city: City
    clock: FixedClock
    notify: Notify

    async def tenant(self, mode: Mode = "live", **settings: Any) -> TenantRef:
        """Create a tenant with a public address."""
        given = {"public_url": "https://play.moonlit.test", **settings}
        slug = f"post-{next(_numbers)}"
        made = await create_tenant(
            self.city.services.tenancy, slug, "Moonlit Games", mode, TenantSettings(**given)
        )
        assert not isinstance(made, Refusal), made
        return made.ref

    async def branded(self, **mail: Any) -> TenantRef:
        """Create a live tenant whose mail looks like this."""
        return await self.tenant(mail=MailSettings(**mail))

    async def sealed(self, tenant: TenantRef | None, mail: Mail) -> SealedMail:
        sealed = await seal_mail(self.notify, tenant, mail, self.clock.now())
        assert not isinstance(sealed, Refusal), sealed
        return sealed

    async def queue(self, tenant: TenantRef | None, mail: Mail) -> str:
        """Queue a mail in a transaction of its own."""
        sealed = await self.sealed(tenant, mail)
        async with self.notify.db.begin(sealed.schema) as tx:
            return await queue_mail(tx, sealed)

    def by(self, server: SmtpServer, options: str = "tls=none", login: str = "") -> Notify:
        """Return the room with this mail server configured."""
        smtp = parse_smtp_url(server.url(options, login))
        return replace(self.notify, smtp=smtp, sender=SENDER)

    async def send(self, server: SmtpServer, *tenants: TenantRef | None) -> None:
        """Do what the job does, for these tenants."""
        await send_due(self.by(server), tenants)

    async def tidy(self, *tenants: TenantRef | None) -> None:
        await tidy(self.notify, tenants)

    async def row(self, tenant: TenantRef | None, mail_id: str) -> Mapping[str, Any]:
        """Return a mail as the database keeps it."""
        async with self.notify.db.begin(tenant.schema if tenant else CONTROL_SCHEMA) as tx:
            found = await tx.driver.fetchrow("SELECT * FROM notify_mail WHERE id = $1", mail_id)
        assert found is not None
        return dict(found)

    async def state(self, tenant: TenantRef | None, mail_id: str) -> str:
        return str((await self.row(tenant, mail_id))["state"])

    async def count(self, tenant: TenantRef) -> int:
        """Return how many mails the tenant has."""
        async with self.notify.db.begin(tenant.schema) as tx:
            return int(await tx.driver.fetchval("SELECT count(*) FROM notify_mail"))

    def wait(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
