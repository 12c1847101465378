"""Ask the studio's server, by a signed request and in time; no answer is a no.

The signature is that of Standard Webhooks (standardwebhooks.com), so libraries in every language
verify it. Nothing here may run inside a database transaction.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from guildbank.identity.contracts.hooks import HOOK_UNAVAILABLE, Claims, Hook, Point
from guildbank.identity.hook_answers import Silent, Unusable, read_answer
from guildbank.identity.store import hooks as store
from guildbank.infra.breaker import Breaker
from guildbank.infra.cache import Recent
from guildbank.infra.database import Database
from guildbank.infra.egress import Egress, EgressFailed, EgressRefused
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, Refusal, new_id
from guildbank.plugin_api import read_secrets, signed
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
AT_ONCE = 32
"""Calls of one hook that a worker has under way; beyond that players are refused at once."""
FAILURES = 5
PAUSE_SECONDS = 5.0
MAX_BREAKERS = 4_096


class Hooks:
    """The hooks of all tenants, as this process calls them."""

    def __init__(self, db: Database, tenants: Tenants, egress: Egress, clock: Clock) -> None:
        self._db = db
        self._tenants = tenants
        self._clock = clock
        self.egress = egress
        self._recent = Recent(self._load, seconds=FRESH_SECONDS, capacity=1_000)
        self._breakers: OrderedDict[tuple[str, Point], Breaker] = OrderedDict()

    async def at(self, tenant: TenantRef, point: Point) -> Hook | None:
        """Return the hook that is switched on at this point, as it was a second ago at most."""
        hook = (await self._recent.get(tenant.schema)).get(point)
        return hook if hook is not None and hook.enabled else None

    async def ask(
        self, tenant: TenantRef, point: Point, data: Mapping[str, Any]
    ) -> Claims | Refusal:
        """Return the claims with which the studio's server agrees; none where nobody is asked.

        Refusals: `hook_refused`; `hook_unavailable` for silence and for what cannot be read.
        """
        hook = await self.at(tenant, point)
        if hook is None:
            return {}
        breaker = self._breaker(tenant, point)
        if not breaker.enter():
            return HOOK_UNAVAILABLE
        # Who gives up waiting, or finds words that the server chokes on, must not open the breaker:
        # it would keep all others out.
        worked: bool | None = None
        try:
            answer = await self.call(tenant, hook, data)
            worked = True
            return answer
        except Unusable as why:
            worked = not isinstance(why, Silent)
            log.warning("hook_failed", tenant=tenant.slug, point=point, why=str(why))
            return HOOK_UNAVAILABLE
        finally:
            breaker.leave(worked=worked)

    async def call(
        self, tenant: TenantRef, hook: Hook, data: Mapping[str, Any]
    ) -> Claims | Refusal:
        """Return what a hook says; raises Unusable with a sentence on why it says nothing."""
        now = self._clock.now()
        question = {"tenant": tenant.slug, "mode": tenant.mode, **data}
        body = msgspec.json.encode({"type": hook.point, "timestamp": now, "data": question})
        keys = read_secrets(await self._secret(tenant, hook))
        headers = signed(keys, new_id("msg"), now, body)
        seconds = hook.timeout_ms / 1000
        try:
            answer = await self.egress.send(
                "POST",
                hook.url,
                headers=headers,
                body=body,
                total_seconds=seconds,
                owner=tenant.id,
            )
        except (EgressFailed, EgressRefused) as error:
            raise Silent(f"{str(error)[:300]}.") from None
        return read_answer(answer.status, answer.body)

    async def seal(self, tenant: TenantRef, point: Point, secret: str) -> bytes:
        """Return a secret as it is stored."""
        key = await self._tenants.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return key.seal(_aad(tenant, point), secret.encode())

    def forget(self, tenant: TenantRef) -> None:
        """Look at the tenant's hooks anew, after this process changed one."""
        self._recent.forget(tenant.schema)
        for key in [key for key in self._breakers if key[0] == tenant.id]:
            del self._breakers[key]

    async def _secret(self, tenant: TenantRef, hook: Hook) -> str:
        key = await self._tenants.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return key.open(_aad(tenant, hook.point), hook.sealed_secret).decode()

    def _breaker(self, tenant: TenantRef, point: Point) -> Breaker:
        key = (tenant.id, point)
        if key not in self._breakers:
            self._breakers[key] = Breaker(
                at_once=AT_ONCE, failures=FAILURES, pause_seconds=PAUSE_SECONDS
            )
            if len(self._breakers) > MAX_BREAKERS:
                self._breakers.popitem(last=False)
        self._breakers.move_to_end(key)
        return self._breakers[key]

    async def _load(self, schema: str) -> Mapping[Point, Hook]:
        async with self._db.begin(schema, read_only=True) as tx:
            return {hook.point: hook for hook in await store.all_hooks(tx.driver)}


def _aad(tenant: TenantRef, point: Point) -> bytes:
    return f"identity_hook.sealed_secret:{tenant.id}:{point}".encode()
