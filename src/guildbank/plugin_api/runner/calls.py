"""Refuses those system calls to a plugin that get memory or processes past its limits.

A limit on memory counts what a process maps. Some memory is counted nowhere: shared segments that
nobody has attached, files without a name, file systems of a user namespace of one's own. And a new
process has limits of its own. So a plugin starts none, and makes none of these.

A filter is a program of classic BPF (kernel documentation, userspace-api/seccomp_filter).
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping, Sequence

_PR_SET_SECCOMP = 22
_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_CLONE_THREAD = 0x00010000
_OTHER_TABLE = 0x40000000
"""From here on are the numbers of x32, another table of the same calls."""

_MACHINES: Mapping[str, tuple[int, int, int, Sequence[int]]] = {
    # The architecture's mark, clone, clone3, and what is refused, in this order: fork, vfork,
    # shmget, semget, msgget, memfd_create, memfd_secret, unshare, setns, mount, umount2, fsopen,
    # open_tree, move_mount, fsconfig, fsmount, ptrace, process_vm_readv, process_vm_writev,
    # pidfd_getfd, bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl, add_key, request_key.
    "x86_64": (
        0xC000003E, 56, 435,
        (57, 58, 29, 64, 68, 319, 447, 272, 308, 165, 166, 430, 428, 429, 431, 432, 101, 310, 311,
         438, 321, 298, 323, 425, 250, 248, 249),
    ),
    "aarch64": (
        0xC00000B7, 220, 435,
        (194, 190, 186, 279, 447, 97, 268, 40, 39, 430, 428, 429, 431, 432, 117, 270, 271,
         438, 280, 241, 282, 425, 219, 217, 218),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def known_machine() -> bool:
    """Say whether the numbers of this machine's calls are known here."""
    return platform.machine() in _MACHINES


def refuse_calls() -> None:
    """Refuse them to this process from now on; raises OSError where the kernel has no filters.

    Needs no_new_privs.
    """
    arch, clone, clone3, refused = _MACHINES[platform.machine()]
    steps = [
        _step(_LOAD, _ARCH_AT),
        _step(_EQUAL, arch, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _OTHER_TABLE, no=1),
        _step(_RETURN, _ERROR | errno.EPERM),
        # Its flags lie in memory, where no filter looks: C libraries then take clone.
        _step(_EQUAL, clone3, no=1),
        _step(_RETURN, _ERROR | errno.ENOSYS),
    ]
    for number in refused:
        steps += [_step(_EQUAL, number, no=1), _step(_RETURN, _ERROR | errno.EPERM)]
    steps += [
        _step(_EQUAL, clone, yes=1),
        _step(_RETURN, _ALLOW),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_ANY_OF, _CLONE_THREAD, no=1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERROR | errno.EPERM),
    ]
    program = _Program(len(steps), b"".join(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel takes no filter of calls: {os.strerror(number)}")


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Return an instruction; `yes` and `no` are how many it skips after a comparison."""
    return struct.pack("=HBBI", code, yes, no, value)
