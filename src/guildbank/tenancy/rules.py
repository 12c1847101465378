"""Which names a tenant may have, and the schema that follows from its name."""

import re

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
