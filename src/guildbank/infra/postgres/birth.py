"""Makes a new cluster: initdb, then the role and database that the app uses."""

import os
import subprocess
from pathlib import Path
from signal import SIGKILL

from guildbank.infra.postgres.address import socket_folder
from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.postgres.layout import OWNER, SUPERUSER, Layout
from guildbank.infra.private_files import sync_folder
from guildbank.infra.processes import launch_argv

SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""What the server sees of ours: none of PGDATA, PGOPTIONS, LD_LIBRARY_PATH or our secrets."""
_INITDB = (
    "--pgdata=/proc/self/cwd",
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # The built-in provider sorts alike on every machine, whatever its C library.
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    "--data-checksums",
    "--no-instructions",
)


def create_cluster(layout: Layout, binaries: Path, password: str) -> None:
    """Run initdb in a draft folder and put it in place whole."""
    layout.make_private(layout.draft)
    word = layout.run / "initdb.password"
    _write_for_server(layout, word, password)
    try:
        made = subprocess.run(  # noqa: S603 - a program of the wheel
            launch_argv(
                [str(binaries / "initdb"), *_INITDB, f"--pwfile=../run/{word.name}"],
                death_signal=SIGKILL,
                account=layout.account,
            ),
            cwd=layout.draft,
            env=SERVER_ENVIRONMENT,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            check=False,
        )
    finally:
        word.unlink(missing_ok=True)
    if made.returncode != 0:
        raise ClusterError(
            f"A new database could not be made in {layout.folder}; initdb said:\n{made.stdout}"
        )
    layout.draft.rename(layout.data)
    sync_folder(layout.folder)


def create_owner(layout: Layout, binaries: Path, passwords: dict[str, str]) -> None:
    """Make the app's role, no superuser, and its database, unless they exist."""
    word = passwords[OWNER].replace("'", "''")
    run_sql(
        layout,
        binaries,
        passwords[SUPERUSER],
        f"""
        SELECT 'CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE'
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec
        ALTER ROLE {OWNER} PASSWORD '{word}';
        """,  # noqa: S608 - our own names; psql takes no parameters here
    )
    create_database(layout, binaries, passwords[SUPERUSER], OWNER)


def create_database(layout: Layout, binaries: Path, password: str, name: str) -> None:
    """Make a database that the app's role owns, unless it exists."""
    if not name.replace("_", "a").isalnum() or not name.isascii():
        raise ValueError(f"{name!r} is not a database name")
    run_sql(
        layout,
        binaries,
        password,
        f"""
        SELECT 'CREATE DATABASE "{name}" OWNER {OWNER}'
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec
        REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;
        """,  # noqa: S608 - the name was checked above
    )


def run_sql(layout: Layout, binaries: Path, password: str, script: str) -> str:
    """Run a script as superuser with psql; return its output, raise ClusterError on failure."""
    done = subprocess.run(  # noqa: S603 - a program of the wheel
        [
            str(binaries / "psql"),
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
            *("--set=ON_ERROR_STOP=1", f"--host={socket_folder(layout.run)}"),
            *(f"--username={SUPERUSER}", "--no-password", "--dbname=postgres"),
        ],
        input=script,
        env={**SERVER_ENVIRONMENT, "PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(f"The embedded PostgreSQL refused its set-up: {done.stderr.strip()}")
    return done.stdout


def _write_for_server(layout: Layout, path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w") as out:
        if layout.account:
            os.fchown(file, layout.account.uid, layout.account.gid)
        out.write(text + "\n")
