"""Tell a tenant's people of trouble once when it begins and once when it ends."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import structlog

from guildbank.identity import Identity, holders_of
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.ledger import watch
from guildbank.notify import Mail, SealedMail, queue_mail, seal_mail

log = structlog.get_logger(__name__)
SYSTEM = "system"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Trouble that begins and ends: `begins` and `ends` name the entry and the mail of each.

    Those are told who have the `permission`. The mails take the values of what is told, `time`
    and `link`.
    """

    name: str
    begins: str
    ends: str
    permission: str


async def begin_alarm(
    identity: Identity,
    tenant: TenantRef,
    alarm: Alarm,
    told: Mapping[str, object],
    values: Mapping[str, str],
) -> bool:
    """Mark the trouble, write its entry and its mails in one commit; False where it was told.

    `told` is what the entry says for ever: ids and numbers, no words of people.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        if await watch.raised_at(tx.driver, alarm.name) is not None:
            return False
    now = identity.clock.now()
    mails = await _mails(identity, tenant, alarm, alarm.begins, values, now)
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        if not await watch.raise_alarm(tx.driver, alarm.name, now):
            return False
        for mail in mails:
            await queue_mail(tx, mail)
        await recorder.record(tx, SYSTEM, alarm.begins, told)
    return True


async def end_alarm(
    identity: Identity,
    tenant: TenantRef,
    alarm: Alarm,
    told: Mapping[str, object],
    values: Mapping[str, str],
) -> bool:
    """Take the mark away, and tell that the trouble is over; False where there was none."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        if await watch.raised_at(tx.driver, alarm.name) is None:
            return False
    now = identity.clock.now()
    mails = await _mails(identity, tenant, alarm, alarm.ends, values, now)
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        if await watch.end_alarm(tx.driver, alarm.name) is None:
            return False
        for mail in mails:
            await queue_mail(tx, mail)
        await recorder.record(tx, SYSTEM, alarm.ends, told)
    return True


async def _mails(
    identity: Identity,
    tenant: TenantRef,
    alarm: Alarm,
    template: str,
    values: Mapping[str, str],
    now: datetime,
) -> list[SealedMail]:
    """Return the mails to all who may do something about it."""
    shown = {
        **values,
        "time": f"{now:%Y-%m-%d %H:%M} UTC",
        "link": f"/operator?tenant={tenant.slug}",
    }
    mails = []
    for operator in await holders_of(identity, tenant, alarm.permission):
        mail = Mail(template=template, to=operator.address, values=shown, audience="operator")
        sealed = await seal_mail(identity.notify, tenant, mail, now)
        if isinstance(sealed, Refusal):
            # One who cannot be written to keeps nobody else from being told.
            log.error("alarm_not_mailed", operator=operator.id, code=sealed.code)
        else:
            mails.append(sealed)
    return mails
