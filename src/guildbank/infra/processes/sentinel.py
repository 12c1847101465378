"""Outlives a supervisor that is killed -9 just long enough to end what it left behind.

The death signal reaches only direct children; a server's own workers would live on and hold its
port. Run as a file by `python -I -S` with the read end of the supervisor's pipe as stdin: lines
`+<group>` and `-<group>` name process groups in use, end of file means that the supervisor is
gone. Then every group left gets SIGTERM, and after the grace time (argument 1, seconds) SIGKILL.
"""

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    """Watch stdin to its end, then end every group still named."""
    # Only the end of the pipe ends this process: a service stop signals everything at once.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    grace_seconds = float(sys.argv[1])
    groups: set[int] = set()
    for line in sys.stdin:
        if line[0] == "+":
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    _end(groups, grace_seconds)


def _end(groups: set[int], grace_seconds: float) -> None:
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while any(_alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
