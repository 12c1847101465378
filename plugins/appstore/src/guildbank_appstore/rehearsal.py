"""How to reach each outcome at the lab, which plays Apple and the app, for conformance."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.plugin_api import Context, Outcome, PaymentRequest
from guildbank.plugin_api.conformance import Rehearsal, Webhook
from guildbank_appstore.payments import ID, STOREKIT
from guildbank_appstore.transactions import token_of

PACK = "pack_01kag3pyqmf9aag12vtrsy70ps"
PRODUCT = "example.gems"
SUBSCRIPTION = "Auto-Renewable Subscription"
_PRICE = {"price": 9_000, "currency": "EUR"}


class NoLab(RuntimeError):
    """Apple's sandbox wants a person with a device; only a lab plays one."""


async def buy(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Buy as the app would, once for each token, and return what confirms it."""
    token = token_of(request.attempt_id)
    bought = await _lab(
        context, "/lab/apple/buy", {"product": PRODUCT, "token": token, "once": True, **_PRICE}
    )
    return {ID: bought["transaction"]}


async def subscribe(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Buy the first period of a subscription as the app would."""
    sale = {"product": PRODUCT, "token": token_of(request.attempt_id), "kind": SUBSCRIPTION}
    bought = await _lab(context, "/lab/apple/buy", {**sale, **_PRICE})
    return {ID: bought["transaction"]}


async def renew(context: Context, made: Outcome) -> None:
    """Renew as Apple would."""
    assert made.period is not None, "it is a period of a subscription"
    await _lab(context, "/lab/apple/renew", {"original": made.period.subscription})


async def reverse(context: Context, made: Outcome) -> None:
    """Refund as Apple would."""
    await _lab(context, "/lab/apple/refund", {"transaction": made.reference})


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """Return the settings with another server in Apple's place."""
    return {**settings, "lab_url": url}


async def webhook(context: Context) -> Webhook:
    """Return Apple's test notification, signed at the context's time."""
    told = await _lab(context, "/lab/apple/sign", {"at": context.now})
    return Webhook({}, msgspec.json.encode(told))


async def _lab(context: Context, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    lab_url = context.settings.get("lab_url")
    if lab_url is None:
        raise NoLab("set lab_url: `guildbank lab` plays Apple and the app")
    answer = await context.http.send(
        "POST",
        f"{lab_url}{path}",
        headers={"content-type": "application/json"},
        body=msgspec.json.encode({"bundle_id": context.settings["bundle_id"], **body}),
    )
    if answer.status not in (200, 201):
        raise NoLab(f"the lab answered {answer.status}")
    return msgspec.json.decode(answer.body, type=dict[str, Any])


REHEARSAL = Rehearsal(
    pays=STOREKIT,
    product_id=PACK,
    found_by_attempt=False,
    confirms=buy,
    reverse=reverse,
    subscribes=subscribe,
    renews=renew,
    redirected=redirected,
    webhook=webhook,
)
