"""The command that says how a deployment is."""

import typer

from guildbank.app.cli.screen import FAILED, Data, load, say, table


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(doctor)


def doctor(data: Data = None) -> None:
    """Say what is configured, what answers and what is missing.

    Ends with 1 when anything that is needed is missing.
    """
    settings = load(data=data)
    from guildbank.app.checkup import State, examine

    findings = examine(settings)
    table(("part", "state", "what was found"), findings)
    missing = sum(finding.state is State.MISSING for finding in findings)
    if missing:
        say(f"[bold red]{missing}[/] of {len(findings)} parts are missing.")
        raise typer.Exit(FAILED)
    say("[green]Everything that is needed is there.[/]")
