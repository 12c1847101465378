"""Routes by which the mailbox of a test tenant is read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get
from litestar.params import PathParameter, QueryParameter

from guildbank.infra.http import (
    After,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.infra.http.schema import LINE_PATTERN
from guildbank.kernel import MAX_ADDRESS
from guildbank.notify.contracts import MailboxMessage
from guildbank.notify.usecases import Notify
from guildbank.notify.usecases.read_mailbox import list_mailbox, read_message

Parts = Service[Notify]
READ = "mailbox:read"
TAGS: Sequence[str] = ["Mailbox"]
MailId = Annotated[str, PathParameter(description="The message's id.", max_length=90)]
To = Annotated[
    str | None,
    QueryParameter(
        name="to",
        min_length=1,
        max_length=MAX_ADDRESS,
        pattern=LINE_PATTERN,
        description="Messages to this address alone.",
    ),
]


class MailboxMessageView(View):
    """A message that a player of a test tenant would have got."""

    __example__: ClassVar = {
        "id": "mail_01kag3pyqmf9aag12vtrsy70ps",
        "to": "alice@game.example",
        "subject": "Choose a new password for Moonlit Games",
        "template": "identity.reset_password",
        "text": "Someone asked to choose a new password...",
        "html": "<!doctype html>...",
        "links": ["https://play.moonlit.example/reset?token=..."],
    }

    id: str
    to: str
    subject: str
    template: str
    sent_at: datetime
    text: str
    html: str
    links: Sequence[str]


@get("/v1/mailbox", guards=[scope(READ)], tags=TAGS, summary="List the mailbox")
async def list_all(
    notify: Parts, caller: Who, limit: Limit = 50, after: After = None, to: To = None
) -> Page[MailboxMessageView]:
    """List what a test tenant's players were sent, the newest first. A live one has no mailbox."""
    position = decode_cursor(after, [str])
    before = str(position[0]) if position else None
    found = granted(await list_mailbox(notify, caller.home, before, limit + 1, to))
    page = found[:limit]
    more = encode_cursor([page[-1].id]) if len(found) > limit else None
    return Page([_view(one) for one in page], more)


@get("/v1/mailbox/{mail_id:str}", guards=[scope(READ)], tags=TAGS, summary="Read a message")
async def read(notify: Parts, caller: Who, mail_id: MailId) -> MailboxMessageView:
    """Return a message of a test tenant's mailbox."""
    return _view(granted(await read_message(notify, caller.home, mail_id)))


def _view(one: MailboxMessage) -> MailboxMessageView:
    return MailboxMessageView(
        id=one.id,
        to=one.to,
        subject=one.message.subject,
        template=one.template,
        sent_at=one.sent_at,
        text=one.message.text,
        html=one.message.html,
        links=one.message.links,
    )


ROUTES = (list_all, read)
