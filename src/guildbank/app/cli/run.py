"""Commands that run Guildbank or make its database ready."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import Data, fail, load, say, told

if TYPE_CHECKING:
    from guildbank.infra.migrations.run import Migrated

Port = Annotated[int | None, typer.Option("--port", min=1, max=65534, help="[default: 8080]")]
Host = Annotated[str | None, typer.Option("--host", help="[default: 127.0.0.1]")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=64, help="Server processes. [default: 1]")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(up)
    app.command()(serve)
    app.command()(worker)
    app.command()(migrate)
    app.command(hidden=True)(openapi)
    app.command(hidden=True)(permissions)


def up(
    port: Port = None,
    host: Host = None,
    data: Data = None,
    workers: Workers = None,
    no_demo: Annotated[
        bool, typer.Option("--no-demo", help="Make neither a demo tenant nor its provider.")
    ] = False,
    no_lab: Annotated[
        bool,
        typer.Option("--no-lab", help="Play no Stripe, PayPal, Apple, Google and Steam to it."),
    ] = False,
    safe: Annotated[
        bool,
        typer.Option(
            "--safe", help="Run only plugins that come with Guildbank, to switch a broken one off."
        ),
    ] = False,
) -> None:
    """Start everything: the database, the server, the worker, and a demo to play with.

    Ctrl-C drains and stops all of it; the next start goes on with all data.
    """
    settings = load(
        port=port, host=host, data=data, workers=workers, demo=False if no_demo else None,
        lab=False if no_lab else None, safe=safe or None,
    )  # fmt: skip
    from guildbank.app import up as starting
    from guildbank.app.cli.banner import show

    strangers = _say_what_runs(safe=settings.safe)
    try:
        starting.up(settings, show, _note)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        # Errors whose text is for a person; any other is a defect and shows its trace.
        if not isinstance(error, _explained()):
            raise
        raise fail(f"{error}{_perhaps(error, strangers)}") from None
    say("Guildbank has stopped.")


def serve(
    rooms: Annotated[
        str, typer.Option("--rooms", help="Serve only the routes of these rooms, with commas.")
    ] = "",
    port: Port = None,
    host: Host = None,
    data: Data = None,
    workers: Workers = None,
) -> None:
    """Serve HTTP over a database that runs already."""
    settings = load(port=port, host=host, data=data, workers=workers)
    from guildbank.app.rooms import UnknownRoom
    from guildbank.app.serving import serve as run
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.processes import PortTakenError, require_free_port

    chosen = [name.strip() for name in rooms.split(",") if name.strip()]
    with told(UnknownRoom, KeyUnusable, PortTakenError):
        require_free_port(settings.host, settings.port)
        raise typer.Exit(run(settings, chosen))


def worker(data: Data = None) -> None:
    """Run background jobs; any number of workers may run beside each other."""
    settings = load(data=data)
    from guildbank.app.worker import work
    from guildbank.infra.crypto import KeyUnusable

    with told(KeyUnusable):
        raise typer.Exit(work(settings))


def migrate(data: Data = None) -> None:
    """Bring the control schema and every tenant's to the version of this program."""
    settings = load(data=data)
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.schema import MigrationFailed, bring_forward
    from guildbank.infra.postgres import ClusterError

    def report(result: "Migrated", done: int, total: int) -> None:
        if result.error:
            say(f"[red]failed[/]   {result.schema}: {result.error}")
        elif result.before == result.after:
            say(f"[dim]current[/]  {result.schema} ({done} of {total})")
        else:
            say(f"[green]migrated[/] {result.schema} to {result.after} ({done} of {total})")

    with told(MigrationFailed, ClusterError, Unreachable), local_database(settings) as url:
        changed = bring_forward(url, report)
    say(f"{changed} schemas changed." if changed != 1 else "1 schema changed.")


def openapi() -> None:
    """Print the OpenAPI document of all rooms."""
    from guildbank.app.document import openapi_document

    sys.stdout.write(openapi_document())


def permissions() -> None:
    """Print the page that says who can do what: docs/who-can-do-what.md."""
    from guildbank.app.who_can_do_what import who_can_do_what

    sys.stdout.write(who_can_do_what())


def _say_what_runs(*, safe: bool) -> list[str]:
    """Say what is left out, or what runs inside the server that Guildbank does not bring.

    Return the latter: whatever is said now must be of use while nothing starts.
    """
    from guildbank.plugin_host import strangers

    names = [f"{name} (pip: {distribution})" for name, distribution in strangers()]
    if safe:
        _note(
            "safe mode: only plugins that come with Guildbank run. What needs another is refused, "
            "all else goes on. Switch the broken one off now: publish a revision without it, or "
            "switch its account off. Then take it away (`guildbank plugin remove`, or pip "
            "uninstall) and start without --safe"
        )
        return []
    if names:
        _note(
            f"inside the server run plugins that were put there with pip: {', '.join(names)}. "
            "Should it not start or not stay up, stop it and run `guildbank up --safe`: it starts "
            "without them"
        )
    return names


def _perhaps(error: Exception, strangers: list[str]) -> str:
    """Return what to do about a process that did not start, where a plugin may be why."""
    from guildbank.infra.processes import ChildFailedError

    if not strangers or not isinstance(error, ChildFailedError):
        return ""
    return (
        f" A plugin may be why: {', '.join(strangers)}. `guildbank up --safe` starts without them."
    )


def _note(sentence: str) -> None:
    sys.stderr.write(f"guildbank: {sentence}.\n")


def _explained() -> tuple[type[Exception], ...]:
    """Return the errors of a start that say what to do; imported when one has happened."""
    from guildbank.app.client import Refused
    from guildbank.app.credentials import CredentialsBroken
    from guildbank.app.first_key import NoKey
    from guildbank.app.schema import MigrationFailed
    from guildbank.app.staffing import NotDone
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError
    from guildbank.infra.processes import (
        ChildFailedError,
        FolderInUseError,
        PortTakenError,
    )

    return (
        ChildFailedError,
        ClusterError,
        CredentialsBroken,
        FolderInUseError,
        KeyUnusable,
        MigrationFailed,
        NoKey,
        NotDone,
        OSError,
        PortTakenError,
        Refused,
    )
