"""Ends servers that a killed Guildbank left behind, and no others.

A server that was killed can leave backends that hold its memory; a Guildbank that was killed can
leave a server. Both are found by what cannot lie: a process whose current folder is the database.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.postgres.layout import Layout
from guildbank.infra.private_files import write_private

_FAST_SECONDS = 30.0
_QUIT_SECONDS = 5.0
_KILL_SECONDS = 10.0


def record_server(layout: Layout, pid: int) -> None:
    """Remember which process is our server, so that a later start can tell it from others'."""
    write_private(layout.server_record, json.dumps({"pid": pid, "began": _began(pid)}) + "\n")


def clear_orphans(layout: Layout, say: Callable[[str], None]) -> None:
    """Leave no process of ours on the database; call only while the folder's lock is held.

    Raises ClusterError when a server that we did not start runs there, or one will not end.
    """
    live = _processes_in(layout.data)
    server = postmaster_pid(layout.data)
    if server in live:
        if _recorded(layout) != (server, _began(server)):
            raise ClusterError(
                f"The database in {layout.data} is in use by a PostgreSQL server that Guildbank "
                f"did not start (process {server}). Stop that server first (kill -INT {server}), "
                "or choose another data folder."
            )
        say(f"Stopping PostgreSQL ({server}), left behind by a Guildbank that was killed")
        if _end([server], signal.SIGINT, _FAST_SECONDS):
            _end([server], signal.SIGQUIT, _QUIT_SECONDS)
    elif server and not live and _exists(server):
        # PostgreSQL would take any process of that number for itself and refuse to start.
        (layout.data / "postmaster.pid").unlink(missing_ok=True)
    _end_all(layout)


def postmaster_pid(data: Path) -> int | None:
    """Return the pid that the server wrote, whether or not it still lives."""
    lines = status_lines(data)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def status_lines(data: Path) -> list[str]:
    """Return the lines of postmaster.pid, stripped; line 1 is the pid, line 8 the state."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _end_all(layout: Layout) -> None:
    for number, seconds in ((signal.SIGQUIT, _QUIT_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        live = _processes_in(layout.data)
        if live and not _end(live, number, seconds):
            return
    if live := _processes_in(layout.data):
        raise ClusterError(
            f"Processes {live} of a former PostgreSQL in {layout.data} do not end, not even "
            "killed: the disk is probably not answering. See `dmesg`, then start again."
        )


def _end(pids: list[int], number: signal.Signals, seconds: float) -> list[int]:
    """Signal processes and wait; return those still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
            # A stopped process would hear nothing but SIGKILL.
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _exists(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _processes_in(data: Path) -> list[int]:
    """Return the PostgreSQL processes whose current folder is `data`."""
    try:
        wanted = data.stat()
    except FileNotFoundError:
        return []
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [pid for pid in pids if _works_in(pid, wanted)]


def serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL of `data`, not another that got its number."""
    try:
        return _works_in(pid, data.stat())
    except OSError:
        return False


def _works_in(pid: int, folder: os.stat_result) -> bool:
    try:
        here = os.path.samestat(os.stat(f"/proc/{pid}/cwd"), folder)
        return here and Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False  # It ended, or belongs to somebody else.


def _exists(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    fields = _stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def _began(pid: int) -> int:
    """Return the start time of a process in clock ticks since boot (0: none), proc(5) field 22."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else 0


def _stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/pid/stat from the state on; the name before may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _recorded(layout: Layout) -> tuple[int, int] | None:
    try:
        found = json.loads(layout.server_record.read_text())
        return int(found["pid"]), int(found["began"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
