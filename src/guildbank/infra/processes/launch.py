"""Becomes the program of a child: drops privileges, ties its life to its parent's, then execs.

Run as a file by `python -I -S`, never imported by the server, so that nothing runs between fork
and exec in a threaded parent. Arguments: parent pid, signal sent when the parent dies, uid, gid
(-1: stay who we are), then the program and its arguments. Exit codes before the program starts:
125 the parent is already gone or privileges cannot be dropped, 126 not allowed, 127 not found.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
_TO_DEFAULT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


def main() -> None:
    """Exec the program named by the arguments; returns only by exiting."""
    parent, death_signal, uid, gid = (int(text) for text in sys.argv[1:5])
    program = sys.argv[5:]
    if uid >= 0:
        _become(uid, gid)
    # A change of user clears the death signal, so it is set after.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        _fail(125, f"prctl refused: {os.strerror(ctypes.get_errno())}")
    # A parent that died before the line above sends nothing.
    if os.getppid() != parent:
        _fail(125, "the process that started this one is already gone")
    # Ignored and blocked signals survive exec; a child must hear its stop signal.
    for number in _TO_DEFAULT:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        # Nothing may be imported from here on: the new user may not read our Python.
        os.execv(program[0], program)  # noqa: S606 - to become that program is the point
    except PermissionError as error:
        _fail(126, f"{program[0]}: {error.strerror}")
    except OSError as error:
        _fail(127, f"{program[0]}: {error.strerror}")


def _become(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        _fail(125, f"cannot become uid {uid}, gid {gid}: {error.strerror}")


def _fail(code: int, sentence: str) -> None:
    sys.stderr.write(f"guildbank launch: {sentence}\n")
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
