"""Commands that look into the ledger: verify in the database, proof and statement over HTTP."""

from typing import Annotated

import typer

from guildbank.app.cli.screen import FAILED, Data, KeyOption, client, load, say, told

app = typer.Typer(
    help="Verify the journal, prove the books, read a statement.", no_args_is_help=True
)
TenantSlug = Annotated[
    str | None, typer.Option("--tenant", help="Only this tenant, or `deployment`. [default: all]")
]


@app.command()
def verify(tenant: TenantSlug = None, data: Data = None) -> None:
    """Read every journal from its first row and name the first that is not as it was written.

    Needs no server: it goes to the database itself, and starts the embedded one if it must. Ends
    with 1 when anything is damaged.
    """
    settings = load(data=data)
    from rich.progress import Progress, TaskID

    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.verify import NoTenant
    from guildbank.app.verify import verify as verify_all
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    bars = Progress(transient=True)
    tasks: dict[str, TaskID] = {}

    def progress(slug: str, seq: int, last: int) -> None:
        if slug not in tasks:
            tasks[slug] = bars.add_task(slug)
        bars.update(tasks[slug], completed=seq, total=max(last, 1))

    expected = told(ClusterError, KeyUnusable, NoTenant, Unreachable)
    with expected, local_database(settings), bars:
        verdicts = verify_all(settings, tenant, progress)
    for slug, journal, file in verdicts:
        seqs = f"seq 1 to {journal.seq}, {journal.batches} batches, {journal.rows} rows"
        if journal.damage is not None:
            say(f"[bold red]damaged[/] {slug}: {journal.damage} ({seqs} are as written)")
        else:
            say(f"[green]ok[/] {slug}: {seqs}, hash {journal.hash.hex()}")
        if file is not None and file.problem:
            say(f"[bold red]damaged[/] {slug}: its checkpoints: {file.problem}")
        elif file is not None:
            say(f"[green]ok[/] {slug}: {file.checkpoints} signed checkpoints")
    if not all(verdict.sound for verdict in verdicts):
        raise typer.Exit(FAILED)


@app.command()
def proof(tenant: TenantSlug = None, data: Data = None) -> None:
    """Prove the books: sums, kept totals, and the money behind the coins.

    Needs no server, as verify. Ends with 1 when anything does not add up.
    """
    settings = load(data=data)
    from guildbank.app.cli.proof import show
    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.prove import prove
    from guildbank.app.verify import NoTenant
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    with told(ClusterError, KeyUnusable, NoTenant, Unreachable), local_database(settings):
        proofs = prove(settings, tenant)
    for slug, proved in proofs:
        show(slug, proved)
    if not all(proved.ok for _, proved in proofs):
        raise typer.Exit(FAILED)


@app.command()
def statement(
    player: Annotated[str, typer.Argument(help="The player's id (player_...) or external id.")],
    currency: Annotated[str | None, typer.Option("--currency", help="Only this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Lines.")] = 50,
    key: KeyOption = None,
    data: Data = None,
) -> None:
    """Show what moved in a player's wallet, newest first, with the balance after each."""
    from guildbank.app.cli.statement import show

    with client(load(data=data), key) as server:
        show(server, player, currency, limit)
