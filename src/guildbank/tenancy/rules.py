"""Which names a tenant may have, the schema that follows, and which pages may call for it."""

import re
from collections.abc import Sequence

from guildbank.kernel import Refusal

MAX_SLUG = 40
_SLUG = re.compile(r"[a-z](?:-?[a-z0-9])+")

RESERVED = frozenset(
    (
        "admin", "api", "app", "assets", "auth", "billing", "cdn", "console", "dashboard",
        "docs", "download", "ftp", "gateway", "graphql", "guildbank", "health", "help", "host",
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


def _wrong(origin: str) -> str | None:
    found = _ORIGIN.fullmatch(origin)
    if found is None or len(origin) > MAX_ORIGIN:
        return (
            f"{origin[:80]!r} is no exact origin. Write it as https://game.example, in lower case, "
            "without a path, a slash at the end or a wildcard."
        )
    scheme, host, port = found.groups()
    if port == _DEFAULT_PORTS[scheme] or (port is not None and int(port) > 65_535):
        return f"{origin[:80]!r} has a port that browsers do not send. Leave it out."
    if scheme == "http" and host not in _LOOPBACK:
        return f"{origin[:80]!r} is not https. Only localhost, 127.0.0.1 and [::1] may be http."
    return None
