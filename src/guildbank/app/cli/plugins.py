"""Commands about plugins: which are installed, and whether one keeps its slot's contract."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from guildbank.app.cli.screen import FAILED, fail, say, table

if TYPE_CHECKING:
    from guildbank.plugin_api import Captcha, IdentityProvider, PaymentProvider
    from guildbank.plugin_api.conformance import Check
    from guildbank.plugin_host import Plugins

app = typer.Typer(help="List plugins, and test one against its contract.", no_args_is_help=True)


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
        typer.Option("--setting", help="name=value, as in its settings; repeat for more."),
    ] = None,
) -> None:
    """Run the conformance suite of a plugin's slot, with the account in the settings.

    Of a payment provider it takes test money and gives it back. Of an identity provider it begins
    sign-ins, hands over forgeries, and puts it into networks that lie; a person who signs in is
    played by the plugin's own tests, and so is one who solves a captcha. Ends with 1 unless every
    check that ran has passed.
    """
    plugins = _plugins()
    given = setting or []
    if (provider := plugins.provider(plugin)) is not None:
        checks = _try_payments(provider, given)
    elif (identity := plugins.identity_provider(plugin)) is not None:
        checks = _try_identity(identity, given)
    elif (captcha := plugins.captcha(plugin)) is not None:
        checks = _try_captcha(captcha, given)
    else:
        raise fail(
            f"There is no plugin {plugin!r} that can be tested. See `guildbank plugin list`."
        )
    _show(checks)


def _try_payments(provider: "PaymentProvider", given: list[str]) -> "list[Check]":
    from guildbank.infra.egress import Egress
    from guildbank.kernel import SystemClock
    from guildbank.plugin_api import Context
    from guildbank.plugin_api.conformance import Rehearsable, run_provider_conformance
    from guildbank.plugin_host import Outbound

    if not isinstance(provider, Rehearsable):
        raise fail(
            f"{provider.manifest.id} has no rehearsal(): it must say how its outcomes are reached."
        )
    settings = _settings(given, provider.manifest.settings_schema)
    context = Context(
        tenant="conformance",
        mode="test",
        settings=settings,
        now=SystemClock().now(),
        webhook_url="http://127.0.0.1:9/",
        # No tenant supplied the address: whoever types the command did.
        http=Outbound(Egress(private=True), provider.manifest, settings),
    )
    return asyncio.run(run_provider_conformance(provider, context, provider.rehearsal()))


def _try_identity(provider: "IdentityProvider", given: list[str]) -> "list[Check]":
    from guildbank.infra.config import Settings
    from guildbank.infra.egress import Egress
    from guildbank.kernel import SystemClock
    from guildbank.plugin_api import SignInContext
    from guildbank.plugin_api.conformance import (
        IdentityRehearsable,
        IdentityRehearsal,
        run_identity_conformance,
    )
    from guildbank.plugin_host import Outbound

    settings = _settings(given, provider.manifest.settings_schema)
    egress = Egress(private=Settings.load().egress_private)
    context = SignInContext(
        tenant="conformance",
        mode="test",
        settings=settings,
        now=SystemClock().now(),
        redirect_uri="https://game.example/back",
        http=Outbound(egress, provider.manifest, settings),
    )
    rehearsal = IdentityRehearsal()
    if isinstance(provider, IdentityRehearsable):
        rehearsal = provider.rehearsal()
    return asyncio.run(run_identity_conformance(provider, context, rehearsal))


def _try_captcha(captcha: "Captcha", given: list[str]) -> "list[Check]":
    from guildbank.infra.config import Settings
    from guildbank.infra.egress import Egress
    from guildbank.kernel import SystemClock
    from guildbank.plugin_api import CaptchaContext
    from guildbank.plugin_api.conformance import run_captcha_conformance
    from guildbank.plugin_host import Outbound

    settings = _settings(given, captcha.manifest.settings_schema)
    egress = Egress(private=Settings.load().egress_private)
    context = CaptchaContext(
        tenant="conformance",
        mode="test",
        settings=settings,
        now=SystemClock().now(),
        http=Outbound(egress, captcha.manifest, settings),
    )
    return asyncio.run(run_captcha_conformance(captcha, context))


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


def _settings(given: list[str], schema: object) -> dict[str, object]:
    """Read name=value pairs; numbers and lists where the schema of the settings wants them."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    settings: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise fail(f"{pair!r} is not name=value.")
        kind = properties.get(name, {}).get("type")
        if kind == "boolean":
            settings[name] = value.lower() in ("true", "yes", "1")
        elif kind == "array":
            settings[name] = value.split(",")
        else:
            settings[name] = int(value) if kind == "integer" and value.isdigit() else value
    return settings


def _plugins() -> "Plugins":
    from guildbank.plugin_host import Plugins

    return Plugins.discover()
