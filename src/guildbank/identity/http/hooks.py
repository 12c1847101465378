"""Routes by which a tenant says where its own server is asked, and tries that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity.contracts.hooks import (
    MAX_TIMEOUT_MS,
    MIN_TIMEOUT_MS,
    Claims,
    Hook,
    Point,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.hooks.keep import Wanted, list_hooks, set_hook, try_hook
from guildbank.infra.http import Body, JSONBody, Page, Service, View, Who, granted, scope
from guildbank.infra.limits import RateLimit

Parts = Service[Identity]
READ, WRITE = "hooks:read", "hooks:write"
TRYING = RateLimit("trying-hooks", 20, 60)
TAGS: Sequence[str] = ["Hooks"]
AtPoint = Annotated[
    Point, PathParameter(description="When it is asked: before_register, before_login or "
                         "before_token.")
]  # fmt: skip


class HookBody(Body):
    """Where the studio's server is asked, and how long it may take (all of it)."""

    __example__: ClassVar = {
        "url": "https://game.example/guildbank/hooks",
        "timeoutMs": 1000,
        "enabled": False,
    }

    url: Annotated[str, Meta(min_length=8, max_length=2000)]
    timeout_ms: Annotated[int, Meta(ge=MIN_TIMEOUT_MS, le=MAX_TIMEOUT_MS)] = 1000
    enabled: bool = True
    new_secret: Annotated[bool, Meta(description="Replace the secret of a hook that is there.")] = (
        False
    )


class HookView(View):
    """A hook. Its `secret` is shown once, in the answer that made it."""

    __example__: ClassVar = {
        "point": "before_login",
        "url": "https://game.example/guildbank/hooks",
        "timeoutMs": 1000,
        "enabled": False,
        "secret": None,
    }

    point: Point
    url: str
    timeout_ms: int
    enabled: bool
    changed_at: datetime
    secret: str | None = None


class HookTestView(View):
    """What the hook said; with a `problem` players would be refused as `hook_unavailable`."""

    __example__: ClassVar = {
        "allowed": True,
        "reason": None,
        "claims": {"guild": "north", "level": 7},
        "problem": None,
    }

    allowed: bool
    reason: str | None
    claims: Claims
    problem: str | None


@put("/v1/hooks/{point:str}", guards=[scope(WRITE, fresh=True)], tags=TAGS, summary="Set a hook")
async def set_one(
    identity: Parts, caller: Who, point: AtPoint, data: JSONBody[HookBody]
) -> HookView:
    """Ask the studio's server at this point from now on, within a second on every worker.

    The answer to the first call has the `secret` that verifies our signature (Standard Webhooks).
    While the server does not answer, nobody gets past this point.
    """
    wanted = Wanted(
        url=data.url,
        timeout_ms=data.timeout_ms,
        enabled=data.enabled,
        new_secret=data.new_secret,
    )
    hook, secret = granted(await set_hook(identity, caller.home, caller.principal, point, wanted))
    return _view(hook, secret)


@get("/v1/hooks", guards=[scope(READ)], tags=TAGS, summary="List hooks")
async def list_all(identity: Parts, caller: Who) -> Page[HookView]:
    """List the tenant's hooks without their secrets."""
    return Page([_view(hook) for hook in await list_hooks(identity, caller.home)], None)


@post(
    "/v1/hooks/{point:str}/test",
    opt={"limits": (TRYING,)},
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Try a hook",
)
async def try_one(identity: Parts, caller: Who, point: AtPoint) -> HookTestView:
    """Ask the studio's server about nobody (`"test": true`), also while the hook is off."""
    tried = granted(await try_hook(identity, caller.home, point))
    return HookTestView(
        allowed=tried.allowed, reason=tried.reason, claims=tried.claims, problem=tried.problem
    )


def _view(hook: Hook, secret: str | None = None) -> HookView:
    return HookView(
        point=hook.point,
        url=hook.url,
        timeout_ms=hook.timeout_ms,
        enabled=hook.enabled,
        changed_at=hook.changed_at,
        secret=secret,
    )


ROUTES = (set_one, list_all, try_one)
