"""How to reach each outcome at Stripe in test mode, for the conformance suite."""

from collections.abc import Mapping
from typing import Any

from stripe import WebhookSignature

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import Rehearsal, Webhook


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """Return the settings with another server in Stripe's place."""
    return {**settings, "api_base": url}


def sign(context: Context, body: bytes) -> Mapping[str, str]:
    """Return the header that Stripe would send; bytes that are no text get one that cannot fit."""
    header = WebhookSignature.generate_signature_header(
        body.decode(errors="replace"),
        str(context.settings["webhook_secret"]),
        timestamp=int(context.now.timestamp()),
    )
    return {"stripe-signature": header}


def webhook(context: Context) -> Webhook:
    """Return an event of which nothing follows, sent at the context's time."""
    body = b'{"id":"evt_1","object":"event","type":"test","livemode":false}'
    return Webhook(sign(context, body), body)


REHEARSAL = Rehearsal(
    # Test payment methods that every Stripe account knows: https://docs.stripe.com/testing
    pays="pm_card_visa",
    declines="pm_card_chargeCustomerFail",
    needs_action="pm_card_authenticationRequired",
    redirected=redirected,
    sign=sign,
    webhook=webhook,
)
