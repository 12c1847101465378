"""Commands that load the passwords that are known from breaches, and say what is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from guildbank.app.cli.screen import Data, fail, load, say, told

app = typer.Typer(
    help="Load the passwords that are known from breaches, to be refused.", no_args_is_help=True
)


@app.command("load")
def load_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="The list: SHA-1 hashes in their order with counts, one `HASH:COUNT` a line.",
            exists=True,
            dir_okay=False,
        ),
    ],
    at_least: Annotated[
        int, typer.Option("--at-least", min=1, help="Leave out what was seen fewer times.")
    ] = 1,
    data: Data = None,
) -> None:
    """Load the list of Have I Been Pwned (ordered by hash) into the data folder.

    Four bytes are kept of each hash. Memory stays the same however long the list is. Running
    servers take the new file at once; several machines each need it in their data folder.
    """
    settings = load(data=data)
    from rich.progress import Progress

    from guildbank.infra.breached import FILE_NAME, BadList, load_list

    folder = settings.data.absolute()
    if not folder.is_dir():
        raise fail(f"There is no folder {folder}. Name the deployment's with --data.")
    with told(BadList, OSError), file.open("rb") as source, Progress(transient=True) as bars:
        task = bars.add_task(file.name, total=file.stat().st_size)
        kept = load_list(
            source,
            folder / FILE_NAME,
            at_least=at_least,
            progress=lambda read, _: bars.update(task, completed=read),
        )
    say(f"Loaded {kept} hashes. Such passwords are refused from now on.")


@app.command()
def status(data: Data = None) -> None:
    """Say how many hashes are loaded."""
    settings = load(data=data)
    from guildbank.infra.breached import FILE_NAME, BadList, Breached

    with told(BadList, OSError):
        count = Breached(settings.data.absolute() / FILE_NAME).count()
    say("No list is loaded." if count is None else f"{count} hashes are loaded.")
