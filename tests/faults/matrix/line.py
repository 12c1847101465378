"""The line between a worker process and who asks it: whole messages, each way."""

import asyncio
from multiprocessing.connection import Connection
from typing import Any


class HungUp(Exception):
    """There is nobody at the other end any more."""


class Line:
    """One end; a message is any value that can be pickled."""

    def __init__(self, end: "Connection[Any, Any]") -> None:
        self._end = end

    def say(self, message: object) -> None:
        """Send a message; it is on its way when this returns, whatever becomes of us."""
        self._end.send(message)

    async def hear(self) -> Any:
        """Return the next message. Raises HungUp."""
        if not self._end.poll():
            await self._stirs()
        try:
            return self._end.recv()
        except (EOFError, ConnectionResetError) as error:
            raise HungUp from error

    def close(self) -> None:
        """Hang up."""
        self._end.close()

    async def _stirs(self) -> None:
        loop, number, there = asyncio.get_running_loop(), self._end.fileno(), asyncio.Event()
        loop.add_reader(number, there.set)
        try:
            await there.wait()
        finally:
            loop.remove_reader(number)
