"""Commands that make backups, check them and restore them, and the key that opens them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import FAILED, Data, fail, load, say, table, told

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from guildbank.app.restores import Restored

Folder = Annotated[Path, typer.Argument(help="The folder of one backup.")]
UNIT = 1_000_000


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(backup)
    app.command()(restore)
    app.command("recovery-key")(recovery_key)
    app.command("check-backup")(check)


def recovery_key(
    recipient: Annotated[
        str | None,
        typer.Option("--recipient", help="The public half (age1...) of a key made elsewhere."),
    ] = None,
    data: Data = None,
) -> None:
    """Make the key that opens backups, and show it once; the server keeps its public half alone.

    Backups that were made before open with the key from before.
    """
    if recipient is None and not sys.stdout.isatty():
        raise fail(
            "A recovery key is shown on a terminal only: a file, a pipe or a collector of logs "
            "would keep it. Or make one elsewhere with `age-keygen`, and name its public half with "
            "--recipient."
        )
    import asyncio

    from guildbank.app.backups import set_recipient
    from guildbank.app.local import Unreachable, local_database
    from guildbank.infra.backups import BackupError
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    settings = load(data=data)
    expected = told(BackupError, ClusterError, Unreachable, KeyUnusable)
    with expected, local_database(settings):
        secret, chosen = asyncio.run(set_recipient(settings, recipient))
    if secret is not None:
        say(f"\n  [bold]{secret}[/]\n")
        say("This is the recovery key, shown once and kept nowhere. Write it down, and keep it")
        say("apart from this machine and from the backups: without it none of them can be opened.")
    say(f"Backups are sealed to {chosen.text} from here on.")


def backup(
    to: Annotated[Path, typer.Option("--to", help="The folder that backups lie in.")],
    data: Data = None,
) -> None:
    """Write a backup of everything, sealed to the recovery key; the server may run meanwhile."""
    import asyncio

    from guildbank.app.backups import make_backup
    from guildbank.app.local import Unreachable, local_database
    from guildbank.infra.backups import BackupError
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    settings = load(data=data)
    expected = told(BackupError, ClusterError, Unreachable, KeyUnusable)
    with expected, local_database(settings), _watching() as watching:
        made = asyncio.run(make_backup(settings, to, watching))
    say(f"[green]ok[/] {made.folder} ({made.manifest.bytes / UNIT:.1f} MB)")
    say(f"It opens with the recovery key of {made.manifest.recipient}.")


def check(folder: Folder) -> None:
    """Compare a backup with its list of parts; needs no key, and so cannot look inside."""
    from guildbank.infra.backups import BackupError, check_parts, read_manifest

    with told(BackupError), _watching() as watching:
        manifest = read_manifest(folder)
        watching.stage("check", manifest.bytes)
        check_parts(folder, manifest, watching.step)
    rows = [(part.name, part.bytes, part.sha256) for part in manifest.parts]
    table(("part", "bytes", "sha256"), rows)
    say(f"[green]ok[/] made at {manifest.made_at.isoformat()} by Guildbank {manifest.guildbank}")


def restore(
    folder: Folder,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            help="A file of the recovery key, - for the input. [default: it is asked for]",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Make the deployment anew from a backup, in a data folder that is empty or not there yet.

    Every tenant is suspended then. Ends with 1 when something was restored and is not sound.
    """
    from guildbank.app.restores import restore as bring_back
    from guildbank.app.schema import MigrationFailed
    from guildbank.infra.backups import BackupError, read_recovery_key
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    settings = load(data=data)
    with told(BackupError, ClusterError, KeyUnusable, MigrationFailed):
        opener = read_recovery_key(_key_text(key_file))
        with _watching() as watching:
            restored = bring_back(settings, folder, opener, watching)
    _show(restored)
    if not restored.sound:
        raise typer.Exit(FAILED)


def _key_text(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Recovery key", hide_input=True))
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} cannot be read: {error}.") from None


def _show(restored: "Restored") -> None:
    for slug, journal, checked in restored.journals:
        wrong = journal.damage or (checked.problem if checked else None)
        state = f"[bold red]damaged[/] {slug}: {wrong}" if wrong else f"[green]ok[/] {slug}"
        say(f"{state}: seq 1 to {journal.seq}, hash {journal.hash.hex()}")
    for slug, proof in restored.proofs:
        verdict = "[green]ok[/]" if proof.ok else "[bold red]does not add up[/]"
        say(f"{verdict} {slug}: books of {proof.accounts} accounts")
        for problem in proof.problems:
            say(f"  [red]{problem.check}[/] {problem.subject}: {problem.detail}")
    say(f"Restored to {restored.data} as of {restored.manifest.made_at.isoformat()}.")
    if restored.proofs:
        say("Every tenant is suspended: what players and providers did since then is not in it.")
        say("Next: guildbank up; look at each tenant, then guildbank tenant resume SLUG")


class _Watching:
    """A progress bar for each stage; where nobody looks on, nothing is drawn."""

    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._size = 0
        self._name = ""

    def stage(self, name: str, total: int | None) -> None:
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)
        self._name = name
        self._task = self._bars.add_task(name, total=total)

    def step(self, steps: int = 1) -> None:
        if self._task is not None:
            self._bars.update(self._task, advance=steps)

    def moved(self, size: int) -> None:
        self._size += size
        if self._task is not None:
            text = f"{self._name}, {self._size / UNIT:.1f} MB in all"
            self._bars.update(self._task, description=text)


@contextmanager
def _watching() -> "Iterator[_Watching]":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as bars:
        yield _Watching(bars)
