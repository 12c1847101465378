"""The command `guildbank-voucher`: makes secrets and codes, on any machine and without a server."""

import csv
import os
from pathlib import Path
from re import fullmatch
from typing import Annotated, NoReturn

import msgspec
import typer

from guildbank.kernel.money import BadAmount, parse_money
from guildbank_voucher.batches import Batch, fault_in, scale_of
from guildbank_voucher.codes import (
    MAX_BATCH,
    SECRET_PATTERN,
    Value,
    is_genuine,
    make,
    new_secret,
    read,
)

SECRET = "GUILDBANK_VOUCHER_SECRET"  # noqa: S105 - where one is looked for
MAX_AT_ONCE = 1_000_000
"""Codes of one batch that one run makes: a file of some 35 MB."""
app = typer.Typer(add_completion=False, help="Makes vouchers for the payment provider `voucher`.")
Number = Annotated[int, typer.Option("--batch", min=1, max=MAX_BATCH, help="The batch's number.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The slug of the tenant that takes them.")]
Amount = Annotated[str, typer.Option("--amount", help="What each is worth, such as 10.00.")]
Currency = Annotated[str, typer.Option("--currency", help="Its ISO 4217 currency, such as EUR.")]


@app.command()
def secret() -> None:
    """Print a new secret, to be put into the provider's settings and kept where codes are made."""
    typer.echo(new_secret())


@app.command("make")
def make_codes(
    tenant: Tenant,
    batch: Number,
    count: Annotated[int, typer.Option("--count", min=1, max=MAX_AT_ONCE, help="How many.")],
    amount: Amount,
    currency: Currency,
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write; it must not exist.")],
    expires: Annotated[str | None, typer.Option("--expires", help="Last day, 2027-12-31.")] = None,
) -> None:
    """Write the codes of a batch into a file, and print the batch for the provider's settings."""
    made = Batch(batch=batch, amount=amount, currency=currency, count=count, expires=expires)
    if (fault := fault_in([made])) is not None:
        _stop(f"{fault[0].rpartition('.')[2]}: {fault[1]}")
    value, key = made.value_at(tenant), _secrets()[0]
    try:
        # Whoever reads the file can spend it.
        written = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        _stop(f"{out} cannot be written: {error.strerror}. Name a file that does not exist yet.")
    with os.fdopen(written, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("batch", "serial", "code"))
        rows.writerows(
            (batch, serial, make(key, value, batch, serial)) for serial in range(1, count + 1)
        )
    told = {name: one for name, one in msgspec.structs.asdict(made).items() if one}
    typer.echo(msgspec.json.encode(told).decode())


@app.command("read")
def read_code(
    tenant: Annotated[str | None, typer.Option("--tenant", help="As it was made.")] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="As it was made.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="As it was made.")] = None,
) -> None:
    """Ask for a code, and say which batch and serial it names, such as to revoke it.

    With tenant, amount and currency, and the secret, it also says whether the code is genuine.
    """
    code = read(str(typer.prompt("Code")))
    if code is None:
        _stop("A digit is wrong or missing: compare it with the voucher.")
    typer.echo(f"batch {code.batch}, serial {code.serial}")
    if tenant is None or amount is None or currency is None:
        return
    try:
        value = Value(tenant, parse_money(amount, scale_of(currency)), currency)
    except (BadAmount, ValueError) as error:
        _stop(str(error))
    if not is_genuine(code, value, _secrets()):
        _stop("It was not made with this secret for this tenant, amount and currency.")
    typer.echo("It is genuine. Whether it was used, the payments tell.")


def _secrets() -> list[str]:
    """Return the secrets from the environment, or ask for one."""
    asked = f"Secret ({SECRET} is not set)"
    given = os.environ.get(SECRET) or str(typer.prompt(asked, hide_input=True))
    found = given.split()
    if not found or not all(fullmatch(SECRET_PATTERN, one) for one in found):
        _stop("That is no secret of guildbank-voucher: it begins with vsec_ and has 48 characters.")
    return found


def _stop(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)


def main() -> None:
    """Run the command."""
    app()
