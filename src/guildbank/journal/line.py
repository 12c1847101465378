"""Work for one connection, done in order while its owner goes on deciding."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Work: TypeAlias = Callable[[], Coroutine[Any, Any, T]]
"""What is to be done on the connection when its turn comes."""


class Line:
    """Runs one piece of work after the other. Once one has failed, so do those behind it."""

    def __init__(self) -> None:
        self._works: list[asyncio.Task[Any]] = []

    def add(self, work: Work[T]) -> asyncio.Task[T]:
        """Queue the work; whoever needs its result awaits the task."""
        before = self._works[-1] if self._works else None

        async def turn() -> T:
            if before is not None:
                await before
            return await work()

        task = asyncio.create_task(turn())
        self._works.append(task)
        return task

    async def turn(self) -> None:
        """Let the connection move on, if it is at work."""
        if self._works and not self._works[-1].done():
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Wait until all is done; raises what failed first."""
        if self._works:
            await self._works[-1]

    async def rest(self) -> None:
        """Drop what is not done, and return once the connection can be used again."""
        for task in self._works:
            task.cancel()
        # Their errors, if any, are the batch's own and raised where they were awaited.
        await asyncio.gather(*self._works, return_exceptions=True)
