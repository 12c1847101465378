"""The processes of a running `guildbank up` are killed while players buy and are refunded.

They pay at the sandbox and by cards at the lab's Stripe. Whom it hits is drawn by
GUILDBANK_FAULTS_SEED, which is printed. Money and coins agree in the end, and each refund was paid
once.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import randbelow
from typing import Any

import httpx
import pytest
from tests.faults.test_up_kills import kill_one, until
from tests.servers.guildbank import GuildbankServer

TITLE = "real kill -9 while players buy and are refunded"
BUYERS = 4
KILLS = ("database", "http worker", "job worker", "database")
BETWEEN_KILLS = 15
METHODS = {
    "sandbox": ("instant", "instant_duplicate", "instant_reordered", "instant_silent"),
    "stripe": ("pm_card_visa",),
}
PACK_COINS, PACK_MINOR = 110, 499
REFUNDED = 0.3
"""Which part of the purchases that were credited at once is given back at once."""
SETTLED_SECONDS = 90


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuildbankServer]:
    """A deployment of our own to break, with two processes that answer."""
    with GuildbankServer(tmp_path / "data", "--workers=2", lab=True) as running:
        yield running


class Buyer:
    """A player who buys one pack after the other, each under its key until it is answered."""

    def __init__(self, server: GuildbankServer, seed: int, number: int) -> None:
        self.dice = random.Random(seed + number)
        self.server = server
        self.payments: dict[str, str] = {}
        """The payment of each key that was answered."""
        self.refunded: list[str] = []
        """The payments whose refund was answered."""
        self.unanswered = 0
        with server.client() as client:
            self.pack = client.get("/v1/packs").json()["items"][0]["id"]
            made = client.post("/v1/players", json={"externalId": f"buyer-{number}"})
            self.player = str(made.json()["id"])

    def buy(self, over: threading.Event) -> None:
        with self.server.client() as client:
            while not over.is_set():
                provider = self.dice.choice(list(METHODS))
                order = {
                    "playerId": self.player,
                    "packId": self.pack,
                    "currency": "EUR",
                    "provider": provider,
                    "method": self.dice.choice(METHODS[provider]),
                }
                key = f"{self.player}-{len(self.payments)}"
                answer = self._ask(client, "/v1/payments", order, key)
                payment = self.payments[key] = str(answer["id"])
                if answer["state"] == "credited" and self.dice.random() < REFUNDED:
                    path = f"/v1/payments/{payment}/refunds"
                    self._ask(client, path, {"reason": "bought too many"}, f"{key}-back")
                    self.refunded.append(payment)

    def _ask(
        self, client: httpx.Client, path: str, body: dict[str, str], key: str
    ) -> dict[str, Any]:
        """Ask under the key until somebody answers."""
        while (answer := self._send(client, path, body, key)) is None:
            self.unanswered += 1
            time.sleep(0.2)
        return answer

    def _send(
        self, client: httpx.Client, path: str, body: dict[str, str], key: str
    ) -> dict[str, Any] | None:
        try:
            answer = client.post(path, json=body, headers={"idempotency-key": key})
        except httpx.TransportError:
            return None
        assert answer.status_code in (201, 202, 503), answer.text
        return None if answer.status_code == 503 else dict(answer.json())


def euro(minor: int) -> str:
    """Return an amount as the API writes it."""
    return f"{minor // 100}.{minor % 100:02}"


def wait_for_refund(client: httpx.Client, payment: str, until_second: float) -> None:
    """Wait until a payment's one refund is paid: whoever died on the way, it is sent, once."""

    def states() -> list[str]:
        # Who asks for the payment lets the provider be asked.
        answer = client.get(f"/v1/payments/{payment}/refunds").json()
        return [str(one["state"]) for one in answer["items"]]

    while (seen := states()) != ["succeeded"]:
        assert time.monotonic() < until_second, (payment, seen)
        time.sleep(0.5)


def settle(client: httpx.Client, payment: str, until_second: float) -> bool:
    """Wait until a payment is credited; say whether its buyer had to try again.

    A worker that is killed after an attempt is recorded and before its request leaves took no
    money: the provider has never heard of it, which the payment says, and then it may be retried.
    """
    retried = False
    while (seen := client.get(f"/v1/payments/{payment}").json())["state"] != "credited":
        assert time.monotonic() < until_second, seen
        if seen["state"] == "requires_payment_method":
            assert (seen["problem"], retried) == ("never_arrived", False), seen
            again = client.post(
                f"/v1/payments/{payment}/attempts",
                json={"provider": seen["provider"], "method": METHODS[seen["provider"]][0]},
                headers={"idempotency-key": f"{payment}-again"},
            )
            assert again.is_success, again.text
            retried = True
        time.sleep(0.5)
    return retried


@pytest.mark.timeout(240)
def test_every_purchase_is_paid_once_and_credited_once(
    server: GuildbankServer, tally: Counter[str]
):
    seed = int(os.environ.get("GUILDBANK_FAULTS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_FAULTS_SEED={seed}")
    dice = random.Random(seed)
    over = threading.Event()
    buyers = [Buyer(server, seed, number) for number in range(BUYERS)]

    def bought() -> int:
        return sum(len(buyer.payments) for buyer in buyers)

    def wait_for_more() -> None:
        enough = bought() + BETWEEN_KILLS
        until(lambda: bought() >= enough, "waited", server)

    with ThreadPoolExecutor(BUYERS) as pool:
        calls = [pool.submit(buyer.buy, over) for buyer in buyers]
        try:
            for what in KILLS:
                wait_for_more()
                kill_one(server, what, dice)
                tally[f"{what} processes killed"] += 1
            wait_for_more()
        finally:
            over.set()
        for call in calls:
            call.result()
    payments = [payment for buyer in buyers for payment in buyer.payments.values()]
    assert len(set(payments)) == len(payments)
    with server.client() as client:
        settled = time.monotonic() + SETTLED_SECONDS
        for payment in payments:
            tally["requests that never left, and paid in a second try"] += settle(
                client, payment, settled
            )
        for buyer in buyers:
            for payment in buyer.refunded:
                wait_for_refund(client, payment, settled)
            (wallet,) = client.get(f"/v1/players/{buyer.player}/balances").json()["balances"]
            kept = len(buyer.payments) - len(buyer.refunded)
            assert wallet["total"] == PACK_COINS * kept
        proof = client.get("/v1/proof").json()
    (euros,) = proof["money"]
    refunds = sum(len(buyer.refunded) for buyer in buyers)
    assert proof["ok"]
    assert euros["captured"] == euro(PACK_MINOR * len(payments))
    assert euros["refunded"] == euro(PACK_MINOR * refunds)
    tally["purchases credited"] += len(payments)
    tally["of these refunded"] += refunds
    tally["requests unanswered and sent again"] += sum(buyer.unanswered for buyer in buyers)
