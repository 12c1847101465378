"""Puts an installed plugin before the conformance suite of its slot, with settings from a line."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from guildbank.infra.config import Settings
from guildbank.infra.egress import Egress
from guildbank.kernel import SystemClock
from guildbank.plugin_api import (
    Callback,
    Captcha,
    CaptchaContext,
    Charger,
    ChecksSettings,
    Context,
    Entry,
    IdentityProvider,
    Manifest,
    Middleware,
    PaymentProvider,
    Plugin,
    Scorer,
    SignInContext,
    Slot,
)
from guildbank.plugin_api.conformance import (
    Check,
    IdentityRehearsable,
    IdentityRehearsal,
    Rehearsable,
    run_callback_conformance,
    run_captcha_conformance,
    run_charge_conformance,
    run_gate_conformance,
    run_identity_conformance,
    run_provider_conformance,
    run_scorer_conformance,
)
from guildbank.plugin_host import Outbound, Plugins, check_settings

_TENANT, _MODE = "conformance", "test"

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class CannotTry(Exception):
    """The plugin cannot be tested like this; the message says why."""


def try_plugin(plugins: Plugins, id_: str, given: Sequence[str]) -> list[Check]:
    """Run the suite of the plugin's slot; `given` are settings as name=value. Raises CannotTry."""
    if (provider := plugins.provider(id_)) is not None:
        return _try_payments(provider, _settings(provider, given))
    if (identity := plugins.identity_provider(id_)) is not None:
        return _try_identity(identity, _settings(identity, given))
    if (captcha := plugins.captcha(id_)) is not None:
        return _try_captcha(captcha, _settings(captcha, given))
    for slot in (Slot.ENTRY, Slot.MIDDLEWARE):
        if (gate := plugins.at(slot, id_)) is not None:
            return _try_gate(cast("Entry | Middleware", gate), _settings(gate, given))
    if (scorer := plugins.at(Slot.SCORER, id_)) is not None:
        return _try_scorer(cast("Scorer", scorer), _settings(scorer, given))
    if (charger := plugins.at(Slot.CHARGE, id_)) is not None:
        return _try_charger(cast("Charger", charger), _settings(charger, given))
    if (callback := plugins.at(Slot.CALLBACK, id_)) is not None:
        return _try_callback(cast("Callback", callback), _settings(callback, given))
    for report in plugins.reports:
        named = report.name if report.manifest is None else report.manifest.id
        if report.problem is not None and not report.older and id_ in (named, report.name):
            raise CannotTry(f"{id_} cannot be used: {report.problem}.")
    raise CannotTry(f"There is no plugin {id_!r} that can be tested. See `guildbank plugin list`.")


def _try_payments(provider: PaymentProvider, settings: Mapping[str, Any]) -> list[Check]:
    if not isinstance(provider, Rehearsable):
        raise CannotTry(
            f"{provider.manifest.id} has no rehearsal(): it must say how its outcomes are reached."
        )
    context = _context(provider.manifest, settings)
    return asyncio.run(run_provider_conformance(provider, context, provider.rehearsal()))


def _try_identity(provider: IdentityProvider, settings: Mapping[str, Any]) -> list[Check]:
    context = SignInContext(
        tenant=_TENANT,
        mode=_MODE,
        settings=settings,
        now=SystemClock().now(),
        redirect_uri="https://game.example/back",
        http=Outbound(_egress(), provider.manifest, settings),
    )
    rehearsal = IdentityRehearsal()
    if isinstance(provider, IdentityRehearsable):
        rehearsal = provider.rehearsal()
    return asyncio.run(run_identity_conformance(provider, context, rehearsal))


def _try_captcha(captcha: Captcha, settings: Mapping[str, Any]) -> list[Check]:
    context = CaptchaContext(
        tenant=_TENANT,
        mode=_MODE,
        settings=settings,
        now=SystemClock().now(),
        http=Outbound(_egress(), captcha.manifest, settings),
    )
    return asyncio.run(run_captcha_conformance(captcha, context))


def _try_gate(gate: Entry | Middleware, settings: Mapping[str, Any]) -> list[Check]:
    context = _context(gate.manifest, settings)
    return asyncio.run(run_gate_conformance(gate, context))


def _try_scorer(scorer: Scorer, settings: Mapping[str, Any]) -> list[Check]:
    context = _context(scorer.manifest, settings)
    return asyncio.run(run_scorer_conformance(scorer, context))


def _try_charger(charger: Charger, settings: Mapping[str, Any]) -> list[Check]:
    context = _context(charger.manifest, settings)
    return asyncio.run(run_charge_conformance(charger, context))


def _try_callback(callback: Callback, settings: Mapping[str, Any]) -> list[Check]:
    context = _context(callback.manifest, settings)
    return asyncio.run(run_callback_conformance(callback, context))


def _context(manifest: Manifest, settings: Mapping[str, Any]) -> Context:
    # No tenant supplied the address: whoever types the command did.
    egress = Egress(private=True)
    return Context(
        tenant=_TENANT,
        mode=_MODE,
        settings=settings,
        now=SystemClock().now(),
        webhook_url="http://127.0.0.1:9/",
        http=Outbound(egress, manifest, settings),
    )


def _egress() -> Egress:
    return Egress(private=Settings.load().egress_private)


def _settings(plugin: Plugin, given: Sequence[str]) -> dict[str, Any]:
    """Return the settings, read by their schema and taken by it and by the plugin's own look."""
    manifest = plugin.manifest
    properties: Mapping[str, Any] = manifest.settings_schema.get("properties", {})
    settings: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise CannotTry(f"{pair!r} is not name=value.")
        settings[name] = _read(name, text, properties.get(name, {}).get("type"))
    if (refused := check_settings(manifest, settings)) is not None:
        raise CannotTry(
            f"{refused.field}: {refused.detail} Settings are given as --setting name=value."
        )
    problems = plugin.check_settings(settings) if isinstance(plugin, ChecksSettings) else ()
    for problem in problems:
        raise CannotTry(f"settings.{problem.field}: {problem.detail}")
    return settings


def _read(name: str, text: str, kind: object) -> object:
    """Return what a text stands for, where the schema wants something else than a text."""
    if kind == "boolean":
        if text.lower() not in _WORDS:
            raise CannotTry(f"--setting {name} is neither true nor false.")
        return _WORDS[text.lower()]
    if kind == "array" and not text.startswith("["):
        return text.split(",")
    if kind not in ("array", "object", "integer", "number"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise CannotTry(f"--setting {name} is no {kind} in JSON.") from None
