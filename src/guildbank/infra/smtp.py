"""The address of a mail server as one setting, read strictly so that mistakes show at the start."""

from typing import Literal, TypeAlias, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from guildbank.kernel import is_loopback

Tls: TypeAlias = Literal["starttls", "tls", "none"]
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
FORM = "smtp://user:password@host:587?tls=starttls"


class BadSmtpUrl(ValueError):
    """The setting cannot be used; the message says why and never holds the password."""


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed over, how the connection is protected, and who signs in (or nobody)."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, tls={self.tls})"


def parse_smtp_url(url: str) -> SmtpServer:
    """Return the server that a URL such as `smtp://user:password@host:587?tls=starttls` names.

    `tls` is `starttls` (the default), `tls` (from the first byte) or `none`; the port follows from
    it unless it is given: 587, 465, 25. User and password are percent-encoded. A password without
    TLS is refused unless the server is on this machine. Raises BadSmtpUrl.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        options = parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError:
        raise BadSmtpUrl(f"is not of the form {FORM}; encode special characters as %XX") from None
    if parts.scheme != "smtp" or not parts.hostname or parts.path not in ("", "/"):
        raise BadSmtpUrl(f"is not of the form {FORM}")
    if parts.fragment or [name for name, _ in options] not in ([], ["tls"]):
        raise BadSmtpUrl("has no other option than `tls`; encode special characters as %XX")
    tls = options[0][1] if options else "starttls"
    if tls not in get_args(Tls):
        raise BadSmtpUrl("has a `tls` that is not starttls, tls or none")
    if (parts.username is None) != (parts.password is None) or parts.username == "":
        raise BadSmtpUrl("needs a user and a password, or neither")
    if tls == "none" and parts.password and not is_loopback(parts.hostname):
        raise BadSmtpUrl("would send the password in clear: take tls=starttls or tls=tls")
    return SmtpServer(
        host=parts.hostname,
        port=port or _PORTS[tls],
        tls=cast("Tls", tls),
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )
