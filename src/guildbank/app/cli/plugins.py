"""Commands about plugins: list, install and remove, put before their contract, begin a new one."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import FAILED, Data, load, say, table, told
from guildbank.app.scaffold import SETTINGS, CannotMake, Kind, make

if TYPE_CHECKING:
    from guildbank.plugin_api.conformance import Check
    from guildbank.plugin_host import Plugins

app = typer.Typer(
    help="List, install, remove, test plugins, begin a new one.", no_args_is_help=True
)


@app.command("list")
def list_all(data: Data = None) -> None:
    """List the plugins, broken ones with what is wrong; of installed ones where they are from."""
    rows = []
    for report in _plugins(data).reports:
        manifest = report.manifest
        about = (
            (manifest.id, manifest.version, manifest.slot, manifest.title)
            if manifest
            else (report.name, "", "", "")
        )
        capabilities = ", ".join(sorted(manifest.capabilities)) if manifest else ""
        environment = f"pip: {report.distribution}" if report.distribution else "Guildbank"
        origin = (report.source or environment, (report.sha256 or "")[:12])
        fine = "older, for payments that the newest does not read" if report.older else "ok"
        rows.append((*about, capabilities, *origin, report.problem or fine))
    table(("id", "version", "slot", "title", "can", "from", "sha256", "state"), rows)


@app.command("install")
def install(
    wheel: Annotated[Path, typer.Argument(help="The plugin's wheel, a file on this machine.")],
    further: Annotated[
        list[Path] | None,
        typer.Option("--with", help="The wheel of a package that it needs; repeat for more."),
    ] = None,
    data: Data = None,
) -> None:
    """Install a plugin from a wheel, for all tenants to enable; it runs behind a wall.

    Nothing is fetched. A newer version of an installed plugin takes its place while payments run.
    """
    import asyncio

    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.plugin_installs import NotChanged, install_plugin
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    settings = load(data=data)
    with told(NotChanged, ClusterError, Unreachable, KeyUnusable), local_database(settings):
        record = asyncio.run(install_plugin(settings, wheel, further or ()))
    manifest = record.manifest
    say(f"Installed [bold]{manifest.id}[/] {manifest.version}, slot {manifest.slot}.")
    for origin in record.origins:
        say(f"  {origin.wheel} sha256:{origin.sha256}")
    say("A server that runs takes it up within seconds.")


@app.command("remove")
def remove(
    plugin: Annotated[str, typer.Argument(help="The plugin's id, from `plugin list`.")],
    version: Annotated[
        str | None,
        typer.Option("--version", help="Only this version; the newest one left takes its place."),
    ] = None,
    data: Data = None,
) -> None:
    """Remove an installed plugin that no tenant uses, or a version that nothing needs."""
    import asyncio

    from guildbank.app.local import Unreachable, local_database
    from guildbank.app.plugin_installs import NotChanged, remove_plugin
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    settings = load(data=data)
    with told(NotChanged, ClusterError, Unreachable, KeyUnusable), local_database(settings):
        asyncio.run(remove_plugin(settings, plugin, version))
    say(f"Removed [bold]{plugin}[/]. A server that runs forgets it within seconds.")


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
    data: Data = None,
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
        checks = try_plugin(_plugins(data), plugin, setting or [])
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
            _result_of(check),
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


def _result_of(check: "Check") -> str:
    if check.ran:
        return "passed" if check.passed else "FAILED"
    return "not run" if check.applies else "does not apply"


def _plugins(data: Path | None = None) -> "Plugins":
    from guildbank.app.plugins import plugins_of

    return plugins_of(load(data=data))
