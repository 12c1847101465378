"""Hooks: the studio's own server is asked before players register, sign in or get a token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

Point: TypeAlias = Literal["before_register", "before_login", "before_token"]
ClaimValue: TypeAlias = str | int | bool | list[str | int | bool] | None
Claims: TypeAlias = Mapping[str, ClaimValue]
"""What the studio's server says of a player; a token has it under `ext`."""

HOOK_CHANGED = "identity.hook_changed"
MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 100, 3_000


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """Where the studio's server is asked at one point, and the secret that signs the question."""

    point: Point
    url: str
    sealed_secret: bytes
    timeout_ms: int
    enabled: bool
    changed_at: datetime


class HookTest(msgspec.Struct, frozen=True, kw_only=True):
    """How a hook answered a question that is about nobody.

    `problem` is a sentence where the answer could not be used: then players would be refused.
    """

    allowed: bool
    reason: str | None
    claims: Claims
    problem: str | None


NO_HOOK = Refusal(code="not_found", detail="No hook is set at this point.")
HOOK_UNAVAILABLE = Refusal(
    code="hook_unavailable",
    detail="The game's own server has to agree and does not answer. Try again in a while.",
)


def hook_refused(reason: str | None) -> Refusal:
    """Return the refusal for which the studio's server gave this reason."""
    return Refusal(
        code="hook_refused", detail=reason or "The game's own server does not agree to this."
    )
