"""How to reach each outcome at the lab, which plays Google and the app, for conformance."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.plugin_api import Context, Outcome, PaymentRequest
from guildbank.plugin_api.conformance import Rehearsal, Webhook
from guildbank_googleplay.payments import NAME, PLAY_BILLING
from guildbank_googleplay.purchases import account_of

PACK = "pack_01kag3pyqmf9aag12vtrsy70ps"
PRODUCT = "example.gems"
_PRICE = {"price": "9.00", "currency": "EUR"}


class NoLab(RuntimeError):
    """A license tester has to be a person with a device; only a lab plays one."""


async def buy(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Buy as the app would, once for each attempt, and return what confirms it."""
    sale = {
        "product": PRODUCT,
        "account": account_of(request.player_id),
        "profile": request.attempt_id,
        "once": True,
        **_PRICE,
    }
    bought = await _lab(context, "/lab/google/buy", sale)
    return {NAME: bought["transaction"]}


async def subscribe(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Buy the first period of a subscription as the app would."""
    names = {"account": account_of(request.player_id), "profile": request.attempt_id}
    sale = {"product": PRODUCT, "subscription": True, **names, **_PRICE}
    bought = await _lab(context, "/lab/google/buy", sale)
    return {NAME: bought["transaction"]}


async def renew(context: Context, made: Outcome) -> None:
    """Renew as Google would."""
    await _lab(context, "/lab/google/renew", {"transaction": made.reference})


async def reverse(context: Context, made: Outcome) -> None:
    """Give the money back as Google would."""
    await _lab(context, "/lab/google/void", {"transaction": made.reference})


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """Return the settings with another server in Google's place."""
    return {**settings, "lab_url": url}


async def webhook(context: Context) -> Webhook:
    """Return Google's test notification, pushed at the context's time."""
    if "push_email" not in context.settings:
        raise NoLab("set push_email: without it no push is believed")
    audience = context.settings.get("push_audience", context.webhook_url)
    wanted = {"audience": audience, "at": context.now}
    told = await _lab(context, "/lab/google/sign", wanted)
    return Webhook({"authorization": told["authorization"]}, told["body"].encode())


async def _lab(context: Context, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    lab_url = context.settings.get("lab_url")
    if lab_url is None:
        raise NoLab("set lab_url: `guildbank lab` plays Google and the app")
    answer = await context.http.send(
        "POST",
        f"{lab_url}{path}",
        headers={"content-type": "application/json"},
        body=msgspec.json.encode({"package_name": context.settings["package_name"], **body}),
    )
    if answer.status not in (200, 201):
        raise NoLab(f"the lab answered {answer.status}")
    return msgspec.json.decode(answer.body, type=dict[str, Any])


REHEARSAL = Rehearsal(
    pays=PLAY_BILLING,
    product_id=PACK,
    found_by_attempt=False,
    confirms=buy,
    reverse=reverse,
    subscribes=subscribe,
    renews=renew,
    redirected=redirected,
    webhook=webhook,
)
