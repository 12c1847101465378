"""What commands print for people: tables and sentences to stdout, what went wrong to stderr."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guildbank.infra.config import BadSettings, Settings

if TYPE_CHECKING:
    from guildbank.app.client import Client
    from guildbank.app.credentials import Credentials

FAILED = 1
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the deployment's data. [default: .guildbank]"),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="Secret key. [default: from credentials.json in the data folder]"),
]


def fail(sentence: str) -> typer.Exit:
    """Say what went wrong and return the exit to raise."""
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"[bold red]guildbank:[/] {_plain(sentence)}"
    )
    return typer.Exit(FAILED)


def say(markup: str) -> None:
    """Print a sentence with Rich's markup."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(markup)


def waits(answer: Mapping[str, Any], plane: str) -> bool:
    """Say of an answer that is an approval how it goes on; False of any other.

    `plane` is the option that names whose approvals they are.
    """
    if "requestedBy" not in answer:
        return False
    say(f"This waits for a second person as [bold]{answer['id']}[/], until {answer['expiresAt']}.")
    say(f"Next: guildbank approval approve {answer['id']} {plane}")
    return True


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print rows under their columns. Where nobody looks on, lines are not cut to a width."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(*("" if cell is None else _plain(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(drawn)


def load(**given: Any) -> Settings:
    """Return the settings; options that were not given are left to the other sources."""
    try:
        return Settings.load(**{name: value for name, value in given.items() if value is not None})
    except BadSettings as error:
        raise fail(f"{error}.") from None


@contextmanager
def told(*expected: type[Exception]) -> Iterator[None]:
    """Turn the errors that a person can do something about into a sentence and an exit code."""
    try:
        yield
    except expected as error:
        raise fail(str(error)) from None


@contextmanager
def client(settings: Settings, key: str | None, *, deployment: bool = False) -> "Iterator[Client]":
    """Lend a client of the server; its refusals end the command.

    Without a key it takes that of the deployment or of the demo tenant from the data folder.
    """
    from guildbank.app.client import Client, Refused

    token = key or _kept_key(settings, deployment)
    with told(Refused), Client(server_url(settings), token) as lent:
        yield lent


def server_url(settings: Settings) -> str:
    """Return where people reach the server: GUILDBANK_URL, or where it listened at its last start.

    Who gave `up` another port need not say it again to each command.
    """
    if "url" in settings.model_fields_set:
        return settings.url
    kept = _kept(settings)
    return settings.url if kept is None else kept.url


def _kept(settings: Settings) -> "Credentials | None":
    from guildbank.app.credentials import CredentialsBroken, read_credentials
    from guildbank.app.places import credentials_path

    with told(CredentialsBroken):
        return read_credentials(credentials_path(settings))


def _kept_key(settings: Settings, deployment: bool) -> str:
    from guildbank.app.places import credentials_path

    path, kept = credentials_path(settings), _kept(settings)
    if kept is None:
        raise fail(f"There is no {path}. Give a key with --key, or the folder with --data.")
    if deployment:
        return kept.deployment_key
    if kept.demo is None:
        raise fail(f"{path} holds no tenant's key. Give one with --key.")
    return kept.demo.secret_key


def _plain(text: str) -> str:
    """Return text in which no bracket is taken for markup."""
    from rich.markup import escape

    return escape(text)


Printer = Callable[[str], None]
