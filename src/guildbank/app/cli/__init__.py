"""The command line. Each group of commands is a file, and imports what it needs when it runs."""

import os
import pwd

import typer

from guildbank.app.cli import (
    approvals,
    backups,
    breached,
    doctor,
    events,
    keys,
    lab,
    ledger,
    operators,
    payments,
    players,
    plugins,
    run,
    signing_keys,
    tenants,
)
from guildbank.infra.acting import ACTING, HOST, Acting

app = typer.Typer(
    name="guildbank",
    help="Economy server for games: wallets, payments and a journal that accounts for every unit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.add_to(app)
doctor.add_to(app)
lab.add_to(app)
events.add_to(app)
backups.add_to(app)
app.add_typer(tenants.app, name="tenant")
app.add_typer(keys.app, name="key")
app.add_typer(signing_keys.app, name="signing-key")
app.add_typer(breached.app, name="breached-passwords")
app.add_typer(operators.app, name="operator")
app.add_typer(approvals.app, name="approval")
app.add_typer(ledger.app, name="ledger")
app.add_typer(players.app, name="player")
app.add_typer(payments.app, name="payments")
app.add_typer(plugins.app, name="plugin")


def main() -> None:
    """Run the command that the arguments name; what it changes is recorded as done at the host."""
    ACTING.set(Acting(principal=HOST, credential=who_runs()))
    app()


def who_runs() -> str:
    """Return the name of the system's user that runs this, or its number."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
