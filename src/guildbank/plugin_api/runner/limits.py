"""What the kernel holds a plugin's process to, set before any of its code runs."""

import ctypes
import os
import resource
import signal

import msgspec

_MIB = 1024 * 1024
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of one process; `become` is the user that it turns into, where root starts it.

    `threads` is left out where the process shares its user with others, whose processes count too.
    """

    memory_bytes: int = 512 * _MIB
    cpu_seconds: int = 600
    files: int = 64
    file_bytes: int = 16 * _MIB
    threads: int | None = 64
    become: int | None = None


def hold_to(limits: Limits) -> None:
    """Set the limits on this process for good; raises OSError where the kernel refuses."""
    if limits.become is not None:
        os.setgroups([])
        os.setresgid(limits.become, limits.become, limits.become)
        os.setresuid(limits.become, limits.become, limits.become)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    chosen = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    if limits.threads is not None:
        chosen[resource.RLIMIT_NPROC] = limits.threads
    for which, most in chosen.items():
        resource.setrlimit(which, (most, most))


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")
