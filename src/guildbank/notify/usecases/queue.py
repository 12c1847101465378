"""Queue a mail: check and seal it first, then write it in the transaction of the fact it tells."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id, parse_address
from guildbank.notify import store
from guildbank.notify.contracts import MAX_KEY, Kept, Letter, Mail, SealedMail
from guildbank.notify.rules import check_values, expiry, in_mailbox
from guildbank.notify.usecases import Notify, Place


async def seal_mail(
    notify: Notify, tenant: TenantRef | None, mail: Mail, now: datetime
) -> SealedMail | Refusal:
    """Return the mail ready to be queued; None is the deployment, which writes to operators alone.

    Not inside a transaction: it may need a connection of its own for the tenant's key. In a test
    tenant a player's mail is rendered here, since the mailbox is where it ends. Refusals, with the
    field `to` or `values.<name>`: `address_invalid`, `control_character`, `out_of_range`,
    `invalid_value`. Raises TenantGone, and LookupError or ValueError for what is a defect of the
    caller: a template, a set of values or a key that cannot be.
    """
    notify.letters.expect(mail.template, mail.values)
    if tenant is None and mail.audience != "operator":
        raise ValueError("the deployment has no players to write to")
    if mail.key is not None and not 1 <= len(mail.key) <= MAX_KEY:
        raise ValueError(f"a mail's key has 1 to {MAX_KEY} characters")
    to = parse_address(mail.to)
    if isinstance(to, Refusal):
        return to
    wrong = check_values(mail.values)
    if wrong is not None:
        return wrong
    place, id_ = await notify.place(tenant), new_id("mail")
    boxed = in_mailbox(mail.audience, place.mode)
    plain = _boxed(notify, place, mail, to) if boxed else _letter(mail, to)
    return SealedMail(
        id=id_,
        schema=place.schema,
        state="mailbox" if boxed else "waiting",
        template=mail.template,
        audience=mail.audience,
        key=mail.key,
        to_hash=place.hash_of(to),
        sealed=place.seal(id_, plain),
        queued_at=now,
        expires_at=expiry(mail, now),
    )


async def address_hashes(
    notify: Notify, tenant: TenantRef, addresses: Sequence[str]
) -> list[bytes]:
    """Return what the mails to these addresses are found by. Not inside a transaction."""
    place = await notify.place(tenant)
    read = [parse_address(one) for one in addresses]
    return [place.hash_of(one) for one in read if not isinstance(one, Refusal)]


async def queue_mail(tx: Tx, mail: SealedMail) -> str:
    """Write the mail in the caller's transaction, which sees the mail's schema; return its id.

    Where a mail of its template and key is there already, that one's id is returned and nothing is
    written. It is sent, or seen in the mailbox, once the transaction has committed.
    """
    return await store.add_mail(tx.driver, mail)


def _letter(mail: Mail, to: str) -> bytes:
    return msgspec.json.encode(Letter(to=to, locale=mail.locale, values=dict(mail.values)))


def _boxed(notify: Notify, place: Place, mail: Mail, to: str) -> bytes:
    message = notify.letters.render(mail.template, mail.locale, mail.values, place.brand)
    return msgspec.json.encode(Kept(to=to, message=message))
