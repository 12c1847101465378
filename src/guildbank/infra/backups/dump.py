"""PostgreSQL's own programs that write a database to a stream and read one from it."""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from guildbank.infra.backups.contracts import BackupError, Sink, Source

SCHEMAS = ("guildbank", "t_*")
"""Ours: a database of its owner's may hold others."""
_DUMP = ("--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", "--no-password")
_LOAD = ("--exit-on-error", "--no-owner", "--no-privileges", "--no-password")
_KEPT_LINES = 20
_TABLE = "dumping contents of table"


class Dumping(NamedTuple):
    """Where the database is, and the folder of the programs."""

    url: str
    programs: Path


def dump_database(
    where: Dumping, take: Callable[[Source], None], table: Callable[[], None]
) -> None:
    """Let `take` read a dump of one moment of the database, under any load.

    `table` is called for each table whose rows are begun. Raises BackupError.
    """
    schemas = [f"--schema={one}" for one in SCHEMAS]
    argv = [str(where.programs / "pg_dump"), *_DUMP, *schemas, "--verbose"]
    with _started(argv, where.url, stdout=subprocess.PIPE) as running:
        heard = _Heard(running, table)
        assert running.stdout is not None
        try:
            take(running.stdout)
        except BaseException:
            running.kill()
            raise
        finally:
            running.stdout.close()
        heard.until_end("The database could not be dumped")


def load_database(where: Dumping, give: Callable[[Sink], None], *, whole: bool) -> None:
    """Make in an empty database what `give` writes, a dump.

    `whole`: in one transaction, so that what fails leaves nothing. Raises BackupError.
    """
    one = ["--single-transaction"] if whole else []
    argv = [str(where.programs / "pg_restore"), *_LOAD, *one]
    with _started(argv, where.url, stdin=subprocess.PIPE) as running:
        heard = _Heard(running, lambda: None)
        assert running.stdin is not None
        try:
            give(running.stdin)
        except BaseException:
            # Whoever stops reading says why itself; else it is told to stop by what went wrong.
            if running.poll() is None:
                running.kill()
                raise
        finally:
            with suppress(BrokenPipeError):
                running.stdin.close()
        heard.until_end("The database could not be loaded")


class _Heard:
    """What a program says beside its data; the last lines are kept for an error."""

    def __init__(self, running: "subprocess.Popen[bytes]", table: Callable[[], None]) -> None:
        self._running = running
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        assert running.stderr is not None
        self._thread = threading.Thread(
            target=self._listen, args=(running.stderr, table), name="pg program", daemon=True
        )
        self._thread.start()

    def _listen(self, said: IO[bytes], table: Callable[[], None]) -> None:
        for line in said:
            text = line.decode(errors="replace").strip()
            self._lines.append(text)
            if _TABLE in text:
                table()

    def until_end(self, trouble: str) -> None:
        """Wait for the program's end; raise BackupError unless all went well."""
        code = self._running.wait()
        self._thread.join()
        if code != 0:
            wrong = [line for line in self._lines if "error:" in line or "FATAL" in line]
            words = "; ".join(wrong or list(self._lines)[-3:]) or f"it ended with {code}"
            raise BackupError(f"{trouble}: {words}")


def _started(
    argv: list[str], url: str, *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    address, password = _without_password(url)
    try:
        return subprocess.Popen(  # noqa: S603 - a program of the wheel
            [*argv, f"--dbname={address}"],
            # Arguments are seen by all users of a machine, the environment by its own alone.
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": password},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=os.sep,
        )
    except OSError as error:
        raise BackupError(f"{argv[0]} does not run: {error}.") from error


def _without_password(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=f"{name}{at}{host}")), unquote(password)
