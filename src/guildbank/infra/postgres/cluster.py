"""The embedded PostgreSQL of one folder: created once, kept running, stopped in order."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from guildbank.infra.postgres.account import server_account
from guildbank.infra.postgres.address import connection_url, remove_short_way, socket_folder
from guildbank.infra.postgres.binaries import MAJOR, SHARED_FOLDER, binaries_for, wheel_binaries
from guildbank.infra.postgres.birth import create_cluster, create_database, create_owner
from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.postgres.layout import OWNER, SUPERUSER, Layout
from guildbank.infra.postgres.orphans import clear_orphans, postmaster_pid
from guildbank.infra.postgres.server import Server, drop_old_logs, is_ready
from guildbank.infra.postgres.settings import server_arguments
from guildbank.infra.processes import Backoff, FolderInUseError, FolderLock

_log = logging.getLogger("guildbank.postgres")
_LOOK_SECONDS = 0.1
_UPKEEP_SECONDS = 60.0
_BACKOFF = Backoff(first=0.1, most=10.0)


class Cluster:
    """A PostgreSQL 18 server on a Unix socket in `folder`, without any TCP port.

    `start` and `stop` are blocking; between them a thread restarts the server when it crashes.
    When this process is killed the server shuts down by itself, and a later start ends what is
    left. `settings` are server settings by name; those that keep others out are refused.
    `shared` is where root keeps a copy of the programs if the server's user cannot reach them.

    All methods raise ClusterError with a sentence for a person.
    """

    def __init__(
        self,
        folder: Path,
        *,
        shared_buffers: str = "256MB",
        settings: Mapping[str, str] | None = None,
        start_seconds: float = 600.0,
        stop_seconds: float = 60.0,
        shared: Path = SHARED_FOLDER,
    ) -> None:
        self.folder = folder.absolute()
        self._arguments = server_arguments({"shared_buffers": shared_buffers, **(settings or {})})
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._shared = shared
        self._layout = Layout(self.folder, None)
        self._server: Server | None = None
        self._keeper: threading.Thread | None = None
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Create the cluster if there is none, start it, and return when it takes connections."""
        if self._keeper:
            raise ClusterError(f"The database in {self.folder} has already been started here.")
        self._started.clear()
        self._stopping.clear()
        self._failure = None
        # The server dies with the thread that spawned it, so that thread must be ours.
        self._keeper = threading.Thread(target=self._run, name="postgres", daemon=True)
        self._keeper.start()
        try:
            self._started.wait()
        except BaseException:
            self.stop()
            raise
        failure = self._failed()
        if failure:
            self.stop()
            raise failure

    def stop(self) -> None:
        """Shut down fast and return when no process is left; doing it twice is no error."""
        self._stopping.set()
        if self._keeper:
            self._keeper.join()
            self._keeper = None

    def running(self) -> bool:
        """Whether a server takes connections in the folder, started here or elsewhere."""
        return is_ready(self._layout, self._server.pid if self._server else None)

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it does not run."""
        return postmaster_pid(self._layout.data) if self.running() else None

    def url(self, database: str = OWNER, *, superuser: bool = False) -> str:
        """Return `postgresql://role:password@/database?host=<socket folder>`.

        Works for any process of the user that started the cluster, also while it is stopped.
        """
        role = SUPERUSER if superuser else OWNER
        return connection_url(self._layout.run, role, self._layout.passwords()[role], database)

    def create_database(self, name: str) -> str:
        """Make a further database that the app's role owns, unless it exists; return its URL."""
        word = self._layout.passwords()[SUPERUSER]
        create_database(self._layout, wheel_binaries(), word, name)
        return self.url(name)

    def binary(self, name: str) -> Path:
        """Return the path of a PostgreSQL program, such as psql or pg_dump, for us to run."""
        path = wheel_binaries() / name
        if not path.is_file():
            raise ClusterError(f"PostgreSQL {MAJOR} has no program named {name!r}.")
        return path

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _failed(self) -> BaseException | None:
        return self._failure

    def _run(self) -> None:
        """Live as long as the server does: the keeper thread."""
        lock: FolderLock | None = None
        try:
            account = server_account()
            layout = self._layout = Layout(self.folder, account)
            layout.prepare_folder()
            lock = self._lock()
            layout.prepare_inside()
            self._check_version()
            binaries = binaries_for(account, self._shared)
            clear_orphans(layout, _log.warning)
            passwords = layout.passwords_made_once()
            if not layout.data.exists():
                create_cluster(layout, binaries, passwords[SUPERUSER])
            self._serve(binaries)
            create_owner(layout, wheel_binaries(), passwords)
            self._started.set()
            self._keep(binaries)
        except BaseException as error:
            self._failure = error
            if self._started.is_set():
                _log.exception("PostgreSQL is no longer supervised")
        finally:
            self._halt()
            if lock:
                self._tidy()
                lock.release()
            self._started.set()

    def _lock(self) -> FolderLock:
        lock = FolderLock(self.folder)
        try:
            lock.acquire()
        except FolderInUseError as error:
            raise ClusterError(str(error)) from error
        except OSError as error:
            raise ClusterError(f"{self.folder} cannot be locked: {error}") from error
        return lock

    def _check_version(self) -> None:
        path = self._layout.data / "PG_VERSION"
        if not self._layout.data.exists():
            return
        try:
            found = path.read_text().strip()
        except OSError as error:
            raise ClusterError(
                f"{self._layout.data} is not a PostgreSQL database ({error}). Nothing was "
                "changed. Restore it from a backup, or move it away to start with an empty one."
            ) from error
        if found != str(MAJOR):
            raise ClusterError(
                f"The database in {self._layout.data} was made by PostgreSQL {found}, and this "
                f"Guildbank brings PostgreSQL {MAJOR}, which cannot read it. Nothing was changed. "
                "Dump it with the Guildbank release that made it (pg_dump) and load the dump "
                "into a new folder, or go back to that release."
            )

    def _serve(self, binaries: Path) -> None:
        drop_old_logs(self._layout)
        self._server = Server(self._layout, binaries, self._arguments)
        self._server.wait_ready(self._start_seconds, self._stopping.is_set)

    def _keep(self, binaries: Path) -> None:
        """Restart the server whenever it ends, until we are told to stop."""
        failures, looked_after, began = 0, time.monotonic(), time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            if time.monotonic() - looked_after > _UPKEEP_SECONDS:
                looked_after = time.monotonic()
                self._upkeep()
            if self._server and self._server.alive():
                continue
            failures = 1 if time.monotonic() - began > _BACKOFF.forget_after else failures + 1
            self._restart(binaries, failures)
            began = time.monotonic()

    def _restart(self, binaries: Path, failures: int) -> None:
        if self._server:
            how = self._server.end()
            _log.warning("PostgreSQL (%s) ended: %s; starting it again", self._server.pid, how)
        if self._stopping.wait(_BACKOFF.seconds(failures)):
            return
        try:
            clear_orphans(self._layout, _log.warning)
            self._serve(binaries)
        except (ClusterError, OSError) as error:
            _log.error("PostgreSQL could not be started again: %s", error)
            self._halt()
        else:
            _log.warning("PostgreSQL runs again (%s)", self._server and self._server.pid)

    def _upkeep(self) -> None:
        try:
            drop_old_logs(self._layout)
            # Systems that clean /tmp would cut new connections off.
            socket_folder(self._layout.run)
        except (ClusterError, OSError) as error:
            _log.warning("PostgreSQL's folder cannot be looked after: %s", error)

    def _tidy(self) -> None:
        """Leave neither a backend of a killed server nor a way to its socket."""
        try:
            clear_orphans(self._layout, _log.warning)
            remove_short_way(self._layout.run)
        except (ClusterError, OSError) as error:
            _log.warning("PostgreSQL's folder cannot be tidied: %s", error)

    def _halt(self) -> None:
        server, self._server = self._server, None
        if server:
            try:
                server.stop(self._stop_seconds)
            except ClusterError as error:
                self._failure = error
                _log.error("%s", error)
