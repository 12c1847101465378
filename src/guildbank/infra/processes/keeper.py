"""Keeps one child running: starts it, waits until it is ready, starts it again when it crashes."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable

from guildbank.infra.processes.child import Child, ChildFailedError, Restart, ending
from guildbank.infra.processes.sentry import Sentry
from guildbank.infra.processes.spawn import group_alive, launch_argv, signal_group

_POLL_SECONDS = 0.1
_AFTER_KILL_SECONDS = 10.0


class Keeper:
    """One child's life. The event loop's thread must live as long as the child may."""

    def __init__(self, child: Child, sentry: Sentry, report: Callable[[str], None]) -> None:
        self.child = child
        self._sentry = sentry
        self._report = report
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id, or None while it is not running."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> None:
        """Start the child and wait until it is ready; raise ChildFailedError otherwise."""
        process = await self._spawn()
        try:
            problem = await self._until_ready(process)
        except BaseException:
            await self._kill(process)
            raise
        if problem:
            await self._kill(process)
            raise ChildFailedError(problem)
        self._watch = asyncio.create_task(self._keep(process), name=f"keep {self.child.name}")

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the child to end, wait its grace time or until `hurry`, then kill its group."""
        self._stopping.set()
        process = self._process
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.child.stop_signal)
            if not await _ends(process, self.child.grace_seconds, hurry):
                why = "at once" if hurry.is_set() else f"after {self.child.grace_seconds:g} s"
                self._report(f"{self.child.name} did not end by itself and is killed {why}")
            await self._kill(process)
        if self._watch:
            await self._watch

    async def _spawn(self) -> Process:
        child = self.child
        with contextlib.ExitStack() as files:
            output = files.enter_context(child.output.open("ab")) if child.output else None
            self._process = process = await asyncio.create_subprocess_exec(
                *launch_argv(child.argv, death_signal=child.stop_signal),
                env=child.env,
                cwd=child.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A group of its own: Ctrl-C reaches the supervisor, which decides the order.
                start_new_session=True,
            )
        self._sentry.add(process.pid)
        return process

    async def _until_ready(self, process: Process) -> str | None:
        """Return None when ready, else a sentence that says what went wrong."""
        name, deadline = self.child.name, time.monotonic() + self.child.ready_seconds
        while True:
            if process.returncode is not None:
                return (
                    f"{name} ended before it was ready ({ending(process.returncode)}); its own "
                    f"output says why{f': {self.child.output}' if self.child.output else ''}."
                )
            if await self._is_ready(deadline):
                return None
            if time.monotonic() > deadline:
                return (
                    f"{name} runs but was not ready after {self.child.ready_seconds:g} s; the "
                    "machine is too slow or the program waits for something it cannot reach."
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _is_ready(self, deadline: float) -> bool:
        if self.child.ready is None:
            return True
        # A refused connection and a check that hangs both mean: not yet.
        with contextlib.suppress(OSError):
            async with asyncio.timeout(max(deadline - time.monotonic(), _POLL_SECONDS)):
                return await self.child.ready()
        return False

    async def _keep(self, process: Process | None) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            problem = await self._life(process, restarted=failures > 0)
            if self._stopping.is_set():
                return
            if not self._again():
                self._report(f"{problem}; it is not started again")
                return
            ran_well = time.monotonic() - began > self.child.backoff.forget_after
            failures = 1 if ran_well else failures + 1
            pause = self.child.backoff.seconds(failures)
            self._report(f"{problem}; it is started again in {pause:.1f} s")
            if await _within(self._stopping, pause):
                return
            process = None

    async def _life(self, process: Process | None, *, restarted: bool) -> str:
        """Live through one run of the child; return the sentence that says how it ended."""
        name = self.child.name
        try:
            process = process or await self._spawn()
        except OSError as error:
            return f"{name} could not be started ({error})"
        try:
            # `stop` may have looked for a process while this one was being made.
            if self._stopping.is_set():
                return f"{name} is stopped"
            if restarted and (problem := await self._until_ready(process)):
                return problem
            if restarted:
                self._report(f"{name} runs again")
            return f"{name} ended ({ending(await process.wait())})"
        finally:
            # Workers of a dead server would hold its port against the next one.
            await self._kill(process)

    def _again(self) -> bool:
        if self.child.restart is Restart.ON_FAILURE:
            return self._process is None or self._process.returncode != 0
        return self.child.restart is Restart.ALWAYS

    async def _kill(self, process: Process) -> None:
        """Leave nothing of the child's group."""
        signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        deadline = time.monotonic() + _AFTER_KILL_SECONDS
        # The kernel tells nobody that a group has ended.
        while group_alive(process.pid) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self._sentry.remove(process.pid)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def _ends(process: Process, seconds: float, hurry: asyncio.Event) -> bool:
    """Wait until the process ends, time is up or `hurry` is set; whether it ended."""
    waits = [asyncio.ensure_future(process.wait()), asyncio.ensure_future(hurry.wait())]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return process.returncode is not None


def own_environment(**changes: str) -> dict[str, str]:
    """Return our environment with changes, for a child's `env`."""
    return {**os.environ, **changes}
