"""Which requests are let in: who has no credentials is counted by address, others by who they are.

An address is charged before anybody looks at credentials, so that guessing them is limited too, and
gets its charge back once they prove good. Who proved good at an address of late is not charged
there at all: neither a busy game server nor a player pays for strangers behind the same address.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from litestar.routes import BaseRoute, HTTPRoute

from guildbank.infra.config import Settings
from guildbank.infra.http.client_address import UNKNOWN_ADDRESS, ClientAddress
from guildbank.infra.http.problems import Problem
from guildbank.infra.limits.limiter import Limiter
from guildbank.infra.limits.policy import RateLimit, Verdict, policy_field, state_field
from guildbank.infra.metrics import Metrics
from guildbank.kernel import Refusal

VISIT: Final = "visit"
"""Where the state of a request keeps its Visit."""
ROUTE_LIMITS: Final = "limits"
"""The key in a route's `opt` under which it declares its RateLimits."""
MAX_KNOWN = 10_000
_MINUTE = 60


class Visit:
    """One request on its way through the gate."""

    __slots__ = ("address", "admitted", "charged", "credentials", "verdicts")

    def __init__(self, address: ClientAddress, credentials: bytes | None) -> None:
        self.address = address
        # Of 64 bits under a key of this process: enough to tell callers apart, useless elsewhere.
        self.credentials = None if credentials is None else hash((address.rate_key, credentials))
        self.charged = False
        self.admitted = False
        self.verdicts: tuple[Verdict, ...] = ()

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Return RateLimit-Policy and RateLimit, or nothing where nothing was counted."""
        if not self.verdicts:
            return []
        return [
            (b"ratelimit-policy", policy_field(self.verdicts)),
            (b"ratelimit", state_field(self.verdicts)),
        ]


class LimitClash(ValueError):
    """Two different limits have one name, so that their counts would mix."""


class Gate:
    """The limits of the settings and of the routes; without a limiter it lets everybody in."""

    def __init__(self, limiter: Limiter | None, settings: Settings, metrics: Metrics) -> None:
        self._limiter = limiter
        self._metrics = metrics
        self._address = _per_minute("address", settings.address_requests_per_minute)
        self._player = _per_minute("player", settings.player_requests_per_minute)
        self._key = _per_minute("key", settings.key_requests_per_minute)
        self._known: OrderedDict[int, None] = OrderedDict()

    def learn(self, routes: Iterable[BaseRoute]) -> None:
        """Read the limits that routes declare; raises LimitClash."""
        named = {one.name: one for one in (self._address, self._player, self._key) if one}
        for route in routes:
            if isinstance(route, HTTPRoute):
                for handler, _ in route.route_handler_map.values():
                    for limit in handler.opt.get(ROUTE_LIMITS, ()):
                        if named.setdefault(limit.name, limit) != limit:
                            raise LimitClash(f"two limits are called {limit.name!r}")
        for name in named:
            self._metrics.count_limit(name)

    async def enter(self, visit: Visit) -> None:
        """Charge the address unless the credentials were good here of late; raises Problem."""
        if self._limiter is None or self._address is None:
            return
        if visit.credentials is not None and visit.credentials in self._known:
            return
        await self._ask(visit, self._address, visit.address.rate_key)
        visit.charged = True

    async def admit(self, visit: Visit, principal: str, *, player: bool) -> None:
        """Count a caller whose credentials are good, not the address; raises Problem."""
        visit.admitted = True
        self._pay_back(visit)
        if visit.credentials is not None:
            self._known[visit.credentials] = None
            self._known.move_to_end(visit.credentials)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        limit = self._player if player else self._key
        if self._limiter is not None and limit is not None:
            await self._ask(visit, limit, principal)

    async def pass_route(
        self, visit: Visit, limits: Iterable[RateLimit], principal: str | None
    ) -> None:
        """Count a request under the limits of its route; raises Problem."""
        if self._limiter is None:
            return
        for limit in limits:
            by_address = limit.per == "address" or principal is None
            await self._ask(visit, limit, visit.address.rate_key if by_address else str(principal))

    def vouch(self, visit: Visit) -> None:
        """Take the charge off the address: something else than credentials proved who calls."""
        visit.admitted = True
        self._pay_back(visit)

    async def leave(self, visit: Visit, status: int) -> None:
        """Charge the address of credentials that were good here before and are not any more."""
        if visit.admitted or visit.charged or self._limiter is None or self._address is None:
            return
        if visit.credentials is None or visit.credentials not in self._known:
            return
        if status == 401:
            del self._known[visit.credentials]
        await self._limiter.ask(self._address, visit.address.rate_key)

    async def _ask(self, visit: Visit, limit: RateLimit, key: str) -> None:
        assert self._limiter is not None, "guarded by who calls"
        verdict = await self._limiter.ask(limit, key)
        visit.verdicts = (*visit.verdicts, verdict)
        if not verdict.allowed:
            self._metrics.limited(limit.name)
            raise Problem(_refusal(verdict))

    def _pay_back(self, visit: Visit) -> None:
        if visit.charged and self._limiter is not None and self._address is not None:
            self._limiter.refund(self._address, visit.address.rate_key)
            visit.charged = False
            visit.verdicts = ()


def visit_of(connection: Any) -> Visit:
    """Return the visit that a request is; outside the edge, one that nobody counts."""
    found = connection.scope["state"].get(VISIT)
    return found if isinstance(found, Visit) else Visit(UNKNOWN_ADDRESS, None)


def _per_minute(name: str, quota: int) -> RateLimit | None:
    return RateLimit(name, quota, _MINUTE) if quota else None


def _refusal(verdict: Verdict) -> Refusal:
    limit, wait = verdict.limit, verdict.wait_seconds
    return Refusal(
        code="rate_limited",
        detail=(
            f"The limit {limit.name!r} allows {limit.quota} requests in {limit.window_seconds} "
            f"seconds. Wait {wait} s, then try again."
        ),
        extra={"limit": limit.name, "retryAfterSeconds": wait},
    )
