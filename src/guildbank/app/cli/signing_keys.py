"""Commands about the keys that sign tokens: which there are, and how they are changed."""

from typing import Annotated

import typer

from guildbank.app.cli.screen import Data, load, say, table, told

app = typer.Typer(help="List and rotate the keys that sign tokens.", no_args_is_help=True)


@app.command("list")
def list_all(data: Data = None) -> None:
    """List the keys: published, signs, or verifies what it signed before. Needs no server."""
    settings = load(data=data)
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.signing_keys import list_signing_keys
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    with told(ClusterError, KeyUnusable, Unreachable), local_database(settings):
        keys = list_signing_keys(settings)
    rows = [(one.id, one.state, one.until and f"{one.until:%Y-%m-%d %H:%M:%S}Z") for one in keys]
    table(("id", "state", "until"), rows)


@app.command()
def rotate(
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="A key was stolen: drop all keys at once with every token that they signed.",
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Publish a new key, which signs in 15 minutes; nobody is signed out. Needs no server.

    With --now the new key signs at once and the others are dropped. Players' and machines' access
    tokens are refused within 5 seconds; refresh tokens and secret keys get new ones.
    """
    settings = load(data=data)
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.signing_keys import NotRotated, rotate_signing_key
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    expected = told(ClusterError, KeyUnusable, NotRotated, Unreachable)
    with expected, local_database(settings):
        key = rotate_signing_key(settings, at_once=now)
    if key.state == "published":
        say(f"Published {key.id}. It signs from {key.until:%Y-%m-%d %H:%M:%S}Z on.")
    else:
        say(f"{key.id} signs now. All other keys are dropped.")
