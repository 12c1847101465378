"""Set, list and try the hooks of a tenant."""

import base64
import secrets
from collections.abc import Iterable
from typing import ClassVar

import msgspec
import structlog

from guildbank.identity.contracts.hooks import (
    HOOK_CHANGED,
    NO_HOOK,
    Hook,
    HookTest,
    Point,
)
from guildbank.identity.contracts.players import TENANT_SUSPENDED
from guildbank.identity.hook_answers import Unusable
from guildbank.identity.store import hooks as store
from guildbank.identity.store.hooks import HOOKS
from guildbank.identity.usecases import Identity
from guildbank.infra.egress import EgressFailed, EgressRefused, read_url
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.plugin_api import SECRET_PREFIX

log = structlog.get_logger(__name__)
_SECRET_BYTES = 32


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A hook as it is to be; `new_secret` replaces the secret of one that is there."""

    url: str
    timeout_ms: int
    enabled: bool
    new_secret: bool


class SetHook(Act):
    """Sets where the studio's server is asked. The entry names the host, and no path or secret."""

    verb: ClassVar[str] = "identity.set_hook"
    __slots__ = ("host", "point", "sealed_secret", "wanted")

    def __init__(
        self, principal: str, point: Point, wanted: Wanted, host: str, sealed_secret: bytes
    ) -> None:
        super().__init__(principal)
        self.point: Point = point
        self.wanted = wanted
        self.host = host
        self.sealed_secret = sealed_secret

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the hook."""
        return ((HOOKS, self.point),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set it; a hook keeps its secret unless a new one is wanted."""
        known = stage.get(HOOKS, self.point)
        kept = None if known is None or self.wanted.new_secret else known.sealed_secret
        hook = Hook(
            point=self.point,
            url=self.wanted.url,
            sealed_secret=kept or self.sealed_secret,
            timeout_ms=self.wanted.timeout_ms,
            enabled=self.wanted.enabled,
            changed_at=stage.now,
        )
        stage.put(HOOKS, self.point, hook)
        said = {
            "point": self.point,
            "host": self.host,
            "enabled": hook.enabled,
            "timeoutMs": hook.timeout_ms,
            "newSecret": kept is None,
        }
        before = None
        if known is not None:
            before = {"url": known.url, "enabled": known.enabled, "timeoutMs": known.timeout_ms}
        return Draft(HOOK_CHANGED, facts(said), before=before, after={"url": hook.url})


async def set_hook(
    identity: Identity, tenant: TenantRef, principal: str, point: Point, wanted: Wanted
) -> tuple[Hook, str | None] | Refusal:
    """Return the hook, and its secret if that is new: it is shown this once.

    Refusals: `invalid_value` (the address), `tenant_suspended`. Raises Unavailable.
    """
    try:
        target = read_url(wanted.url)
    except EgressRefused as error:
        return _no_url(f"This is {error}.")
    if target.scheme != "https" and not identity.hooks.egress.private:
        return _no_url("An address begins with https://.")
    try:
        await identity.hooks.egress.judge(wanted.url, tenant.id)
    except EgressRefused as error:
        return _no_url(f"{error}.")
    except EgressFailed:
        # Its name may be known tomorrow, and each call looks again.
        log.info("address_not_found", hook=point)
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = await identity.hooks.seal(tenant, point, secret)
    act = SetHook(principal, point, wanted, target.host, sealed)
    outcome = await identity.journal.submit(tenant.schema, act)
    identity.hooks.forget(tenant)
    if isinstance(outcome, Refusal):
        return outcome
    found = await _hook(identity, tenant, point)
    if isinstance(found, Refusal):
        return found
    return found, secret if found.sealed_secret == sealed else None


async def list_hooks(identity: Identity, tenant: TenantRef) -> list[Hook]:
    """Return the tenant's hooks, switched off or on."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.all_hooks(tx.driver)


async def try_hook(identity: Identity, tenant: TenantRef, point: Point) -> HookTest | Refusal:
    """Return how a hook, switched off or on, answers a question about nobody.

    Refusals: `not_found`, `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    hook = await _hook(identity, tenant, point)
    if isinstance(hook, Refusal):
        return hook
    try:
        answer = await identity.hooks.call(tenant, hook, {"test": True})
    except Unusable as why:
        return HookTest(allowed=False, reason=None, claims={}, problem=str(why))
    if isinstance(answer, Refusal):
        return HookTest(allowed=False, reason=answer.detail, claims={}, problem=None)
    return HookTest(allowed=True, reason=None, claims=answer, problem=None)


async def _hook(identity: Identity, tenant: TenantRef, point: Point) -> Hook | Refusal:
    found = [hook for hook in await list_hooks(identity, tenant) if hook.point == point]
    return found[0] if found else NO_HOOK


def _no_url(detail: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field="url")
