"""Other users of the machine: what they can do is tried, not read from permission bits."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from guildbank.infra.postgres import Cluster

ROOT = os.geteuid() == 0
_BECOME = """
import os, socket, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
"""
_OPEN = "open(sys.argv[3], 'rb').read(); print('read it')"
_LIST = "print(os.listdir(sys.argv[3]))"
_CONNECT = """
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[3]); print('connected')
"""


def as_user(name: str, code: str, path: Path) -> str:
    """Run code as another user; return what it printed and said. Needs root."""
    user = pwd.getpwnam(name)
    done = subprocess.run(
        [sys.executable, "-c", _BECOME + code, str(user.pw_uid), str(user.pw_gid), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.stdout + done.stderr


def reading_as(name: str, path: Path) -> str:
    return as_user(name, _LIST if path.is_dir() else _OPEN, path)


def connecting_as(name: str, socket_path: Path) -> str:
    return as_user(name, _CONNECT, socket_path)


def small(folder: Path, **options: object) -> Cluster:
    """A cluster that takes little memory, for tests that break one."""
    return Cluster(folder, shared_buffers="16MB", **options)  # type: ignore[arg-type]


def ask(cluster: Cluster, sql: str, *, superuser: bool = False) -> str:
    """Return the first value of the first row."""
    done = subprocess.run(
        [str(cluster.binary("psql")), cluster.url(superuser=superuser), "-XAtqc", sql],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()
