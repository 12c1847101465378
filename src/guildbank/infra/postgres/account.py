"""The system user that the server runs as, because PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess

from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.processes import Account

ACCOUNT_NAME = "guildbank-pg"


def server_account() -> Account | None:
    """Return the user to run the server as: ourselves (None), or under root a user of its own.

    Under root the user `guildbank-pg` is created if missing; it has no password, no shell and no
    home. Raises ClusterError when that is impossible.
    """
    if os.geteuid() != 0:
        return None
    account = _find()
    if account is None:
        problem = _create()
        account = _find()
        # Another Guildbank may have created it in the meantime: only its absence is a failure.
        if account is None:
            raise ClusterError(
                f"PostgreSQL does not run as root, and its own system user {ACCOUNT_NAME!r} "
                f"cannot be created ({problem}). Create it (useradd --system --user-group "
                f"{ACCOUNT_NAME}), run Guildbank as an ordinary user, or set "
                "GUILDBANK_DATABASE_URL to a PostgreSQL of your own."
            )
    if account.uid == 0 or account.gid == 0:
        raise ClusterError(
            f"The system user {ACCOUNT_NAME!r} has the rights of root (uid {account.uid}, gid "
            f"{account.gid}); PostgreSQL must not. Give it ids of its own."
        )
    return account


def owner_name(uid: int) -> str:
    """Return a user's name for a message, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _find() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create() -> str:
    """Try to create the user; return what went wrong, if anything did."""
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return "there is no useradd on this machine"
    made = subprocess.run(  # noqa: S603 - fixed arguments
        [
            program,
            *("--system", "--user-group", "--no-create-home"),
            *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"),
            ACCOUNT_NAME,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return made.stderr.strip() or f"useradd ended with exit code {made.returncode}"
