"""`guildbank up` keeps its children running, stops them in order, and leaves none behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guildbank.infra.processes import Backoff, Child, ChildFailedError, Restart, Supervisor

_QUICK = Backoff(first=0.05, most=0.2)
_WRITE = "import os, signal, sys, time; out = open(sys.argv[1], 'a', 1); "
_SLEEPS = _WRITE + "print(os.getpid(), file=out); time.sleep(600)"
_POLITE = (
    _WRITE
    + "signal.signal(signal.SIGTERM, lambda *_: (print('bye', sys.argv[2], file=out), sys.exit()));"
    + "print('hello', sys.argv[2], file=out); signal.pause()"
)
_DEAF = (
    _WRITE
    + "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), file=out); time.sleep(600)"
)
_FAMILY = (
    _WRITE + "import subprocess; "
    "worker = subprocess.Popen([sys.executable, '-c', 'import signal, time;"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'],"
    " stdout=subprocess.PIPE); worker.stdout.readline();"
    "print(os.getpid(), file=out); print(worker.pid, file=out); time.sleep(600)"
)


def child(name: str, code: str, *arguments: object, **options: object) -> Child:
    argv = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    return Child(name, argv, **{"backoff": _QUICK, **options})  # type: ignore[arg-type]


def wrote(path: Path, lines: int) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_text().count("\n") >= lines


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return done


def ready_when(true: Callable[[], bool]) -> Callable[[], object]:
    async def ready() -> bool:
        return true()

    return ready


@asynccontextmanager
async def running(*children: Child, said: list[str] | None = None) -> AsyncIterator[Supervisor]:
    """Run a supervisor, yield when all children are ready, stop it at the end."""
    supervisor = Supervisor(children, report=(said if said is not None else []).append)
    started = asyncio.Event()
    run = asyncio.create_task(supervisor.run(started.set))
    try:
        await asyncio.wait(
            [run, asyncio.ensure_future(started.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        yield supervisor
    finally:
        supervisor.stop()
        await run


async def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    out = tmp_path / "out"
    children = [
        child(name, _POLITE, out, name, ready=ready_when(wrote(out, count)))
        for count, name in enumerate(["database", "worker", "server"], 1)
    ]
    async with running(*children):
        pass
    said = out.read_text().splitlines()
    assert said[:3] == ["hello database", "hello worker", "hello server"]
    assert said[3:] == ["bye server", "bye worker", "bye database"]


async def test_a_crashed_child_is_started_again_and_the_others_go_on(tmp_path: Path) -> None:
    said: list[str] = []
    crashing, steady = tmp_path / "crashing", tmp_path / "steady"
    children = [child("crashing", _SLEEPS, crashing), child("steady", _SLEEPS, steady)]
    async with running(*children, said=said) as supervisor:
        for count in (1, 2, 3):
            assert await eventually(wrote(crashing, count))
            assert supervisor.pid("crashing") == pids(crashing)[-1]
            os.kill(pids(crashing)[-1], signal.SIGKILL)
        assert await eventually(wrote(crashing, 4))
        assert len(pids(steady)) == 1
    assert "crashing ended (killed by SIGKILL); it is started again in 0.1 s" in said
    assert all(gone(pid) for pid in [*pids(crashing), *pids(steady)])


async def test_the_pauses_between_restarts_grow_to_a_limit() -> None:
    backoff = Backoff(first=1, most=30)
    assert [backoff.seconds(failures) for failures in (1, 2, 3, 6, 5000)] == [1, 2, 4, 30, 30]


@pytest.mark.parametrize(
    ("restart", "code", "runs"),
    [
        (Restart.ALWAYS, 0, 3),
        (Restart.ON_FAILURE, 1, 3),
        (Restart.ON_FAILURE, 0, 1),
        (Restart.NEVER, 1, 1),
    ],
)
async def test_the_restart_policy_is_kept(
    tmp_path: Path, restart: Restart, code: int, runs: int
) -> None:
    out, said = tmp_path / "out", list[str]()
    ends = _WRITE + f"print(1, file=out); sys.exit({code})"
    async with running(child("task", ends, out, restart=restart), said=said):
        assert await eventually(wrote(out, runs))
        if runs == 1:
            assert await eventually(lambda: bool(said))
            assert said == [f"task ended (exit code {code}); it is not started again"]


async def test_a_child_that_ends_before_it_is_ready_stops_all_and_says_why(tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    broken = child(
        "server", "import sys; sys.exit('no licence')", output=log, ready=ready_when(lambda: False)
    )
    said: list[str] = []
    supervisor = Supervisor([child("database", _SLEEPS, out), broken], report=said.append)
    with pytest.raises(ChildFailedError, match=r"server ended .* \(exit code 1\).*/log"):
        await supervisor.run()
    assert log.read_text() == "no licence\n"
    assert not out.exists() or all(gone(pid) for pid in pids(out))


async def test_a_child_that_never_gets_ready_is_not_waited_for_for_ever() -> None:
    hangs = child("server", "import time; time.sleep(600)", ready=asyncio.Event().wait)
    supervisor = Supervisor([Child(**{**vars(hangs), "ready_seconds": 0.3})])
    with pytest.raises(ChildFailedError, match=r"not ready after 0.3 s"):
        await supervisor.run()
    assert supervisor.pid("server") is None


async def test_an_unknown_program_is_named() -> None:
    supervisor = Supervisor([Child("worker", ["no-such-program"], ready=ready_when(lambda: False))])  # type: ignore[arg-type]
    with pytest.raises(ChildFailedError, match=r"worker ended .* \(exit code 127\)"):
        await supervisor.run()


async def test_a_deaf_child_is_killed_after_its_grace_time(tmp_path: Path) -> None:
    out, said = tmp_path / "out", list[str]()
    async with running(child("deaf", _DEAF, out, grace_seconds=0.3), said=said):
        assert await eventually(wrote(out, 1))
        began = time.monotonic()
    assert 0.3 <= time.monotonic() - began < 5
    assert gone(pids(out)[0])
    assert said == ["deaf did not end by itself and is killed after 0.3 s"]


async def test_asking_twice_to_stop_does_not_wait(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with running(child("deaf", _DEAF, out, grace_seconds=60)) as supervisor:
        assert await eventually(wrote(out, 1))
        began = time.monotonic()
        supervisor.stop()
    assert time.monotonic() - began < 5
    assert gone(pids(out)[0])


async def test_workers_of_a_killed_server_are_gone_before_it_starts_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with running(child("server", _FAMILY, out)):
        assert await eventually(wrote(out, 2))
        server, worker = pids(out)
        os.kill(server, signal.SIGKILL)
        assert await eventually(wrote(out, 3))
        assert gone(worker)
        assert await eventually(wrote(out, 4))
    assert all(gone(pid) for pid in pids(out))


# SIGHUP as a terminal leaves it, also where the test run itself was started to outlive one.
_UP = """
import asyncio, signal, sys, uvloop
from guildbank.infra.processes import Child, Supervisor
signal.signal(signal.SIGHUP, signal.SIG_DFL)
code, out, grace, loop = sys.argv[1:]
child = Child("server", [sys.executable, "-c", code, out, "server"], grace_seconds=float(grace))
{"asyncio": asyncio, "uvloop": uvloop}[loop].run(Supervisor([child]).run())
"""


def up(code: str, out: Path, grace: float = 20, loop: str = "asyncio") -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", _UP, code, str(out), str(grace), loop]
    return subprocess.Popen(argv, start_new_session=True)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, loop: str) -> None:
    out = tmp_path / "out"
    with up(_FAMILY, out, grace=0.5, loop=loop) as supervisor:
        assert await eventually(wrote(out, 2))
        sessions = {os.getsid(pid) for pid in pids(out)}
        assert os.getsid(supervisor.pid) not in sessions, "the terminal must not reach children"
        supervisor.kill()
    for pid in pids(out):
        assert await eventually(lambda pid=pid: gone(pid))  # type: ignore[misc]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_drains_the_children(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    with up(_POLITE, out) as supervisor:
        assert await eventually(wrote(out, 1))
        # As the terminal does: to every process of the foreground group.
        os.killpg(supervisor.pid, number)
        assert await asyncio.to_thread(supervisor.wait, 20) == 0
    assert out.read_text().splitlines() == ["hello server", "bye server"]


async def test_two_children_need_two_names() -> None:
    with pytest.raises(ValueError, match="different names"):
        Supervisor([child("server", ""), child("server", "")])
