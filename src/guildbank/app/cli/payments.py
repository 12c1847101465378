"""Commands about payments: hold a provider's report in a file against the books."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import FAILED, Data, load, say, told

if TYPE_CHECKING:
    from guildbank.app.reconcile_file import Taken, Wanted
    from guildbank.infra.config import Settings
    from guildbank.kernel import Refusal

app = typer.Typer(help="Hold providers' reports against the books.", no_args_is_help=True)
_FILE = typer.Argument(
    help="CSV with a line of column names.", dir_okay=False, exists=True, readable=True
)
_SINCE = typer.Option(
    "--since", formats=["%Y-%m-%d"], help="First day. [default: of the first line]"
)
_UNTIL = typer.Option(
    "--until", formats=["%Y-%m-%d"], help="Day after the last. [default: of the last line]"
)
Names = Annotated[
    list[str] | None, typer.Option("--column", help="The file's name of a column: gross=Betrag.")
]
Constants = Annotated[
    list[str] | None,
    typer.Option("--set", help="The value of a column that is not there: currency=EUR."),
]


@app.callback()
def group() -> None:
    """Keep `reconcile` a subcommand, though it is the only one."""


@app.command()
def reconcile(
    file: Annotated[Path, _FILE],
    tenant: Annotated[str, typer.Option("--tenant", help="The slug of whose books they are.")],
    provider: Annotated[str, typer.Option("--provider", help="Whose report it is.")],
    column: Names = None,
    constant: Constants = None,
    delimiter: Annotated[str, typer.Option("--delimiter", help="Between cells.")] = ",",
    encoding: Annotated[str, typer.Option("--encoding", help="Of the file.")] = "utf-8",
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="Amounts are written 4,99.")
    ] = False,
    since: Annotated[datetime | None, _SINCE] = None,
    until: Annotated[datetime | None, _UNTIL] = None,
    data: Data = None,
) -> None:
    """Hold a report that a provider gives as a CSV file against the books.

    Columns: transaction, at, currency and gross, which every line has; kind, fee, net, reference,
    paymentReference, attemptId, refundId, payout. A file with a broken line is refused whole, and
    its line is named. The same file again changes nothing. A worker does the matching:
    `GET /v1/reconciliations/{id}` shows what came of it.
    """
    settings = load(data=data)
    from guildbank.app.reconcile_file import Wanted
    from guildbank.kernel import Refusal
    from guildbank.payments.report_file import ENCODINGS, Layout

    if encoding not in ENCODINGS or len(delimiter) != 1:
        known = ", ".join(ENCODINGS)
        raise typer.BadParameter(f"encodings are {known}; a delimiter is one character")
    layout = Layout(
        headers=_pairs(column), constants=_pairs(constant), delimiter=delimiter,
        encoding=encoding, decimal_comma=decimal_comma,
    )  # fmt: skip
    wanted = Wanted(
        tenant=tenant, provider=provider, file=file, layout=layout, since=_day(since),
        until=_day(until),
    )  # fmt: skip
    taken = _take(settings, wanted)
    if isinstance(taken, Refusal):
        say(f"[bold red]{taken.code}[/]: {taken.detail}")
        raise typer.Exit(FAILED)
    say(f"Reconciliation [green]{taken.run.id}[/] of {taken.lines:,} lines is {taken.run.state}.")


def _take(settings: "Settings", wanted: "Wanted") -> "Taken | Refusal":
    """Read the file while a bar shows how far; what can go wrong is told in a sentence."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.reconcile_file import reconcile_file
    from guildbank.app.verify import NoTenant
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError
    from guildbank.journal import Unavailable
    from guildbank.payments.report_file import BadReport

    bars = Progress(
        TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TimeRemainingColumn(), transient=True
    )
    task = bars.add_task("", total=max(1, 2 * wanted.file.stat().st_size))
    expected = told(
        ClusterError, KeyUnusable, NoTenant, Unreachable, BadReport, Unavailable, OSError
    )
    with expected, local_database(settings), bars:
        return reconcile_file(settings, wanted, lambda done: bars.update(task, completed=done))


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE")
        pairs[name] = value
    return pairs


def _day(given: datetime | None) -> datetime | None:
    return None if given is None else given.replace(tzinfo=UTC)
