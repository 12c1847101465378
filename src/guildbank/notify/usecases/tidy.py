"""Give up mail that is of no use any more, and forget what was kept long enough."""

from collections import Counter
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
    now, place = notify.clock.now(), await notify.place(tenant)
    expired: Counter[tuple[str, str]] = Counter()
    while True:
        async with notify.db.begin(place.schema) as tx:
            some = await store.expire(tx.driver, now, AT_ONCE)
        expired.update((mail.template, mail.reason) for mail in some)
        if len(some) < AT_ONCE:
            break
    async with notify.db.begin(place.schema) as tx:
        await store.forget_ended(tx.driver, now - timedelta(days=KEPT_DAYS))
        await store.empty_mailbox(tx.driver, now - timedelta(days=MAILBOX_DAYS), MAILBOX_MESSAGES)
    for (template, reason), count in expired.items():
        log.warning(
            "mail_expired", schema=place.schema, template=template, reason=reason, count=count
        )
