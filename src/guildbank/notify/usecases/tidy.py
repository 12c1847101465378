"""Give up mail that is of no use any more, and forget what was kept long enough."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.notify import store
from guildbank.notify.contracts import KEPT_DAYS, MAILBOX_DAYS, MAILBOX_MESSAGES
from guildbank.notify.usecases import Notify

log = structlog.get_logger(__name__)
AT_ONCE = 500


async def tidy(notify: Notify, tenants: Sequence[TenantRef | None]) -> None:
    """Do it for each of these tenants (None: the deployment); one's trouble stops no other."""
    for tenant in tenants:
        try:
            await _tidy(notify, tenant)
        except Exception as error:  # the next run tries again
            name = "the deployment" if tenant is None else tenant.slug
            log.warning("mail_not_tidied", tenant=name, error=repr(error))


async def _tidy(notify: Notify, tenant: TenantRef | None) -> None:
    now, schema = notify.clock.now(), (await notify.place(tenant)).schema
    async with notify.db.begin(schema) as tx:
        expired = await store.expire(tx.driver, now, AT_ONCE)
        await store.forget_ended(tx.driver, now - timedelta(days=KEPT_DAYS))
        await store.empty_mailbox(tx.driver, now - timedelta(days=MAILBOX_DAYS), MAILBOX_MESSAGES)
    for mail in expired:
        log.warning("mail_expired", mail=mail.id, template=mail.template, reason=mail.reason)
