"""What a rate limit is, and the arithmetic that decides one request: pure, in whole microseconds.

The algorithm is GCRA (ITU-T I.371, annex A), a leaky bucket that keeps one number a caller: its
*debt*, the time until it is as if it had never called. A request costs `window / quota` and is let
in while the debt stays within the window. So a caller who was quiet may send the whole quota at
once and gains it back evenly: in any time `d` at most `quota * (1 + d / window)` requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Per: TypeAlias = Literal["address", "caller"]
MICROSECONDS = 1_000_000
SHARE_DIVISOR = 10
"""A worker lets in a tenth of a quota before it tells the others; see `Limiter`."""


@dataclass(frozen=True)
class RateLimit:
    """At most `quota` requests in `window_seconds`, each of at least one microsecond.

    `name` is what clients read in the fields of the answer. `per` says who is counted: each
    address (of IPv6 each /64), or each caller, who is a player or an application; a caller without
    credentials is counted by address. An `exact` limit asks the store each time and refuses when
    that is away; others are counted in the worker and agreed on a few times a second.
    """

    name: str
    quota: int
    window_seconds: int
    per: Per = "caller"
    exact: bool = False
    cost_us: int = field(init=False)
    capacity_us: int = field(init=False)
    share_us: int = field(init=False)
    quoted: bytes = field(init=False)
    policy: bytes = field(init=False)

    def __post_init__(self) -> None:
        cost = self.window_seconds * MICROSECONDS // self.quota
        assert cost > 0, "a limit of more than a million requests a second is none"
        object.__setattr__(self, "cost_us", cost)
        object.__setattr__(self, "capacity_us", cost * self.quota)
        object.__setattr__(self, "share_us", cost * max(1, self.quota // SHARE_DIVISOR))
        # What the fields of an answer say of it (RFC 9651), written once.
        quoted = f'"{self.name}"'.encode()
        object.__setattr__(self, "quoted", quoted)
        object.__setattr__(
            self, "policy", b"%b;q=%d;w=%d" % (quoted, self.quota, self.window_seconds)
        )


class Verdict(NamedTuple):
    """Whether a request is let in, and what a caller is told.

    `remaining` requests are left now, all of them again in `full_seconds`; one that was refused
    may come again in `wait_seconds`.
    """

    limit: RateLimit
    allowed: bool
    remaining: int
    full_seconds: int
    wait_seconds: int


def judge(limit: RateLimit, debt_us: int) -> Verdict:
    """Return the verdict on one more request of a caller with this debt."""
    after_us = debt_us + limit.cost_us
    if after_us > limit.capacity_us:
        return refusal(limit, debt_us)
    return admission(limit, after_us)


def admission(limit: RateLimit, debt_us: int) -> Verdict:
    """Return the verdict on a request that was let in, after which the debt is this."""
    remaining = max(0, limit.capacity_us - debt_us) // limit.cost_us
    return Verdict(limit, True, remaining, _seconds(debt_us), 0)


def refusal(limit: RateLimit, debt_us: int) -> Verdict:
    """Return the verdict on a request that was not, at this debt."""
    wait_us = debt_us + limit.cost_us - limit.capacity_us
    return Verdict(limit, False, 0, _seconds(debt_us), max(1, _seconds(wait_us)))


def policy_field(verdicts: Sequence[Verdict]) -> bytes:
    """Return the field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, section 3)."""
    return b", ".join([verdict.limit.policy for verdict in verdicts])


def state_field(verdicts: Sequence[Verdict]) -> bytes:
    """Return the field RateLimit (the same draft, section 4)."""
    return b", ".join(
        [b"%b;r=%d;t=%d" % (one.limit.quoted, one.remaining, one.full_seconds) for one in verdicts]
    )


def _seconds(us: int) -> int:
    return -(-us // MICROSECONDS)
