"""Delivers messages to addresses, and knows no product.

A room declares its mail as `MailTemplate`s of its `Room`, keeps their texts in its folder `mails`,
and sends in two steps, so that the fact and its mail commit together::

    sealed = await seal_mail(notify, tenant, Mail(template=..., to=..., values=...), now)
    # sealed may be a Refusal: address_invalid, control_character, out_of_range, invalid_value
    async with db.begin(tenant.schema) as tx:
        ...
        await queue_mail(tx, sealed)

An act of the journal puts it on the shelf `OUTGOING` instead.
"""

from guildbank.notify.contracts import Audience, Mail, MailboxMessage, SealedMail
from guildbank.notify.letters import LOCALES, BadTemplate, Letters
from guildbank.notify.mailing import try_server
from guildbank.notify.store import OUTGOING
from guildbank.notify.usecases import Notify, TenantGone
from guildbank.notify.usecases.queue import address_hashes, queue_mail, seal_mail
from guildbank.notify.usecases.read_mailbox import list_mailbox, read_message

__all__ = [
    "LOCALES",
    "OUTGOING",
    "Audience",
    "BadTemplate",
    "Letters",
    "Mail",
    "MailboxMessage",
    "Notify",
    "SealedMail",
    "TenantGone",
    "address_hashes",
    "list_mailbox",
    "queue_mail",
    "read_message",
    "seal_mail",
    "try_server",
]
