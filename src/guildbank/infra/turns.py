"""The time that one tenant has in a turn of a job, and what of it is done beside each other.

Who is asked in a job may be silent: whoever waits for it waits in a lane of its own, and no longer
than its turn, so that the others get theirs.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

import structlog

log = structlog.get_logger(__name__)
AT_ONCE = 8
"""How many tenants of a job, and lanes of a tenant, are worked on beside each other."""
BUDGET_SECONDS = 10.0
"""How long one tenant goes on in one turn: what is left waits for the next, and is lost by none."""

Work = Callable[[], Awaitable[int]]
Lane = tuple[Hashable, Work]


class Turn:
    """The time from now on in which work is begun; what was begun is always ended.

    `now` is a clock in seconds that never goes back.
    """

    __slots__ = ("_now", "_until")

    def __init__(
        self, seconds: float = BUDGET_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now, self._until = now, now() + seconds

    @property
    def is_over(self) -> bool:
        """Say whether nothing more is to be begun."""
        return self._now() >= self._until


ENDLESS = Turn(math.inf)
"""The turn of who has nobody else to think of."""


async def beside(works: Sequence[Callable[[], Awaitable[Any]]], at_once: int = AT_ONCE) -> None:
    """Do all of these, so many at once; what one raises stops no other.

    Once all have ended the first that was raised is raised again, and the rest are in the log.
    """
    places, raised = asyncio.Semaphore(at_once), list[Exception]()

    async def placed(work: Callable[[], Awaitable[Any]]) -> None:
        async with places:
            try:
                await work()
            except Exception as error:
                raised.append(error)

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(placed(work))
    for other in raised[1:]:
        log.warning("lane_failed", error=repr(other))
    if raised:
        raise raised[0]


async def in_lanes(turn: Turn, works: Iterable[Lane], at_once: int = AT_ONCE) -> int:
    """Do work by lanes beside each other, in order within each; return the sum of what it says.

    Each has the name of its lane first. Once the turn is over nothing more is begun. Where there
    are more lanes than places chance says which are first, so that those whose turn ends without
    them are not the same ones each time.
    """
    lanes: dict[Hashable, list[Work]] = {}
    for name, work in works:
        lanes.setdefault(name, []).append(work)
    done = 0

    async def along(lane: Sequence[Work]) -> None:
        nonlocal done
        for work in lane:
            if turn.is_over:
                return
            # Added once it is known: the others add theirs while this one waits.
            said = await work()
            done += said

    all_ = list(lanes.values())
    if len(all_) > at_once:
        random.shuffle(all_)
    await beside([partial(along, lane) for lane in all_], at_once)
    return done


def alternating(*kinds: Iterable[Lane]) -> list[Lane]:
    """Return the first of each kind, then the second of each, and so on: none waits for another."""
    return [one for some in zip_longest(*kinds) for one in some if one is not None]
