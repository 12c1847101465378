"""Commands about players: bring them along from another system."""

from pathlib import Path
from typing import Annotated

import typer

from guildbank.app.cli.screen import FAILED, Data, load, say, told

app = typer.Typer(help="Bring players along from another system.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `import` a subcommand, though it is the only one."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV in UTF-8 with a line of column names.",
            dir_okay=False,
            exists=True,
            readable=True,
        ),
    ],
    tenant: Annotated[str, typer.Option("--tenant", help="The slug of whose players they are.")],
    refused: Annotated[
        Path | None,
        typer.Option(
            "--refused", help="Where lines go that were not taken. [default: beside FILE]"
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Add the players of a CSV file, with the password hashes that they had.

    Columns: externalId, username, email, emailConfirmed (true or false), passwordHash (bcrypt or
    argon2id), locale, country; a line needs one of the first three. Run it again after it broke
    off: lines that were taken are known. Ends with 1 when lines were refused.
    """
    settings = load(data=data)
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from guildbank.app.import_players import BadFile, import_file
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.verify import NoTenant
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError
    from guildbank.journal import Unavailable

    path = refused or file.with_suffix(".refused.csv")
    bars = Progress(
        TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TimeRemainingColumn(), transient=True
    )
    task = bars.add_task("", total=max(1, file.stat().st_size))
    expected = told(ClusterError, KeyUnusable, NoTenant, Unreachable, BadFile, Unavailable, OSError)
    with expected, local_database(settings), bars:
        report = import_file(
            settings, tenant, file, path, lambda done: bars.update(task, completed=done)
        )
    count = sum(report.refused.values())
    say(f"Players added: [green]{report.taken:,}[/]; there from an earlier run: {report.again:,}")
    if not count:
        path.unlink()
        return
    say(f"Lines refused: [bold red]{count:,}[/]; {path} says which and why:")
    for code, lines in report.refused.most_common():
        say(f"  {lines:,} {code}")
    raise typer.Exit(FAILED)
