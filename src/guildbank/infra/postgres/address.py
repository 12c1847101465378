"""How clients reach the socket, also when its folder's path is longer than a socket's may be.

A socket address holds 107 bytes. The server never meets that limit, because it names the socket
relative to its own folder. Clients of a deep folder go through a short private folder that holds
a link to the real one; the link grants nobody more than the real folder does.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from guildbank.infra.postgres.errors import ClusterError

PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_ADDRESS_BYTES = 107  # sizeof(sun_path) - 1, unix(7)
_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")  # what every driver reads alike inside a URL


def socket_folder(run: Path) -> Path:
    """Return the folder to name as host: `run` itself, or a short way to it.

    Raises ClusterError when the short way's name is taken by somebody else.
    """
    if _fits(run) and _PLAIN.fullmatch(str(run)):
        return run
    return _short_way(run)


def remove_short_way(run: Path) -> None:
    """Take away what `socket_folder` may have made; for a server that has stopped."""
    if socket_folder(run) != run:
        shutil.rmtree(socket_folder(run).parent, ignore_errors=True)


def connection_url(run: Path, role: str, password: str, database: str) -> str:
    """Return `postgresql://role:password@/database?host=<socket folder>`."""
    return (
        f"postgresql://{role}:{quote(password, safe='')}@/{quote(database, safe='')}"
        f"?host={socket_folder(run)}"
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) <= _ADDRESS_BYTES


def _short_way(run: Path) -> Path:
    name = f"guildbank-{os.geteuid()}-{hashlib.sha256(os.fsencode(run)).hexdigest()[:16]}"
    private = next(base / name for base in _bases() if _usable(base / name / "run"))
    link = private / "run"
    try:
        private.mkdir(mode=0o700, exist_ok=True)
        found = private.lstat()
        # /tmp is open to all: trust only what nobody else can have made or can change.
        if (
            not stat.S_ISDIR(found.st_mode)
            or found.st_uid != os.geteuid()
            or stat.S_IMODE(found.st_mode) & 0o077
        ):
            raise ClusterError(
                f"{private} should be a private folder of this user (the path {run} is too long "
                "for a socket), but somebody else made it or can write it. Remove it, or choose a "
                "data folder with a shorter path."
            )
        if not link.is_symlink() or link.readlink() != run:
            draft = private / f".run.{os.getpid()}"
            draft.unlink(missing_ok=True)
            draft.symlink_to(run)
            draft.rename(link)
    except OSError as error:
        raise ClusterError(
            f"The path {run} is too long for a socket, and a short way to it cannot be made in "
            f"{private.parent}: {error}. Choose a data folder with a shorter path."
        ) from error
    return link


def _usable(link: Path) -> bool:
    return _fits(link) and bool(_PLAIN.fullmatch(str(link)))


def _bases() -> list[Path]:
    """Return places for short paths, the most private first; the last one always fits."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    ours = runtime.is_dir() and runtime.stat().st_uid == os.geteuid()
    return [*([runtime] if ours else []), Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108
