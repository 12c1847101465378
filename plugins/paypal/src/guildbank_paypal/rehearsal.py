"""How to reach each outcome at the lab, which plays PayPal and the player, for conformance."""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.plugin_api import Context, Outcome
from guildbank.plugin_api.conformance import Rehearsal, Webhook
from guildbank_paypal.payments import METHOD


class _Case(msgspec.Struct):
    dispute_id: str


class NoLab(RuntimeError):
    """PayPal's own sandbox wants a person who signs in; only a lab plays one."""


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """Return the settings with another server in PayPal's place."""
    return {**settings, "lab_url": url}


async def approve(context: Context, asked: Outcome) -> None:
    """Approve as the player would on the page."""
    await _lab(context, "/lab/paypal/approve", {"order": asked.reference})


async def approve_and_refuse(context: Context, asked: Outcome) -> None:
    """Approve an order whose capture the lab then refuses for good."""
    switch = {"subject": asked.reference, "at": "capture", "effect": "TRANSACTION_REFUSED"}
    await _lab(context, "/lab/switches", {**switch, "times": 0})
    await approve(context, asked)


async def dispute(context: Context, paid: Outcome) -> str:
    """Dispute a payment as its buyer would, and return the name of that."""
    answer = await _lab(context, "/lab/paypal/disputes", {"order": paid.reference})
    return msgspec.json.decode(answer, type=_Case).dispute_id


async def sign(context: Context, body: bytes) -> Mapping[str, str]:
    """Return the headers that the lab sends with these bytes at the context's time."""
    webhook_id = str(context.settings["webhook_id"])
    wanted = {"webhook_id": webhook_id, "crc32": zlib.crc32(body), "at": context.now}
    answer = await _lab(context, "/lab/paypal/sign", wanted)
    return msgspec.json.decode(answer, type=dict[str, str])


async def webhook(context: Context) -> Webhook:
    """Return an event of which nothing follows, sent at the context's time."""
    body = b'{"id":"WH-1","event_type":"TEST","resource":{}}'
    return Webhook(await sign(context, body), body)


async def _lab(context: Context, path: str, body: object) -> bytes:
    lab_url = context.settings.get("lab_url")
    if lab_url is None:
        raise NoLab("set lab_url and trust_root: `guildbank lab` plays PayPal and the player")
    answer = await context.http.send(
        "POST",
        f"{lab_url}{path}",
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(body),
    )
    if answer.status not in (200, 201, 204):
        raise NoLab(f"the lab answered {answer.status}")
    return answer.body


REHEARSAL = Rehearsal(
    pays=METHOD,
    needs_action=METHOD,
    pays_by_action=True,
    found_by_attempt=False,
    redirected=redirected,
    sign=sign,
    webhook=webhook,
    complete_action=approve,
    refuse_action=approve_and_refuse,
    disputed=dispute,
    pays_to={"email": "player@example.com"},
    # The lab lets this receiver's payouts fail.
    pays_never={"email": "failed@example.com"},
    payouts_found_by_ours=False,
)
