"""Ways to cut a batch: at a point that it passes, by an error, a lost connection or a cancel."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

VICTIM = "faults victim"

END_VICTIMS = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE application_name = $1
"""


class Boom(Exception):
    """What a fault point raises."""


class Scene(Protocol):
    """Where a batch is cut."""

    async def sql(self, text: str, *args: object) -> list[Any]:
        """Run a statement past the journal."""
        ...


Action = Callable[[Scene], Awaitable[None]]


async def raise_error(_scene: Scene) -> None:
    raise Boom


async def end_backend(scene: Scene) -> None:
    """Close every connection of the victim's pool, the one of the batch among them."""
    await scene.sql(END_VICTIMS, VICTIM)


async def cancel_batch(_scene: Scene) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


ACTIONS: dict[str, Action] = {
    "raises": raise_error,
    "backend ended": end_backend,
    "batch cancelled": cancel_batch,
}


class Cut:
    """A probe that acts once, at the given time that the point is met."""

    def __init__(self, scene: Scene, point: str, action: Action, turn: int) -> None:
        self.scene, self.point, self.action, self.left = scene, point, action, turn
        self.met: set[str] = set()

    async def __call__(self, point: str) -> None:
        self.met.add(point)
        if point != self.point:
            return
        self.left -= 1
        if self.left == 0:
            await self.action(self.scene)
