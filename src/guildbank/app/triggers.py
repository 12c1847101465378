"""Makes an event happen in a test tenant, by playing it out at the sandbox provider.

Nothing is made up: a player is added, a pack bought, and what follows is what follows.
"""

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guildbank.app.client import Client, Refused

PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.3
PROVIDER = "sandbox"


class NotTriggered(Exception):
    """The event did not happen; the message says why."""


@dataclass(frozen=True)
class Trigger:
    """A method of the sandbox to pay by, and what is asked for after that."""

    method: str = "instant"
    then: Literal["refund", "cancel", "close_player"] | None = None


REFUND = Trigger(then="refund")
TRIGGERS: Mapping[str, Trigger] = {
    "payments.created": Trigger(),
    "payments.attempted": Trigger(),
    "payments.credited": Trigger(),
    "payments.pending": Trigger("instant_pending"),
    "payments.declined": Trigger("instant_decline"),
    "payments.failed": Trigger("instant_decline_fraud"),
    "payments.canceled": Trigger("checkout", then="cancel"),
    "payments.unknown": Trigger("instant_error"),
    "payments.unapplied": Trigger("instant_pending", then="close_player"),
    "payments.conflicted": Trigger("instant_wrong_amount"),
    "payments.refund_clawed": REFUND,
    "payments.refunded": REFUND,
    "payments.refund_restored": Trigger("instant_refund_declined", then="refund"),
    "payments.dispute_opened": Trigger("instant_disputed"),
    "payments.dispute_funds_withdrawn": Trigger("instant_disputed"),
    "payments.dispute_funds_reinstated": Trigger("instant_dispute_won"),
    "payments.dispute_closed": Trigger("instant_dispute_lost"),
}


def trigger(client: Client, kind: str) -> Mapping[str, Any]:
    """Let an event of this kind happen and return it, as `GET /v1/events` shows it.

    Raises NotTriggered, and Refused as the server does.
    """
    wanted = TRIGGERS[kind]
    pack, currency = _pack(client)
    cursor = client.get("/v1/events", start="now")["next"]
    run = secrets.token_hex(8)
    player = client.post("/v1/players", {"externalId": f"trigger-{run}"})["id"]
    body = {
        "playerId": player,
        "packId": pack["id"],
        "currency": currency,
        "provider": PROVIDER,
        "method": wanted.method,
    }
    if pack["openAmount"] is not None:
        body["coins"] = pack["openAmount"]["minCoins"]
    try:
        client.post("/v1/payments", body, key=f"trigger-{run}")
    except Refused as refused:
        # A payment that is declined was recorded all the same, and its events tell of it.
        if refused.code != "payment_declined":
            raise
    for event in _events(client, cursor, player):
        if event["kind"] == kind:
            return event
        _go_on(client, wanted, event, player)
    raise NotTriggered(
        f"A pack was bought for {player}, and no {kind} came of it within {PATIENCE_SECONDS} "
        f"seconds. See what did: GET /v1/payments?playerId={player}"
    )


def _go_on(client: Client, wanted: Trigger, seen: Mapping[str, Any], player: str) -> None:
    """Do what the trigger does once its moment has come."""
    why, payment = {"reason": "trigger"}, seen["data"]["payment"]
    match wanted.then, seen["kind"]:
        case "refund", "payments.credited":
            client.post(f"/v1/payments/{payment}/refunds", why, key=f"trigger-{payment}")
        case "cancel", "payments.pending":
            client.post(f"/v1/payments/{payment}/cancel")
        case "close_player", "payments.pending":
            client.post(f"/v1/players/{player}/close", why)
        case _:
            pass


def _pack(client: Client) -> tuple[dict[str, Any], str]:
    for pack in client.items("/v1/packs", limit=200):
        if pack["active"] and pack["prices"] and pack["limitPerPlayer"] is None:
            return pack, pack["prices"][0]["price"]["currency"]
    raise NotTriggered("There is no pack to buy: POST /v1/packs makes one.")


def _events(client: Client, cursor: str, player: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events of the player's payment as they happen, until patience ends."""
    deadline, payment = time.monotonic() + PATIENCE_SECONDS, None
    while time.monotonic() < deadline:
        page = client.get("/v1/events", after=cursor, limit=200)
        cursor = page["next"]
        for one in page["items"]:
            data = one["data"]
            if one["kind"] == "payments.created" and data["player"] == player:
                payment = data["payment"]
            if payment is not None and data.get("payment") == payment:
                yield one
        if not page["items"] and payment is not None:
            # A read of the payment lets the server ask the provider again.
            client.get(f"/v1/payments/{payment}")
        if not page["items"]:
            time.sleep(LOOK_SECONDS)
