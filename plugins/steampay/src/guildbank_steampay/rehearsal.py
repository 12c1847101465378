"""How to reach each outcome at the lab, which plays Steam and the player, for conformance."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.plugin_api import Context, Outcome, Payer, PaymentRequest
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_steampay.orders import order_id_of
from guildbank_steampay.payments import IN_GAME, WEB

PAYER = Payer(subject="76561197972751825", address="203.0.113.7")


class NoLab(RuntimeError):
    """Steam's sandbox wants a person who plays the game; only a lab plays one."""


def redirected(settings: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    """Return the settings with another server in Steam's place."""
    return {**settings, "lab_url": url}


async def approve(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Approve as the player would, and return what the game's client hears of it."""
    order_id = order_id_of(request.attempt_id)
    await _lab(context, "/lab/steam/approve", {"order": order_id})
    return {"order_id": order_id, "authorized": "1"}


async def refuse(context: Context, asked: Outcome) -> None:
    """Say no as the player would."""
    await _lab(context, "/lab/steam/deny", {"order": asked.reference})


async def reverse(context: Context, made: Outcome) -> None:
    """Refund as Valve's support would."""
    await _lab(context, "/lab/steam/reverse", {"order": made.reference, "status": "Refunded"})


async def _lab(context: Context, path: str, body: object) -> None:
    lab_url = context.settings.get("lab_url")
    if lab_url is None:
        raise NoLab("set lab_url: `guildbank lab` plays Steam and the player")
    answer = await context.http.send(
        "POST",
        f"{lab_url}{path}",
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(body),
    )
    if answer.status not in (200, 201, 204):
        raise NoLab(f"the lab answered {answer.status}")


REHEARSAL = Rehearsal(
    pays=IN_GAME,
    needs_action=WEB,
    payer=PAYER,
    stays_open=True,
    redirected=redirected,
    confirms=approve,
    refuse_action=refuse,
    reverse=reverse,
    no_old_webhooks="Steam sends no webhooks",
)
