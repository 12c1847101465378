"""Which names, hosts and settings a tenant may have, and the schema that follows from its name."""

import re
from collections.abc import Iterator, Sequence
from typing import get_args
from urllib.parse import urlsplit

from guildbank.kernel import Refusal, has_control, is_loopback, parse_address
from guildbank.tenancy.contracts import (
    GuardedAction,
    Locale,
    MailSettings,
    Mode,
    PasskeySettings,
    SecondFactor,
    TenantSettings,
)

MAX_SLUG = 40
MAX_HOST = 253
MAX_URL = 500
MAX_LINE = 200
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_URL = re.compile(r"[!-~]+")
_SLUG = re.compile(r"[a-z](?:-?[a-z0-9])+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

RESERVED = frozenset(
    (
        "admin", "api", "app", "assets", "auth", "billing", "cdn", "console", "dashboard",
        "deployment", "docs", "download", "ftp", "gateway", "graphql", "guildbank", "health",
        "help", "host",
        "internal", "localhost", "login", "mail", "metrics", "ns1", "ns2", "oauth", "ops",
        "portal", "public", "root", "security", "smtp", "static", "status", "support",
        "system", "v1", "webhooks", "www",
    )
)  # fmt: skip
"""Host names that a deployment or its mail needs for itself."""

MAX_ORIGINS = 50
MAX_ORIGIN = 255
_ORIGIN = re.compile(
    r"(https?)://((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:]+\])"
    r"(?::([1-9][0-9]{0,4}))?"
)
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def is_slug(text: str) -> bool:
    """Say whether the text has the form of a slug; no tenant has another."""
    return 2 <= len(text) <= MAX_SLUG and _SLUG.fullmatch(text) is not None


def check_slug(slug: str) -> Refusal | None:
    """Return why `slug` cannot name a tenant (`invalid_value`, `slug_reserved`), else None.

    2 to 40 of a-z, 0-9 and hyphen; begins with a letter; no double or trailing hyphen, so that
    it is a host name (RFC 1123) and a schema name at once.
    """
    if not is_slug(slug):
        return Refusal(
            code="invalid_value",
            detail=(
                f"A slug has 2 to {MAX_SLUG} of a-z, 0-9 and '-', begins with a letter, "
                "and has no double or trailing hyphen."
            ),
            field="slug",
        )
    if slug in RESERVED:
        return Refusal(code="slug_reserved", detail=f"The slug {slug!r} is reserved.", field="slug")
    return None


def schema_of(slug: str) -> str:
    """Return the schema of a tenant; slugs have no underscore, so no two share one."""
    return f"t_{slug.replace('-', '_')}"


def read_host(text: str) -> str | None:
    """Return the name of a Host header (RFC 9110, section 7.2) without its port, in lower case.

    None for what is no host name; an international name has its ASCII form (`xn--...`). An IPv6
    address keeps its brackets off.
    """
    if len(text) > MAX_HOST + 8 or not text.isascii():
        return None
    name = text.lower()
    if name.startswith("["):
        inner, bracket, port = name[1:].partition("]")
        return inner if bracket and (not port or port.removeprefix(":").isdecimal()) else None
    name, colon, port = name.partition(":")
    if colon and port and not port.isdecimal():
        return None
    name = name.removesuffix(".")
    return name if len(name) <= MAX_HOST and _HOST.fullmatch(name) else None


def check_hosts(hosts: Sequence[str]) -> Refusal | None:
    """Return why one of these cannot lead to a tenant (`invalid_value`), else None."""
    for at, host in enumerate(hosts):
        if read_host(host) != host or "." not in host:
            return Refusal(
                code="invalid_value",
                detail=f"{host[:80]!r} is not a host name such as shop.example.com.",
                field=f"hosts.{at}",
            )
    return None


def check_name(name: str) -> Refusal | None:
    """Return `invalid_value` for a name that is not one line: it stands in the head of mail."""
    if 1 <= len(name) <= MAX_LINE and not has_control(name):
        return None
    return _invalid(f"A name is one line of 1 to {MAX_LINE} characters.", "name")


def check_settings(mode: Mode, settings: TenantSettings) -> Refusal | None:
    """Return why a tenant of this mode cannot have these settings, else None.

    Refusals: `invalid_value` and `address_invalid`, each with the field.
    """
    return next(_faults(mode, settings), None)


def changed_settings(before: TenantSettings, after: TenantSettings) -> list[str]:
    """Return the names of the settings that differ, such as `mail.replyTo`, never their values."""
    names = {
        **{
            _camel(name): getattr(before, name) != getattr(after, name)
            for name in TenantSettings.__struct_fields__
            if name != "mail"
        },
        **{
            f"mail.{_camel(name)}": getattr(before.mail, name) != getattr(after.mail, name)
            for name in MailSettings.__struct_fields__
        },
    }
    return [name for name, differs in names.items() if differs]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _faults(mode: Mode, settings: TenantSettings) -> Iterator[Refusal]:
    mail = settings.mail
    if (wrong := check_origins(settings.cors_origins, "settings.corsOrigins")) is not None:
        yield wrong
    if settings.second_factor not in get_args(SecondFactor):
        yield _invalid(
            "A second factor is `off`, `optional` or `required`.", "settings.secondFactor"
        )
    if not set(settings.second_factor_actions) <= set(get_args(GuardedAction)):
        yield _invalid("One of these is no action.", "settings.secondFactorActions")
    if settings.passkeys is not None:
        yield from _passkey_faults(mode, settings.passkeys)
    yield from _url_faults(mode, settings.public_url, "settings.publicUrl", bare=True)
    yield from _url_faults(mode, mail.logo_url, "settings.mail.logoUrl")
    for text, field in (
        (mail.from_name, "settings.mail.fromName"),
        (mail.brand_name, "settings.mail.brandName"),
    ):
        if text is not None and not (1 <= len(text) <= MAX_LINE and not has_control(text)):
            yield _invalid(f"A name is one line of 1 to {MAX_LINE} characters.", field)
    for address, field in (
        (mail.reply_to, "settings.mail.replyTo"),
        (mail.support_address, "settings.mail.supportAddress"),
    ):
        found = None if address is None else parse_address(address, field)
        if isinstance(found, Refusal):
            yield found
    if not _COLOR.fullmatch(mail.brand_color):
        yield _invalid("A colour is written as #rrggbb.", "settings.mail.brandColor")
    if mail.locale not in get_args(Locale):
        yield _invalid("Mail is written in `en` or `ru`.", "settings.mail.locale")


def _passkey_faults(mode: Mode, passkeys: PasskeySettings) -> Iterator[Refusal]:
    """Yield why browsers, or we, would not take this relying party and these origins."""
    rp_id, field = passkeys.rp_id, "settings.passkeys.rpId"
    local = is_local_name(rp_id)
    if read_host(rp_id) != rp_id or _is_address(rp_id) or ("." not in rp_id and not local):
        yield _invalid(
            "Passkeys belong to a host name in lower case, such as play.example.com, and never to "
            "an IP address.",
            field,
        )
    elif local and mode != "test":
        yield _invalid("Only a test tenant's passkeys may belong to this machine.", field)
    if not 1 <= len(passkeys.origins) <= MAX_ORIGINS:
        yield _invalid(
            f"Name 1 to {MAX_ORIGINS} origins that may ask for a passkey.",
            "settings.passkeys.origins",
        )
    for at, origin in enumerate(passkeys.origins):
        found, field = _ORIGIN.fullmatch(origin), f"settings.passkeys.origins.{at}"
        why = _wrong(origin, local_names=True)
        if why is not None or found is None:
            yield _invalid(why or "This is no origin.", field)
        elif not is_within(found[2], rp_id):
            yield _invalid(f"{origin} is not of the host {rp_id}, nor of one below it.", field)


def is_within(host: str, outer: str) -> bool:
    """Say whether a host is `outer` or lies below it, as `play.example.com` in `example.com`."""
    return host == outer or host.endswith(f".{outer}")


def shares_passkeys(rp_id: str, other: str) -> bool:
    """Say whether pages of one of these hosts could ask for passkeys of the other.

    A page may name its own host or one above it that can be registered (WebAuthn, section 5.1.3),
    which `localhost` is not, while names below it are.
    """
    if "localhost" in (rp_id, other):
        return rp_id == other
    return is_within(rp_id, other) or is_within(other, rp_id)


def is_local_name(host: str) -> bool:
    """Say whether a name leads to this machine in every browser (RFC 6761, section 6.3)."""
    return is_within(host, "localhost")


def _is_address(host: str) -> bool:
    # Browsers read a name whose last label is a number as an IPv4 address (WHATWG URL).
    return ":" in host or host.rpartition(".")[2].isdecimal()


def _url_faults(
    mode: Mode, url: str | None, field: str, *, bare: bool = False
) -> Iterator[Refusal]:
    """Yield what is wrong with an address that readers of mail open; a bare one is joined to."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or len(url) > MAX_URL or not _URL.fullmatch(url) or "\\" in url or "@" in url:
        yield _invalid(
            f"An address is like https://play.example, without a user, at most {MAX_URL} "
            "characters of ASCII.",
            field,
        )
        return
    if parts.scheme != "https" and not (
        mode == "test" and parts.scheme == "http" and is_loopback(host)
    ):
        yield _invalid(
            "An address begins with https://. A test tenant may also take http:// for this "
            "machine, such as http://localhost:3000.",
            field,
        )
    if bare and (parts.query or parts.fragment or url.endswith(("/", "?", "#"))):
        yield _invalid(
            "Links are joined to this address: write it without `?`, `#` and a slash at its end.",
            field,
        )


def _invalid(detail: str, field: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field=field)


def check_origins(origins: Sequence[str], field: str) -> Refusal | None:
    """Return why a tenant cannot list these origins (`invalid_value`), else None.

    An origin is written as browsers send it (RFC 6454, section 6.2): lower case, no path, no port
    that is the scheme's own, no wildcard.
    """
    for index, origin in enumerate(origins):
        why = _wrong(origin)
        if why is not None:
            return Refusal(code="invalid_value", detail=why, field=f"{field}.{index}")
    return None


def _wrong(origin: str, *, local_names: bool = False) -> str | None:
    found = _ORIGIN.fullmatch(origin)
    if found is None or len(origin) > MAX_ORIGIN:
        return (
            f"{origin[:80]!r} is no exact origin. Write it as https://game.example, in lower case, "
            "without a path, a slash at the end or a wildcard."
        )
    scheme, host, port = found.groups()
    if port == _DEFAULT_PORTS[scheme] or (port is not None and int(port) > 65_535):
        return f"{origin[:80]!r} has a port that browsers do not send. Leave it out."
    local = host in _LOOPBACK or (local_names and is_local_name(host))
    if scheme == "http" and not local:
        return f"{origin[:80]!r} is not https. Only localhost, 127.0.0.1 and [::1] may be http."
    return None
