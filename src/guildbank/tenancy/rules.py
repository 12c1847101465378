"""Which names a tenant may have, the schema that follows, and the hosts that lead to it."""

import re
from collections.abc import Sequence

from guildbank.kernel import Refusal

MAX_SLUG = 40
MAX_HOST = 253
_SLUG = re.compile(r"[a-z](?:-?[a-z0-9])+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

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
