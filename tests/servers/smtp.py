"""A real SMTP server (aiosmtpd) in the test's own loop, whose moods a test sets.

async with smtp_server() as server:
    server.url("tls=none")      # what GUILDBANK_SMTP_URL would be
    server.messages             # what it took
"""

import asyncio
import logging
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# The server is the other side: what it logs of the mail that it takes is not ours.
logging.getLogger("mail.log").propagate = False

USER, PASSWORD = "bank", "pass word/1"


@dataclass
class Taken:
    """A message that the server said yes to, with its envelope."""

    sender: str
    to: str
    raw: bytes
    message: EmailMessage
    encrypted: bool
    user: str | None

    def part(self, kind: str) -> str:
        """Return the `plain` or the `html` part."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


@dataclass
class SmtpServer:
    """The handler of aiosmtpd and the moods of the server."""

    port: int = 0
    messages: list[Taken] = field(default_factory=list)
    arrivals: int = 0
    """How often a message's data came, whatever was answered."""
    connections: int = 0
    refuse_sender: str | None = None
    refuse_recipients: dict[str, str] = field(default_factory=dict)
    refuse_data: str | None = None
    hang_up: bool = False
    """Close the connection in place of an answer to the data."""
    hold_before: asyncio.Event | None = None
    """The server is silent until this is set, then takes the message."""
    hold_after: asyncio.Event | None = None
    """The server takes the message and is silent until this is set."""
    slow_recipients: set[str] = field(default_factory=set)
    """Readers at whose name the server falls silent for ever."""

    def url(self, options: str, login: str = "") -> str:
        return f"smtp://{login}127.0.0.1:{self.port}?{options}"

    def to(self, address: str) -> list[Taken]:
        return [one for one in self.messages if one.to == address]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.slow_recipients:
            await asyncio.Event().wait()
        if address in self.refuse_recipients:
            return self.refuse_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.arrivals += 1
        if self.hang_up:
            assert server.transport is not None
            # A writing one, of whichever loop.
            cast("asyncio.WriteTransport", server.transport).abort()
            return "250 never heard"
        if self.refuse_data:
            return self.refuse_data
        if self.hold_before is not None:
            await self.hold_before.wait()
        assert server.transport is not None
        self._take(session, envelope, server.transport.get_extra_info("cipher") is not None)
        if self.hold_after is not None:
            await self.hold_after.wait()
        return "250 OK"

    def _take(self, session: Session, envelope: Envelope, encrypted: bool) -> None:
        raw = envelope.original_content
        assert raw is not None
        message = message_from_bytes(raw, policy=default_policy)
        assert isinstance(message, EmailMessage)
        login = session.auth_data
        user = login.login.decode() if isinstance(login, LoginPassword) else None
        for to in envelope.rcpt_tos:
            sender = str(envelope.mail_from)
            self.messages.append(Taken(sender, to, raw, message, encrypted, user))


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    good = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == good, handled=False, auth_data=data)


@asynccontextmanager
async def smtp_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False
) -> AsyncIterator[SmtpServer]:
    """Serve on a loopback port; `tls` is by STARTTLS, which is then required, or from the start."""
    handler, loop = SmtpServer(), asyncio.get_running_loop()

    def protocol() -> SMTP:
        handler.connections += 1
        with warnings.catch_warnings():
            # It cannot see that the port itself is encrypted.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            return SMTP(
                handler,
                hostname="mx.test",
                tls_context=None if implicit else tls,
                require_starttls=tls is not None and not implicit,
                auth_required=login,
                auth_require_tls=tls is not None and not implicit,
                authenticator=_authenticate if login else None,
                loop=loop,
            )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()


@asynccontextmanager
async def mute_server() -> AsyncIterator[SmtpServer]:
    """Serve a port that takes connections and never says a word."""
    handler, open_ = SmtpServer(), []

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler.connections += 1
        open_.append(writer)

    server = await asyncio.start_server(taken, "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
        for writer in open_:
            writer.close()
