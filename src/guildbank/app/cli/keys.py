"""Commands that keep machine keys: over HTTP, but for the first key of a deployment."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from guildbank.app.cli.screen import Data, KeyOption, client, fail, load, say, table, told, waits
from guildbank.infra.config import Settings

app = typer.Typer(help="Create, list and revoke the keys of machines.", no_args_is_help=True)
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's slug. [default: the key's own]")
]


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="What the key is for.")],
    tenant: Tenant = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="What it may do; repeat for more.")
    ] = None,
    all_scopes: Annotated[
        bool, typer.Option("--all-scopes", help="Everything that a tenant's key may do.")
    ] = False,
    publishable: Annotated[
        bool, typer.Option("--publishable", help="A pk_ key for clients; it allows nothing.")
    ] = False,
    deployment: Annotated[
        bool,
        typer.Option(
            "--deployment",
            help="A key of the deployment, made in the database itself: also for the first one.",
        ),
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            help="A network from which alone it may be used, such as 203.0.113.0/24; repeat.",
        ),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", help="RFC 3339, such as 2030-01-31T00:00:00Z.")
    ] = None,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Create a key and print it. It is shown this once and stored nowhere.

    Where a second person must agree, `key fetch` prints it once somebody did.
    """
    settings = load(data=data)
    if deployment:
        if tenant or scope or all_scopes or publishable or expires_at:
            raise fail(
                "A deployment key has one scope and no tenant: give only --name, and --allow."
            )
        _deployment_key(settings, name, allow or [])
        return
    command: dict[str, object] = {"name": name}
    if publishable:
        command["kind"] = "publishable"
    else:
        command["scopes"] = _scopes(scope or [], all_scopes)
    given = (("tenant", tenant), ("expiresAt", expires_at), ("allowedAddresses", allow or None))
    for field, value in given:
        if value is not None:
            command[field] = value
    with client(settings, key, deployment=tenant is not None) as server:
        made = server.post("/v1/keys", command)
    _show(made, of_deployment=tenant is not None)


@app.command()
def fetch(
    approval_id: Annotated[str, typer.Argument(help="The approval's id (apr_...).")],
    deployment: Annotated[
        bool, typer.Option("--deployment", help="It was asked for with the deployment's key.")
    ] = False,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Make a key that a second person agreed to, and print it. It is shown this once."""
    with client(load(data=data), key, deployment=deployment) as server:
        made = server.post(f"/v1/approvals/{approval_id}/key")
    _show(made, of_deployment=deployment)


def _show(made: Mapping[str, Any], *, of_deployment: bool) -> None:
    """Print a new key, or say that it waits and how it is fetched."""
    if waits(made, "--deployment" if of_deployment else "--tenant SLUG"):
        where = " --deployment" if of_deployment else ""
        say(f"Then: guildbank key fetch {made['id']}{where}, with the same key as now.")
        return
    say(f"Created key {made['key']['id']} ({made['key']['name']}). It is not shown again:")
    typer.echo(made["token"])


@app.command("list")
def list_all(tenant: Tenant = None, key: KeyOption = None, data: Data = None) -> None:
    """List keys: a tenant's, or without --tenant those of the deployment."""
    with client(load(data=data), key, deployment=True) as server:
        rows = list(server.items("/v1/keys", tenant=tenant, limit=200))
    columns = ("id", "name", "kind", "prefix", "scopes", "allowedAddresses", "lastUsedAt",
               "expiresAt", "revokedAt")  # fmt: skip
    table(columns, ([_cell(row[column]) for column in columns] for row in rows))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id (key_...), from `key list`.")],
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """End a key; within a second it is refused everywhere."""
    with client(load(data=data), key, deployment=True) as server:
        server.delete(f"/v1/keys/{key_id}")
    say(f"Revoked {key_id}.")


def _scopes(named: list[str], everything: bool) -> list[str]:
    if not everything:
        return named
    from guildbank.app.rooms import tenant_scopes

    return tenant_scopes()


def _deployment_key(settings: Settings, name: str, allow: list[str]) -> None:
    from guildbank.app.first_key import NoKey, make_deployment_key
    from guildbank.app.local import Unreachable, local_database
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    with told(ClusterError, KeyUnusable, NoKey, Unreachable), local_database(settings):
        token = make_deployment_key(settings, name, allow)
    say("Created a deployment key. It is not shown again:")
    typer.echo(token)


def _cell(value: object) -> object:
    return ", ".join(str(each) for each in value) if isinstance(value, list) else value
