"""How the conformance suite reaches each outcome at the sandbox provider."""

import hashlib
import hmac
import re
from collections.abc import Mapping

import httpx

from guildbank.plugin_api import Context, Outcome
from guildbank.plugin_api.conformance import Rehearsal, Webhook
from guildbank_sandbox.signatures import HEADER

_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


def redirected(settings: Mapping[str, object], url: str) -> Mapping[str, object]:
    """Return the settings with another address."""
    return {**settings, "base_url": url}


def sign(context: Context, body: bytes) -> Mapping[str, str]:
    """Return the headers of a webhook sent at the context's time."""
    timestamp = int(context.now.timestamp())
    secret = str(context.settings["webhook_secret"]).encode()
    mark = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {HEADER: f"t={timestamp},v1={mark}"}


def webhook(context: Context) -> Webhook:
    """Return a webhook of which nothing follows, sent at the context's time."""
    body = b'{"id":"sevt_1","type":"test","created_at":0,"data":{}}'
    return Webhook(sign(context, body), body)


async def pay(_: Context, asked: Outcome) -> None:
    """Do what a person does at the checkout page: open it and press Pay."""
    url = asked.next_action.url if asked.next_action else None
    assert url is not None
    async with httpx.AsyncClient(trust_env=False) as browser:
        token = _TOKEN.search((await browser.get(url)).text)
        assert token is not None
        await browser.post(url, data={"token": token.group(1), "decision": "pay"})


REHEARSAL = Rehearsal(
    pays="instant",
    declines="instant_decline",
    needs_action="checkout",
    redirected=redirected,
    sign=sign,
    webhook=webhook,
    pays_to={"account": "instant-0042"},
    pays_never={"account": "declined-0042"},
    complete_action=pay,
)
