"""What crosses notify's door: a mail to send, a sealed one, and what the mailbox shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

Audience: TypeAlias = Literal["player", "operator"]
State: TypeAlias = Literal["waiting", "sent", "failed", "mailbox"]

LIFE = timedelta(days=3)
"""What is not handed over by then is given up: nobody wants an old link, and secrets must go."""
RETRIES = tuple(
    timedelta(seconds=seconds)
    for seconds in (30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
)
"""How long a mail waits after each try that failed; after one more it is given up."""
MAILBOX_DAYS = 7
MAILBOX_MESSAGES = 1_000
"""A test tenant's mailbox keeps no message longer, and no more than the newest of these."""
KEPT_DAYS = 30
"""How long it is known that a mail was sent or failed, so that its key sends no second one."""
MAX_VALUE = 2_000
"""Characters of a value of a mail."""
MAX_ROWS_VALUE = 16_000
"""Characters of a value that is rows under each other."""
MAX_KEY = 200


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as a room wants it sent.

    `values` are those that the template declares, one line each; a name that ends in `rows` may
    have many, which stand under each other. The value of a name that ends in
    `link` is a path such as `/reset?token=...`: the tenant's configured address is put before it.
    `locale` is the reader's language (`ru`, `ru-RU`), the tenant's where it is None or unknown.
    Of several mails with one `template` and `key` the first is sent. `expires_at` is when the mail
    is of no use any more, at the latest after LIFE.
    """

    template: str
    to: str
    values: Mapping[str, str]
    locale: str | None = None
    audience: Audience = "player"
    key: str | None = None
    expires_at: datetime | None = None


class SealedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that was checked and sealed: what `queue_mail` writes, in any transaction of `schema`.

    It holds no address and no value in clear.
    """

    id: str
    schema: str
    state: State
    template: str
    audience: Audience
    key: str | None
    to_hash: bytes
    sealed: bytes
    queued_at: datetime
    expires_at: datetime


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a waiting mail is, before it is rendered; sealed at rest."""

    to: str
    locale: str | None
    values: Mapping[str, str]


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A message as its reader gets it; `links` are the addresses that it asks to open."""

    subject: str
    text: str
    html: str
    links: Sequence[str]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the mailbox of a test tenant, sealed at rest."""

    to: str
    message: Rendered


class MailboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the mailbox as its reader sees it."""

    id: str
    template: str
    to: str
    sent_at: datetime
    message: Rendered


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """In whose name a message is written, and where its links lead.

    `base_url` is None where a live tenant has no address yet: messages with links wait for it.
    """

    name: str
    from_name: str
    color: str
    base_url: str | None
    locale: str
    reply_to: str | None = None
    logo_url: str | None = None
    support: str | None = None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """The result of handing a message to the mail server.

    `sent`; `refused` for good; `later`, for this message; `lost`: the connection broke, and nobody
    here can say whether the server has it; `away`: the server takes no message now, and this one
    was not tried; `unready`: the tenant lacks what this message needs. `reason` has codes of the
    server and never its words, which may hold the address.
    """

    outcome: Literal["sent", "refused", "later", "lost", "away", "unready"]
    reason: str = ""


NO_MAILBOX = Refusal(
    code="not_found",
    detail="Only a test tenant has a mailbox. A live tenant's mail goes to its readers.",
)
NO_MESSAGE = Refusal(
    code="not_found", detail="There is no such message in the mailbox, or it was kept long enough."
)
