"""Checks of what says whose account a provider's is: its settings, and its credentials."""

import asyncio

import msgspec

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.networks import AWAY, in_time
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.conformance.witness import secrets_in
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.merchant import (
    MAX_MERCHANT_NAME,
    MAX_MERCHANT_NAMES,
    Merchant,
)


async def account_settings_are_plain_settings(stage: Stage) -> Verdict:
    """What says whose account it is is a setting, and no secret: it is shown when it is refused."""
    manifest = stage.manifest
    for name in sorted(manifest.account_settings):
        if name not in manifest.settings_schema.get("properties", {}):
            return f"account_settings names {name!r}, which is no setting"
        if name in manifest.secret_fields:
            return f"account_settings names {name!r}, which is a secret"
    return None


async def credentials_are_of_the_same_merchant_each_time(stage: Stage) -> Verdict:
    """Asked twice it gives the same names, and no secret among them."""
    first, again = [await stage.provider.merchant(stage.context) for _ in range(2)]
    if not isinstance(first, Merchant) or first != again:
        return f"said {first!r}, then {again!r}"
    if not 0 < len(first.names) <= MAX_MERCHANT_NAMES:
        return f"gave {len(first.names)} names, not 1 to {MAX_MERCHANT_NAMES}"
    secrets = secrets_in(stage.manifest, stage.settings)
    for name in first.names:
        if not 0 < len(name) <= MAX_MERCHANT_NAME or not name.isprintable():
            return f"a name is no word of at most {MAX_MERCHANT_NAME} characters"
        if any(secret in name for secret in secrets):
            return "a name holds a secret"
    return None


async def nobody_away_names_a_merchant(stage: Stage) -> Verdict:
    """Where nobody does their work it raises: who was not told whose they are must not say so."""
    networks = [(words, network()) for words, network in AWAY.items()]
    said = await asyncio.gather(*(_named(stage, http) for _, http in networks))
    for (words, http), answer in zip(networks, said, strict=True):
        if http.asked and answer is not None:
            return f"{words}, and merchant returned {answer!r}"
    return None


async def _named(stage: Stage, http: Http) -> object:
    """Return what is said in this network, None where it raised."""
    context = msgspec.structs.replace(stage.context, http=http)
    try:
        return await in_time(stage.provider.merchant(context), stage.manifest.timeout_seconds)
    except Exception:  # raising is how a plugin says that nobody answered
        return None


OF_MANIFEST: tuple[CheckFunction, ...] = (account_settings_are_plain_settings,)
CHECKS: tuple[CheckFunction, ...] = (
    credentials_are_of_the_same_merchant_each_time,
    nobody_away_names_a_merchant,
)
