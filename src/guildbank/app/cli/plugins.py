"""Commands about plugins: which are installed, whether one keeps its contract, a new one."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import FAILED, say, table, told
from guildbank.app.scaffold import SETTINGS, CannotMake, Kind, make

if TYPE_CHECKING:
    from guildbank.plugin_api.conformance import Check
    from guildbank.plugin_host import Plugins

app = typer.Typer(
    help="List plugins, test one against its contract, begin a new one.", no_args_is_help=True
)


@app.command("list")
def list_all() -> None:
    """List the installed plugins, broken ones with what is wrong."""
    rows = []
    for report in _plugins().reports:
        manifest = report.manifest
        about = (
            (manifest.id, manifest.version, manifest.slot, manifest.title)
            if manifest
            else (report.name, "", "", "")
        )
        capabilities = ", ".join(sorted(manifest.capabilities)) if manifest else ""
        rows.append((*about, capabilities, report.problem or "ok"))
    table(("id", "version", "slot", "title", "can", "state"), rows)


@app.command("test")
def try_one(
    plugin: Annotated[str, typer.Argument(help="The plugin's id, from `plugin list`.")],
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--setting",
            help="name=value, as in its settings, lists and objects as JSON; repeat for more.",
        ),
    ] = None,
) -> None:
    """Run the conformance suite of a plugin's slot, with the account in the settings.

    Of a payment provider it takes test money and gives it back. Of an identity provider it begins
    sign-ins, hands over forgeries, and puts it into networks that lie; a person who signs in is
    played by the plugin's own tests, and so is one who solves a captcha. An entry or a middleware
    is asked about purchases, a callback is told of one that never was. Ends with 1 unless every
    check that ran has passed.
    """
    from guildbank.app.plugin_trials import CannotTry, try_plugin

    with told(CannotTry):
        checks = try_plugin(_plugins(), plugin, setting or [])
    _show(checks)


@app.command("new")
def make_new(
    name: Annotated[
        str, typer.Argument(help="The new plugin's id: lower-case letters, digits, - and _.")
    ],
    slot: Annotated[Kind, typer.Option("--slot", help="Where the plugin sits.")],
    into: Annotated[
        Path, typer.Option("--into", help="The folder in which its folder is made.")
    ] = Path(),
) -> None:
    """Write a small plugin that passes its contract: code, tests and a page, to go on from."""
    from rich.markup import escape

    taken = {
        id_
        for report in _plugins().reports
        for id_ in (report.name, *((report.manifest.id,) if report.manifest else ()))
    }
    with told(CannotMake):
        made = make(name, slot, into, taken)
    where = escape(quote(str(made)))
    say(f"Wrote the {slot} [bold]{name}[/] into {where}. It passes its contract as it is:")
    say(f"  pip install -e {where}")
    given = "".join(f" --setting {one}" for one in SETTINGS.get(slot, ()))
    say(f"  guildbank plugin test {name}{given}")


def _show(checks: "list[Check]") -> None:
    rows = [
        (
            "passed" if check.passed else "FAILED" if check.ran else "not run",
            check.name,
            check.detail,
        )
        for check in checks
    ]
    table(("result", "check", "why"), rows)
    failed = [check for check in checks if check.ran and not check.passed]
    say(f"{sum(check.passed for check in checks)} of {len(checks)} checks passed.")
    if failed or not any(check.passed for check in checks):
        raise typer.Exit(FAILED)


def _plugins() -> "Plugins":
    from guildbank.plugin_host import Plugins

    return Plugins.discover()
