"""Starts a set of children in order, keeps them running, and stops them in reverse order."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Sequence

from guildbank.infra.processes.child import Child
from guildbank.infra.processes.keeper import Keeper
from guildbank.infra.processes.sentry import Sentry

_log = logging.getLogger("guildbank.processes")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SENTRY_CHECK_SECONDS = 5.0


class Supervisor:
    """Children that live and die together with us.

    Each child has a process group of its own, so the terminal's Ctrl-C reaches only us. When we
    are killed -9 the kernel sends each child its stop signal, and a sentinel kills what is left
    of their groups after the longest grace time. `report` gets one sentence per event.
    """

    def __init__(
        self, children: Sequence[Child], report: Callable[[str], None] = _log.warning
    ) -> None:
        names = [child.name for child in children]
        if len(set(names)) != len(names):
            raise ValueError(f"children need different names: {names}")
        self._report = report
        grace = max((child.grace_seconds for child in children), default=0.0)
        self._sentry = Sentry(grace)
        self._keepers = [Keeper(child, self._sentry, report) for child in children]
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Start all, call `started`, run until SIGINT, SIGTERM, SIGHUP or `stop`, then stop all.

        A second signal while stopping kills what is left. Raises ChildFailedError when a child
        does not become ready on its first start; the others are stopped then.
        """
        with self._signals():
            try:
                if await self._start():
                    started()
                    await self._until_stopped()
            finally:
                await self._stop_all()

    def stop(self) -> None:
        """Ask for the end; the second time, at once."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def pid(self, name: str) -> int | None:
        """Return the child's process id, or None while it is not running."""
        return next(keeper.pid for keeper in self._keepers if keeper.child.name == name)

    async def _start(self) -> bool:
        """Start each child when the one before is ready; False when asked to stop meanwhile."""
        for keeper in self._keepers:
            start = asyncio.ensure_future(keeper.start())
            stop = asyncio.ensure_future(self._stopping.wait())
            try:
                await asyncio.wait([start, stop], return_when=asyncio.FIRST_COMPLETED)
                if not start.done():
                    return False
                await start
            finally:
                for task in (start, stop):
                    task.cancel()
                await asyncio.gather(start, stop, return_exceptions=True)
        return not self._stopping.is_set()

    async def _until_stopped(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SENTRY_CHECK_SECONDS):
                    await self._stopping.wait()
            self._sentry.refresh()

    async def _stop_all(self) -> None:
        self._stopping.set()
        for keeper in reversed(self._keepers):
            await keeper.stop(self._hurry)
        self._sentry.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        # Under nohup the end of the terminal is not the end of the server.
        heard = [s for s in _STOP_SIGNALS if s != signal.SIGHUP or not _ignored(s)]
        for number in heard:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)


def _ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
