"""Where a cluster's files lie and who may touch them.

folder/           ours, 0700 (under root 0710 with the server's group: it may pass, not look)
  passwords.json  ours, 0600
  lock            ours, 0600: held while a Cluster runs
  server.json     ours, 0600: which process was started last
  start.log       ours, 0600: what the server said before its own log began
  data/ run/ log/ the server's user, 0700: database, socket, logs

No folder above is ever changed.
"""

import contextlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guildbank.infra.postgres.account import owner_name
from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.private_files import write_private
from guildbank.infra.processes import Account

SUPERUSER = "postgres"
OWNER = "guildbank"
_OURS = {"passwords.json", "lock", "server.json", "start.log", "data", "data.new", "run", "log"}


@dataclass(frozen=True)
class Layout:
    """The paths of one cluster; `account` is who runs the server, None for ourselves."""

    folder: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The database files."""
        return self.folder / "data"

    @property
    def draft(self) -> Path:
        """Database files that initdb has not finished."""
        return self.folder / "data.new"

    @property
    def run(self) -> Path:
        """The folder of the socket."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """The folder of the server's log files."""
        return self.folder / "log"

    @property
    def start_log(self) -> Path:
        """What the server said before its own log began."""
        return self.folder / "start.log"

    @property
    def server_record(self) -> Path:
        """Which process we started last."""
        return self.folder / "server.json"

    def prepare_folder(self) -> None:
        """Create the folder itself or check that it is ours; raise ClusterError otherwise."""
        with self._explained():
            _make(self.folder)
            self._check_folder()
            if self.account:
                os.chown(self.folder, 0, self.account.gid)
            self.folder.chmod(0o710 if self.account else 0o700)

    def prepare_inside(self) -> None:
        """Create and check what lies inside; call only while the folder's lock is held."""
        with self._explained():
            if self.draft.exists():
                shutil.rmtree(self.draft)
            for place in (self.run, self.log):
                self.make_private(place)
            if self.data.exists():
                self.make_private(self.data)

    def make_private(self, place: Path) -> None:
        """Create a folder of the server's user, or check that it is one; mode 0700."""
        uid, gid = (self.account.uid, self.account.gid) if self.account else (os.geteuid(), -1)
        if not place.exists():
            place.mkdir(mode=0o700)
            os.chown(place, uid, gid)
        found = place.lstat()
        if found.st_uid != uid or not stat.S_ISDIR(found.st_mode):
            raise ClusterError(
                f"{place} belongs to {owner_name(found.st_uid)}, but the server would run as "
                f"{owner_name(uid)}. Start Guildbank as the user that it was first started as, "
                f"or hand the files over: chown -R {owner_name(uid)} {place}"
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            place.chmod(0o700)

    def passwords(self) -> dict[str, str]:
        """Return the passwords of the two roles; raise ClusterError if there are none yet."""
        path = self.folder / "passwords.json"
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW)) as file:
                found = json.load(file)
            return {role: str(found[role]) for role in (SUPERUSER, OWNER)}
        except FileNotFoundError as error:
            raise ClusterError(
                f"There is no {path}: the embedded database in {self.folder} has not been "
                "started yet (guildbank up), or the file was lost; then restore it from a backup."
            ) from error
        except PermissionError as error:
            raise ClusterError(
                f"{path} may not be read: the embedded database in {self.folder} belongs to "
                f"another user. Run this as the user that started it."
            ) from error
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ClusterError(f"{path} is damaged ({error}); restore it from a backup.") from error

    def passwords_made_once(self) -> dict[str, str]:
        """Return the passwords, making them for a new cluster."""
        path = self.folder / "passwords.json"
        if not path.exists() and not self.data.exists():
            made = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER)}
            write_private(path, json.dumps(made) + "\n")
        return self.passwords()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ClusterError(
                f"The database folder {self.folder} cannot be prepared: {error}. The user "
                f"{owner_name(os.geteuid())} needs to be able to write there; choose another data "
                "folder with --data if it cannot."
            ) from error

    def _check_folder(self) -> None:
        found = self.folder.stat()
        if found.st_uid != os.geteuid():
            raise ClusterError(
                f"The database folder {self.folder} belongs to {owner_name(found.st_uid)}, and "
                f"this is {owner_name(os.geteuid())}. Start Guildbank as "
                f"{owner_name(found.st_uid)}, or choose another data folder with --data."
            )
        strangers = {name for name in os.listdir(self.folder) if not _is_ours(name)}
        if strangers:
            raise ClusterError(
                f"{self.folder} holds files that are not Guildbank's ({min(strangers)}), so no "
                "database is made there. Choose an empty folder."
            )


def _is_ours(name: str) -> bool:
    """Whether we made a file of that name; drafts of a cut-off write are `.name.hex`."""
    return name in _OURS or name.removeprefix(".").rpartition(".")[0] in _OURS


def _make(folder: Path) -> None:
    """Create a folder and the missing ones above it, each closed to others."""
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
