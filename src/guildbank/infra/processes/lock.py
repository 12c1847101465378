"""One owner a folder: a second server on the same data must stop before it touches anything."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType


class FolderInUseError(RuntimeError):
    """Another live process holds the folder; `pid` is None when it has not said who it is."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        what = "stop it first" + (f" (kill {pid})" if pid else "")
        super().__init__(
            f"{folder} is in use by {who}. Two servers on one folder would damage each other: "
            f"{what}, or choose another folder."
        )
        self.folder = folder
        self.pid = pid


class FolderLock:
    """An advisory lock (flock) on `folder/lock` that the kernel releases when its holder dies.

    The file names the holder's pid and stays behind on release: removing it would let two
    processes lock two files of one name. Raises FolderInUseError, or OSError when the folder
    cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise at once."""
        if self._file is not None:
            raise RuntimeError(f"{self.folder} is already locked by this very object")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.folder / "lock", flags, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(file)
            os.close(file)
            raise FolderInUseError(self.folder, pid) from None
        except BaseException:
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; doing it twice is no error."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _pid_in(file: int) -> int | None:
    with contextlib.suppress(ValueError):
        return int(os.pread(file, 32, 0))
    return None
