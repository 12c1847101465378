"""Commands for who builds on events: hear of them on this machine, and let them happen."""

import json
import secrets
from base64 import b64encode
from typing import Annotated

import typer

from guildbank.app.cli.screen import Data, KeyOption, client, fail, load, say, told

EventsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--events",
        help="Kinds to show, or beginnings such as payments.*; repeat for more. "
        "[default: what a webhook is sent]",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(listen)
    app.command()(trigger)


def listen(
    forward_to: Annotated[
        str | None,
        typer.Option("--forward-to", help="Post each event to this address, as a webhook would."),
    ] = None,
    events: EventsOption = None,
    secret: Annotated[
        str | None,
        typer.Option(
            "--secret",
            envvar="WEBHOOK_SECRET",
            help="What signs the posts. [default: one that is made up and shown]",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each event whole, a line of JSON each.")
    ] = False,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Show the tenant's events as they happen, from now on, until Ctrl-C.

    What is posted has the body, the headers and the signature of the callback `webhook`. It is
    posted once: an event that your server does not take is shown so, and the next one follows.
    """
    from guildbank.app.client import Refused
    from guildbank.app.listening import Forwarder, follow, place_of_now
    from guildbank.payments import OF_OPERATORS
    from guildbank.plugin_api.signing import BadSecret, read_secrets

    settings = load(data=data)
    made = secret or f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    with told(BadSecret):
        keys = read_secrets(made)
    if forward_to is not None and not forward_to.startswith(("http://", "https://")):
        raise fail(f"--forward-to is an address that begins with http:// or https://: {forward_to}")
    forwarder = None if forward_to is None else Forwarder(forward_to, keys)
    with client(settings, key) as server:
        begin = place_of_now(server)
        typer.echo("Waiting for events. Ctrl-C ends it.")
        if forwarder is not None and secret is None:
            typer.echo(f"Each is signed with {made}")
        try:
            for event in follow(server, begin, events or ["payments.*"], OF_OPERATORS):
                if isinstance(event, Refused):
                    typer.echo(f"Trying again: {event}", err=True)
                    continue
                came = "" if forwarder is None else f"  {forwarder.post(event)}"
                if as_json:
                    typer.echo(json.dumps(event, separators=(",", ":")))
                else:
                    about = event["data"].get("payment", "")
                    typer.echo(f"{event['at']}  {event['kind']}  {about}{came}")
        except KeyboardInterrupt:
            raise typer.Exit from None


def trigger(
    event: Annotated[
        str | None, typer.Argument(help="Its kind, such as payments.credited. [default: list all]")
    ] = None,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Let an event happen in a test tenant: a player of its own buys a pack at the sandbox.

    What happens is real in all but the money: rows, postings, and callbacks of the pipeline.
    """
    from guildbank.app.triggers import TRIGGERS, NotTriggered
    from guildbank.app.triggers import trigger as play

    if event is None:
        for kind in TRIGGERS:
            typer.echo(kind)
        return
    if event not in TRIGGERS:
        raise fail(f"{event!r} is no event that can be triggered. They are: {', '.join(TRIGGERS)}")
    with client(load(data=data), key) as server, told(NotTriggered):
        happened = play(server, event)
    payment = happened["data"].get("payment")
    say(f"[bold]{event}[/] happened as {happened['id']}, of payment {payment}.")
