"""What `guildbank up` shows once requests are answered: addresses, and new keys this one time."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from guildbank.app.up import Running


def show(running: "Running") -> None:
    """Print where the server is, where its data is, and its keys if they are new."""
    console = Console(soft_wrap=True, highlight=False)
    lines = Table.grid(padding=(0, 2))
    lines.add_row("[bold]Guildbank[/]", running.url)
    lines.add_row("documentation", f"{running.url}/docs")
    if running.sandbox_url is not None:
        lines.add_row("sandbox provider", running.sandbox_url)
    if running.lab_url is not None:
        lines.add_row("provider lab", f"{running.lab_url} (Stripe, PayPal, Apple, Google, Steam)")
    lines.add_row("data", str(running.data))
    console.print(lines)
    path = running.data / "credentials.json"
    if running.fresh:
        _keys(console, running)
        console.print(f"\nThese keys are shown this once and kept in {path}, for you alone.")
    else:
        console.print(f"\nThe keys of the first start are in {path}.")
    if running.owner_links:
        _owners(console, running)
    console.print("Ctrl-C stops everything.\n")


def _owners(console: Console, running: "Running") -> None:
    console.print("\nNobody owns these yet. Each link makes its reader the owner, within an hour:")
    for what, path in running.owner_links.items():
        # A table would cut what is wider than the terminal.
        console.print(f"  {what}: {running.url}{path}")


def _keys(console: Console, running: "Running") -> None:
    keys = running.credentials
    lines = Table.grid(padding=(0, 2))
    lines.add_row("deployment key", keys.deployment_key)
    if keys.demo is not None:
        lines.add_row(f"secret key of tenant {keys.demo.tenant}", keys.demo.secret_key)
        lines.add_row("its publishable key", keys.demo.publishable_key)
    console.print()
    console.print(lines)
