"""Hand waiting mail to the mail server: claim in one transaction, send in none, record in another.

At least once: a worker that dies between the server's yes and the record sends again, under the
same Message-ID, by which readers' programs fold the two into one.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import shuffle

import msgspec
import structlog
from jinja2 import TemplateError

from guildbank.infra.crypto import SealBroken
from guildbank.infra.smtp import SmtpServer
from guildbank.infra.tenant import TenantRef
from guildbank.notify import store
from guildbank.notify.contracts import Letter, Posting
from guildbank.notify.letters import BadTemplate
from guildbank.notify.mailing import CONNECT_SECONDS, MESSAGE_SECONDS, Courier, compose
from guildbank.notify.rules import next_try
from guildbank.notify.store import Claimed
from guildbank.notify.usecases import Notify, Place

log = structlog.get_logger(__name__)

BATCH = 8
"""Mail that is claimed at once, and all that a killed worker delays."""
CLAIM = timedelta(seconds=BATCH * (CONNECT_SECONDS + MESSAGE_SECONDS))
"""How long a claim holds: longer than a batch takes if each message takes all of its time."""
LANES = 4
"""Tenants whose mail is sent at the same time, each on a connection of its own."""
TURN_SECONDS = 20.0
"""A tenant with much mail begins no batch after this: the others get their turn."""
RUN_SECONDS = 30.0
"""No tenant's turn begins after this, so that a worker that is told to stop can."""
PAUSE = timedelta(minutes=1)
"""When mail is looked at again that was not tried, because a setting or the server was missing."""


class _Away:
    """Whether the mail server, which all tenants share, was found to take nothing now."""

    def __init__(self) -> None:
        self.reason = ""


async def send_due(notify: Notify, tenants: Sequence[TenantRef | None]) -> None:
    """Send what is due of these tenants (None: the deployment), some at a time.

    A tenant's trouble stops its own turn; a server that takes nothing stops all, until next time.
    """
    if notify.smtp is None or notify.sender is None:
        return
    waiting, away = list(tenants), _Away()
    # A run may end before all had their turn: none is always among the last.
    shuffle(waiting)
    loop = asyncio.get_running_loop()
    ends = loop.time() + RUN_SECONDS

    async def lane(server: SmtpServer, sender: str) -> None:
        while waiting and not away.reason and loop.time() < ends:
            tenant = waiting.pop()
            try:
                await _turn(notify, tenant, Courier(server, sender), away)
            except Exception as error:  # the next run tries again
                log.warning("mail_turn_failed", tenant=_name(tenant), error=repr(error))

    async with asyncio.TaskGroup() as lanes:
        for _ in range(min(LANES, len(waiting))):
            lanes.create_task(lane(notify.smtp, notify.sender))
    if away.reason:
        log.warning("mail_server_away", reason=away.reason)


async def _turn(notify: Notify, tenant: TenantRef | None, courier: Courier, away: _Away) -> None:
    place = await notify.place(tenant)
    loop = asyncio.get_running_loop()
    ends = loop.time() + TURN_SECONDS
    try:
        while not away.reason:
            now = notify.clock.now()
            async with notify.db.begin(place.schema) as tx:
                batch = await store.claim(tx.driver, now, now + CLAIM, BATCH)
            if not await _send_batch(notify, place, courier, batch, away):
                return
            if len(batch) < BATCH or loop.time() > ends:
                return
    finally:
        await courier.close()


async def _send_batch(
    notify: Notify, place: Place, courier: Courier, batch: Sequence[Claimed], away: _Away
) -> bool:
    """Send claimed mail one by one; False when the connection is of no use for more."""
    for number, mail in enumerate(batch):
        posting = await _send(notify, place, courier, mail)
        if posting.outcome == "away":
            away.reason = posting.reason
            at = notify.clock.now() + PAUSE
            await _release(notify, place, batch[number:], at, posting.reason)
            return False
        await _record(notify, place, mail, posting)
        if posting.outcome == "lost":
            # What stands behind one slow reader is the first to go next time.
            at = notify.clock.now()
            await _release(notify, place, batch[number + 1 :], at, posting.reason)
            return False
    return True


async def _send(notify: Notify, place: Place, courier: Courier, mail: Claimed) -> Posting:
    try:
        letter = msgspec.json.decode(place.open(mail.id, mail.sealed), type=Letter)
        brand = place.brand_for(mail.audience)
        if brand.base_url is None and notify.letters.has_links(mail.template):
            return Posting(outcome="unready", reason="the tenant has no public address for links")
        message = notify.letters.render(mail.template, letter.locale, letter.values, brand)
        now, sender = notify.clock.now(), str(notify.sender)
        composed = compose(mail.id, letter.to, sender, message, brand, now)
    except (BadTemplate, LookupError, TemplateError, ValueError, SealBroken) as error:
        # No try will end otherwise. The error's words may hold a value.
        return Posting(outcome="refused", reason=f"it cannot be written ({type(error).__name__})")
    return await courier.hand_over(letter.to, composed)


async def _record(notify: Notify, place: Place, mail: Claimed, posting: Posting) -> None:
    now = notify.clock.now()
    again = next_try(mail.attempts, now)
    async with notify.db.begin(place.schema) as tx:
        if posting.outcome == "sent":
            await store.end(tx.driver, mail, "sent", None, now)
        elif posting.outcome == "unready":
            await store.release(tx.driver, mail, now + PAUSE, posting.reason)
        elif posting.outcome == "refused" or again is None:
            await store.end(tx.driver, mail, "failed", posting.reason, now)
        else:
            await store.put_off(tx.driver, mail, again, posting.reason)
    if posting.outcome not in ("sent", "unready"):
        log.warning(
            "mail_not_sent",
            mail=mail.id,
            template=mail.template,
            outcome=posting.outcome,
            attempts=mail.attempts,
            reason=posting.reason,
        )


async def _release(
    notify: Notify, place: Place, mails: Sequence[Claimed], at: datetime, reason: str
) -> None:
    """Give back what was claimed and not tried, to be looked at again then."""
    if not mails:
        return
    async with notify.db.begin(place.schema) as tx:
        for mail in mails:
            await store.release(tx.driver, mail, at, reason)


def _name(tenant: TenantRef | None) -> str:
    return "the deployment" if tenant is None else tenant.slug
