"""How a child is started so that it neither hears the terminal nor outlives its parent."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Account:
    """A user of the operating system that a child runs as."""

    name: str
    uid: int
    gid: int


def launch_argv(
    argv: Sequence[str], *, death_signal: Signals, account: Account | None = None
) -> list[str]:
    """Return the command that runs `argv` as a child that gets `death_signal` when we die.

    The program is looked for on our PATH. "We" is the thread that spawns, by the rule of
    prctl(2): spawn from one that lives as long as the child may. With `account` the child becomes
    that user (only root can do that); its current folder stays the one it was spawned in, even
    if that user could not walk there.
    """
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    return [
        *script_argv("launch.py"),
        *(str(number) for number in (os.getpid(), death_signal.value, uid, gid)),
        shutil.which(argv[0]) or argv[0],
        *argv[1:],
    ]


def script_argv(name: str) -> list[str]:
    """Return the start of a command that runs a script of this folder without site packages."""
    return [sys.executable, "-I", "-S", str(_FOLDER / name)]


def group_alive(group: int) -> bool:
    """Whether any process of the group still runs; those that wait to be reaped do not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # In a container the first process may reap late or never, so the dead are told apart.
    return any(_runs_in(group, name) for name in os.listdir("/proc") if name.isdigit())


def _runs_in(group: int, pid: str) -> bool:
    """Read the state and the group from /proc/pid/stat, proc(5) fields 3 and 5."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[2]) == group


def signal_group(group: int, number: Signals) -> None:
    """Send a signal to a group; a group that is gone is no error."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
