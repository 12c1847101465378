"""Reads who a person is from standard claims (OpenID Connect Core 1.0, section 5.1)."""

from collections.abc import Mapping
from typing import Any

from guildbank.plugin_api import ExternalIdentity


def person(issuer: str, subject: str, claims: Mapping[str, Any]) -> ExternalIdentity:
    """Return the identity; a fact of another type than the standard's is left out."""
    email = text(claims, "email")
    return ExternalIdentity(
        issuer=issuer,
        subject=subject,
        email=email,
        # Apple writes booleans as text.
        email_verified=email is not None and claims.get("email_verified") in (True, "true"),
        name=text(claims, "name") or text(claims, "preferred_username"),
        locale=text(claims, "locale"),
        picture=text(claims, "picture"),
    )


def text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim that is a text and not empty."""
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
