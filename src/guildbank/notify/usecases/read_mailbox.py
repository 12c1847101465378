"""Read the mailbox of a test tenant, as developers do who have no mail server."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_address
from guildbank.notify import store
from guildbank.notify.contracts import (
    MAILBOX_DAYS,
    NO_MAILBOX,
    NO_MESSAGE,
    Kept,
    MailboxMessage,
)
from guildbank.notify.store import Boxed
from guildbank.notify.usecases import Notify, Place


async def list_mailbox(
    notify: Notify, tenant: TenantRef, before_id: str | None, limit: int, to: str | None = None
) -> Sequence[MailboxMessage] | Refusal:
    """Return messages, the newest first, of one address where `to` is given.

    Refusals: `not_found` for a live tenant, `address_invalid`.
    """
    if tenant.mode != "test":
        return NO_MAILBOX
    address = None if to is None else parse_address(to)
    if isinstance(address, Refusal):
        return address
    place = await notify.place(tenant)
    to_hash = None if address is None else place.hash_of(address)
    async with notify.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.mailbox_page(tx.driver, _since(notify), before_id, limit, to_hash)
    return [_opened(place, one) for one in found]


async def read_message(notify: Notify, tenant: TenantRef, mail_id: str) -> MailboxMessage | Refusal:
    """Return a message of the mailbox, or `not_found`."""
    if tenant.mode != "test":
        return NO_MAILBOX
    place = await notify.place(tenant)
    async with notify.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.in_mailbox(tx.driver, _since(notify), mail_id)
    return NO_MESSAGE if found is None else _opened(place, found)


def _since(notify: Notify) -> datetime:
    return notify.clock.now() - timedelta(days=MAILBOX_DAYS)


def _opened(place: Place, one: Boxed) -> MailboxMessage:
    kept = msgspec.json.decode(place.open(one.id, one.sealed), type=Kept)
    return MailboxMessage(
        id=one.id,
        template=one.template,
        to=kept.to,
        sent_at=one.queued_at,
        message=kept.message,
    )
