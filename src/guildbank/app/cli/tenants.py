"""Commands that keep the deployment's tenants, over HTTP with the deployment key."""

from typing import Annotated, Any

import typer

from guildbank.app.cli.screen import Data, KeyOption, client, load, say, table, waits

app = typer.Typer(help="Create, list, suspend, resume and delete tenants.", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="The tenant's slug, such as moonlit-games.")]


@app.command()
def create(
    slug: Slug,
    name: Annotated[str | None, typer.Option("--name", help="[default: the slug]")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Real money only: sandbox providers are refused.")
    ] = False,
    spent_coins: Annotated[
        str,
        typer.Option(
            "--spent-coins",
            help="A refund of spent coins: `refuse` it, book a `debt`, or `write_off` them.",
        ),
    ] = "refuse",
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Create a tenant."""
    command = {
        "slug": slug,
        "name": name or slug,
        "mode": "live" if live else "test",
        "settings": {"spentCoins": spent_coins},
    }
    with client(load(data=data), key, deployment=True) as server:
        made = server.post("/v1/tenants", command)
    say(f"Created tenant [bold]{made['slug']}[/] ({made['mode']}), {made['id']}.")
    say(f"Next: guildbank key create --tenant {made['slug']} --name game-server --all-scopes")


@app.command("list")
def list_all(key: KeyOption = None, data: Data = None) -> None:
    """List tenants that are not deleted."""
    with client(load(data=data), key, deployment=True) as server:
        rows = list(server.items("/v1/tenants", limit=200))
    columns = ("slug", "name", "mode", "state", "id", "createdAt")
    table(columns, ([row[column] for column in columns] for row in rows))


@app.command()
def origins(
    slug: Slug,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="An origin such as https://game.example; repeat for more."),
    ] = None,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Say which origins' pages may call for a tenant; without --allow, none."""
    with client(load(data=data), key, deployment=True) as server:
        kept = server.patch(f"/v1/tenants/{slug}", {"settings": {"corsOrigins": allow or []}})
    listed = kept["settings"]["corsOrigins"]
    say(f"Pages that may call for [bold]{slug}[/]: {', '.join(listed) or 'none'}.")


@app.command()
def suspend(slug: Slug, key: KeyOption = None, data: Data = None) -> None:
    """Refuse all writes of a tenant; reads go on."""
    with client(load(data=data), key, deployment=True) as server:
        _state(server.post(f"/v1/tenants/{slug}/suspend"))


@app.command()
def resume(slug: Slug, key: KeyOption = None, data: Data = None) -> None:
    """Accept a tenant's writes again."""
    with client(load(data=data), key, deployment=True) as server:
        _state(server.post(f"/v1/tenants/{slug}/resume"))


@app.command()
def delete(
    slug: Slug,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="The slug again, for scripts; else it is asked.")
    ] = None,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Archive a tenant, then delete it with all its data. The slug must be typed again."""
    typed = confirm or typer.prompt(f"This deletes {slug} with all its data. Type its slug")
    with client(load(data=data), key, deployment=True) as server:
        gone = server.post(f"/v1/tenants/{slug}/delete", {"confirm": typed})
    if waits(gone, "--deployment"):
        return
    say(f"Deleted tenant [bold]{gone['slug']}[/]. Its archive is {gone['archive']}.")


def _state(tenant: dict[str, Any]) -> None:
    say(f"Tenant [bold]{tenant['slug']}[/] is {tenant['state']}.")
