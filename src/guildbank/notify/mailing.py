"""Messages as mail servers take them (RFC 5322), and the client that hands them over."""

import asyncio
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib
from aiosmtplib import (
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from guildbank.infra.smtp import SmtpServer
from guildbank.kernel import parse_address
from guildbank.notify.contracts import Brand, Posting, Rendered
from guildbank.notify.rules import reply_codes

CONNECT_SECONDS = 10.0
"""Time to connect, to begin TLS and to sign in."""
MESSAGE_SECONDS = 20.0
"""Time to hand one message over."""
QUIT_SECONDS = 2.0

# Text that is not ASCII travels encoded, so that no server on the way need know 8BITMIME.
_POLICY = SMTP_POLICY.clone(cte_type="7bit")
# A host's name that cannot be one is a UnicodeError.
_TROUBLE = (SMTPException, OSError, TimeoutError, UnicodeError)


def compose(
    id_: str, to: str, sender: str, message: Rendered, brand: Brand, now: datetime
) -> EmailMessage:
    """Return the message with a Message-ID that is the same each time that it is sent.

    Raises ValueError where a header would hold a line break, which no checked value does.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = f"<{id_}@{sender.rpartition('@')[2]}>"
    mail["Date"] = format_datetime(now)
    mail["From"] = Address(display_name=brand.from_name, addr_spec=sender)
    mail["To"] = Address(addr_spec=to)
    reply_to = None if brand.reply_to is None else parse_address(brand.reply_to)
    if isinstance(reply_to, str):
        mail["Reply-To"] = Address(addr_spec=reply_to)
    mail["Subject"] = message.subject
    # No out-of-office answer is wanted (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


class Courier:
    """One connection to the mail server, opened when it is first needed and used again."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._client: aiosmtplib.SMTP | None = None

    async def hand_over(self, to: str, mail: EmailMessage) -> Posting:
        """Send a message and say what became of it; raises nothing that a server can cause."""
        try:
            client = await self._connected()
        except _TROUBLE as error:
            return Posting(outcome="away", reason=_away(error))
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                await client.sendmail(self._sender, [to], mail.as_bytes())
        except SMTPSenderRefused as error:
            # It would refuse every message alike: a setting is wrong, and no mail is lost by that.
            reason = f"the server refused the sender: {reply_codes(error.code, error.message)}"
            return Posting(outcome="away", reason=reason)
        except SMTPRecipientsRefused as error:
            return _answered("the recipient", error.recipients[0])
        except SMTPResponseException as error:
            return _answered("the message", error)
        except _TROUBLE as error:
            await self.close()
            return Posting(outcome="lost", reason=f"the connection failed ({type(error).__name__})")
        return Posting(outcome="sent")

    async def close(self) -> None:
        """Take leave of the server, or leave without where it does not listen."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(*_TROUBLE):
            async with asyncio.timeout(QUIT_SECONDS):
                await client.quit()
        client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None or not self._client.is_connected:
            self._client = await connect(self._server, self._sender)
        return self._client


async def connect(server: SmtpServer, sender: str) -> aiosmtplib.SMTP:
    """Return a client that is connected, protected and signed in as the setting says."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        # Else it asks name servers for this machine's own name.
        local_hostname=sender.rpartition("@")[2],
        timeout=CONNECT_SECONDS,
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect()
    except BaseException:
        client.close()
        raise
    return client


async def try_server(server: SmtpServer, sender: str) -> str | None:
    """Connect, sign in and leave; return what is wrong, None when all is well."""
    try:
        client = await connect(server, sender)
    except _TROUBLE as error:
        return _away(error)
    with suppress(*_TROUBLE):
        await client.quit()
    client.close()
    return None


def _answered(what: str, error: SMTPResponseException) -> Posting:
    reason = f"the server refused {what}: {reply_codes(error.code, error.message)}"
    return Posting(outcome="refused" if error.code >= 500 else "later", reason=reason)


def _away(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        what = "to sign in" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "us"
        return f"the server refused {what}: {reply_codes(error.code, error.message)}"
    return f"the server cannot be reached ({type(error).__name__})"
