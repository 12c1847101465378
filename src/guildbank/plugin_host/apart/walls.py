"""The wall around an installed plugin: bubblewrap, with nothing in it but Python and the plugin."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from functools import cached_property
from itertools import count
from pathlib import Path

import msgspec

import guildbank
from guildbank.plugin_api.runner.calls import known_machine
from guildbank.plugin_api.runner.limits import Limits

_USERS = range(61_184, 65_520)
"""Users that no account has (systemd gives them to services while they run)."""
_SCRATCH_BYTES = 16 * 1024 * 1024
_TURN = count(os.getpid())
_CORE = ("__init__.py", "kernel", "plugin_api")
_ROOT_LINKS = ("bin", "lib", "lib32", "lib64", "sbin")
_OVERRIDE = "GUILDBANK_ALLOW_UNCONFINED_PLUGINS=true runs installed plugins without the wall"


class Walls:
    """How plugins' processes are confined. `hidden` is the folder of the deployment's data.

    With `unconfined` a plugin runs without a wall where none can be built: as this user, who can
    read what the server reads. Its limits stay.
    """

    def __init__(self, hidden: Path, *, unconfined: bool = False, limits: Limits | None = None):
        self._hidden = hidden.absolute()
        self._unconfined = unconfined
        self._limits = limits or Limits()

    @cached_property
    def problem(self) -> str | None:
        """Why installed plugins cannot run here, None when they can; looked for once."""
        if not known_machine():
            return "no filter of system calls is known for this machine, so it is not run"
        return None if self._unconfined else self._no_wall

    @cached_property
    def _no_wall(self) -> str | None:
        program = shutil.which("bwrap")
        if program is None:
            return (
                "bubblewrap (bwrap) is not installed, so it is not run: install it (Debian: "
                f"apt-get install bubblewrap). {_OVERRIDE}"
            )
        tried = [*self._frame(program), *_python("-S", "-c", "")]
        ended = subprocess.run(  # noqa: S603 - a program of the system's
            tried, env=_environment(""), capture_output=True, check=False, timeout=30
        )
        if ended.returncode == 0:
            return None
        said = ended.stderr.decode(errors="replace").strip()[:300]
        return (
            f"the kernel does not let bubblewrap build a wall, so it is not run: {said}. Allow "
            f"user namespaces, or run as root where they are not needed. {_OVERRIDE}"
        )

    def command(self, files: Path, entry_point: str) -> tuple[list[str], dict[str, str]]:
        """Return the command that runs a plugin, and its whole environment."""
        if self._no_wall is not None:
            limits = msgspec.structs.replace(self._limits, threads=None)
            core = str(Path(guildbank.__file__).parent.parent)
            environment = _environment(":".join((core, str(files), *_packages())))
            return [*_runner(entry_point, limits)], environment
        limits = self._limits
        if os.geteuid() == 0:
            user = _USERS[next(_TURN) % len(_USERS)]
            limits = msgspec.structs.replace(limits, become=user)
        inside = [f"/packages/{number}" for number, _ in enumerate(_packages())]
        frame = self._frame(shutil.which("bwrap") or "bwrap", files)
        return (
            [*frame, *_runner(entry_point, limits)],
            _environment(":".join(("/core", "/plugin", *inside))),
        )

    def _frame(self, program: str, files: Path | None = None) -> list[str]:
        """Return bubblewrap and its options, up to the program that it runs."""
        binds = [(path, path) for path in ("/usr", os.path.realpath(sys.base_prefix))]
        binds += [(path, f"/packages/{n}") for n, path in enumerate(_packages())]
        core = Path(guildbank.__file__).parent
        binds += [(str(core / name), f"/core/guildbank/{name}") for name in _CORE]
        options = [program, *_namespaces(), "--die-with-parent", "--cap-drop", "ALL"]
        if os.geteuid() == 0:
            # The runner becomes another user with these, and then has none.
            options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        for folder in _parents(place for _, place in binds):
            # Whoever the runner becomes has to walk through them.
            options += ["--perms", "0755", "--dir", folder]
        for source, place in binds:
            options += ["--ro-bind", source, place]
        for name in _ROOT_LINKS:
            path = Path("/") / name
            if path.is_symlink():
                options += ["--symlink", os.readlink(path), str(path)]
            elif path.exists():
                options += ["--ro-bind", str(path), str(path)]
        options += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
        for device in ("null", "zero", "random", "urandom"):
            options += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        # Data below a folder that is shown would be shown with it.
        for source, place in binds:
            if self._hidden.is_relative_to(source) and self._hidden.exists():
                hole = Path(place) / self._hidden.relative_to(source)
                options += ["--tmpfs", str(hole)]
        if files is not None:
            options += ["--ro-bind", str(files), "/plugin"]
        if _has_sizes(program):
            options += ["--perms", "1777", "--size", str(_SCRATCH_BYTES), "--tmpfs", "/tmp"]  # noqa: S108 - its own
        return [*options, "--chdir", "/", "--remount-ro", "/", "--"]


def _parents(places: Iterable[str]) -> list[str]:
    """Return all folders above these, each after its own."""
    above = {str(one) for place in places for one in Path(place).parents}
    return sorted(above - {"/"})


def _namespaces() -> list[str]:
    if os.geteuid() == 0:
        # Root needs no user namespace, and becomes another user instead.
        return ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    return ["--unshare-all"]


def _has_sizes(program: str) -> bool:
    """Say whether this bubblewrap can bound a file system in memory; without, there is none."""
    told = subprocess.run([program, "--help"], capture_output=True, check=False, timeout=30)  # noqa: S603
    return b"--size" in told.stdout + told.stderr


def _runner(entry_point: str, limits: Limits) -> list[str]:
    told = msgspec.json.encode(limits).decode()
    return _python("-S", "-s", "-P", "-m", "guildbank.plugin_api.runner", entry_point, told)


def _python(*arguments: str) -> list[str]:
    return [os.path.realpath(sys.executable), *arguments]


def _packages() -> list[str]:
    found = (sysconfig.get_path(name) for name in ("purelib", "platlib"))
    return list(dict.fromkeys(os.path.realpath(path) for path in found))


def _environment(paths: str) -> dict[str, str]:
    return {
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PATH": "/usr/bin:/bin",
    }
