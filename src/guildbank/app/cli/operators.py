"""Commands that make, help and stop operators on the host itself; its holder needs no session."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from guildbank.app.cli.screen import Data, fail, load, say, server_url, table, told
from guildbank.infra.config import Settings

app = typer.Typer(
    help="Make, list, help and suspend operators, who work for a tenant or run the deployment.",
    no_args_is_help=True,
)
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", help="The slug of the tenant that they work for."),
]
Deployment = Annotated[
    bool, typer.Option("--deployment", help="Of who runs the deployment, in place of --tenant.")
]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role they will have; repeat for more. [default: owner]"),
]
Email = Annotated[str, typer.Argument(help="The operator's address.")]


@app.command()
def create(
    email: Email,
    name: Annotated[str, typer.Option("--name", help="The person's name, as others see it.")],
    tenant: Tenant = None,
    deployment: Deployment = False,
    role: Roles = None,
    data: Data = None,
) -> None:
    """Make an operator with a password that is typed here, or read from standard input.

    At the first sign-in an authenticator app is set up.
    """
    from guildbank.app import staffing

    owner = _owner(tenant, deployment)
    password = _password()
    with _database(load(data=data)) as settings:
        made = staffing.create(settings, owner, email, name, role or ["owner"], password)
    say(f"Created operator {made.id} ({made.address}). An app is set up at the first sign-in.")


@app.command("list")
def list_all(tenant: Tenant = None, deployment: Deployment = False, data: Data = None) -> None:
    """List operators of a tenant, or of the deployment."""
    from guildbank.app import staffing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        found = staffing.list_all(settings, owner)
    rows = (
        (one.id, one.address, one.name, one.state, ", ".join(one.roles), one.second_factor)
        for one in found
    )
    table(("id", "address", "name", "state", "roles", "app set up"), rows)


@app.command()
def suspend(
    email: Email, tenant: Tenant = None, deployment: Deployment = False, data: Data = None
) -> None:
    """Let an operator in no more, and end all sessions at once."""
    from guildbank.app import staffing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        stopped = staffing.suspend(settings, owner, email)
    say(f"Operator {stopped.id} ({stopped.address}) is suspended.")


@app.command("clear-factors")
def clear_factors(
    email: Email, tenant: Tenant = None, deployment: Deployment = False, data: Data = None
) -> None:
    """Take app, passkeys and recovery codes from who lost them, and end all sessions.

    The operator sets a new second factor up at the next sign-in, and hears of it by mail.
    """
    from guildbank.app import staffing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        cleared = staffing.clear_factors(settings, owner, email)
    say(
        f"Operator {cleared.id} ({cleared.address}) has no second factor, and sets one up at the "
        "next sign-in. A mail says so."
    )


@app.command("invite-link")
def invite_link(
    tenant: Tenant = None,
    deployment: Deployment = False,
    role: Roles = None,
    data: Data = None,
) -> None:
    """Show a link by which one person becomes an operator within an hour, on a terminal only."""
    from guildbank.app import staffing

    owner = _owner(tenant, deployment)
    if not sys.stdout.isatty():
        raise fail(
            "A link that makes an operator is shown on a terminal only: a file, a pipe or a "
            "collector of logs would keep it. Run this in a terminal, or make the operator with "
            "`guildbank operator create`, which reads a password."
        )
    with _database(load(data=data)) as settings:
        path = staffing.invite_link(settings, owner, role or ["owner"])
    say("Whoever opens this link within an hour becomes an operator. It works once:")
    typer.echo(f"{server_url(settings).rstrip('/')}{path}")


def _owner(tenant: str | None, deployment: bool) -> str | None:
    """Return the tenant meant, None for the deployment."""
    if (tenant is None) != deployment:
        raise fail("Say whose operators: --tenant with a slug, or --deployment.")
    return tenant


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.staffing import NotDone
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    with told(ClusterError, KeyUnusable, NotDone, Unreachable), local_database(settings):
        yield settings
