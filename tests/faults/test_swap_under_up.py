"""Revisions are published under `guildbank up` while players buy over both of its processes.

Fifty publications a minute, over HTTP: no call fails, and each payment is of one revision, by its
checks, by its fee and by the money that it took. A usual run publishes for a quarter of
a minute; where GUILDBANK_FAULTS is `long`, it is the whole one.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.stall import Stall, done, eventually
from tests.servers.guildbank import GuildbankServer

TITLE = "revisions published while players buy, under `guildbank up --workers=2`"
PUBLICATIONS = 50 if os.environ.get("GUILDBANK_FAULTS") == "long" else 13
PACE_SECONDS = 60 / 50
BUYERS = 4
FEES = {"red": 11, "green": 22, "blue": 33}
"""In cents, by the word of the revision: what a payment costs says which one it ran through."""
PRICE_MINOR = 499


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[tuple[GuildbankServer, Stall]]:
    """A tenant of its own at a server with two processes that answer."""
    with GuildbankServer(tmp_path / "data", "--workers=2") as server:
        stall = Stall(server)
        yield server, stall
        stall.close()


def revision(stall: Stall, word: str) -> int:
    """Save a revision with two checks and a fee whose names are its own."""
    admits = {"limits": [{"money": "EUR", "most_minor": 100_000}]}
    stages = {
        "before": [
            {"id": f"{word}-{number}", "plugin": "amounts", "settings": admits} for number in (1, 2)
        ],
        "charges": [
            {
                "id": f"{word}-fee",
                "plugin": "fee",
                "settings": {
                    "label": "Service fee",
                    "fees": [{"money": "EUR", "fixed_minor": FEES[word]}],
                },
            }
        ],
    }
    return int(stall.post("/v1/pipelines/packs/revisions", {"stages": stages})["revision"])


@dataclass
class Buyers:
    """Players who buy one pack after the other, each on connections of its own."""

    server: GuildbankServer
    stall: Stall
    bought: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def client(self) -> httpx.Client:
        """Return connections of their own, with the tenant's key."""
        return self.server.client(self.stall.http.headers["authorization"].split()[1])

    def buy(self, number: int) -> None:
        """Buy until it is over; whatever is not taken is kept as an error."""
        with self.client() as http:
            made = done(http.post("/v1/players", json={"externalId": f"buyer-{number}"}))
            order = {
                "playerId": made["id"], "packId": self.stall.pack, "currency": "EUR",
                "provider": "sandbox", "method": "instant",
            }  # fmt: skip
            turn = 0
            while not self.over.is_set():
                turn += 1
                # Now on the connection that is open and now on one that another process may take.
                headers = {"idempotency-key": f"buy-{number}-{turn}"}
                if turn % 3 == 0:
                    headers["connection"] = "close"
                try:
                    answer = http.post("/v1/payments", json=order, headers=headers)
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code == 201:
                    self.bought.append(answer.json()["id"])
                else:
                    self.failed.append(answer.text)


def published_at_a_pace(stall: Stall, numbers: list[int], buyers: Buyers) -> int:
    """Publish one after the other, fifty a minute where the machine can; return how often."""
    began, before = time.monotonic(), numbers[0]
    for turn in range(1, PUBLICATIONS + 1):
        time.sleep(max(0.0, began + turn * PACE_SECONDS - time.monotonic()))
        wanted, so_far = numbers[turn % len(numbers)], len(buyers.bought)
        answer = stall.http.post(
            "/v1/pipelines/packs/publish", json={"revision": wanted, "over": before}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["published"] == wanted
        before = wanted
        # Somebody buys through each, also where this machine is slow.
        eventually(lambda so_far=so_far: len(buyers.bought) > so_far)  # type: ignore[misc]
    return PUBLICATIONS


def steps_of(told: list[dict[str, Any]]) -> list[str]:
    """Return which steps said something about a payment, the first one first."""
    return [one["facts"]["step"] for one in told if one["kind"].startswith("check.")]


def faults_of(payment: Mapping[str, Any], told: list[dict[str, Any]], word: str) -> list[str]:
    """Return what about a payment is not of the revision that it names."""
    faults = []
    steps = steps_of(told)
    # Its own come first and once each; those of one that was published meanwhile bind it too.
    wanted = [f"{word}-fee", f"{word}-1", f"{word}-2"]
    if steps[:3] != wanted or any(one.startswith(word) for one in steps[3:]):
        faults.append(f"checked by {steps}")
    charged = [(one["step"], one["amount"]["amount"]) for one in payment["charges"]]
    if charged != [(f"{word}-fee", f"0.{FEES[word]}")]:
        faults.append(f"charged {charged}")
    # Of any other amount than this one the provider's word would have been a conflict.
    total = PRICE_MINOR + FEES[word]
    if payment["amount"]["amount"] != f"{total // 100}.{total % 100:02}":
        faults.append(f"asked for {payment['amount']}")
    if [one["applied"] for one in payment["attempts"]] != ["credited"]:
        faults.append(f"attempts are {payment['attempts']}")
    return faults


@pytest.mark.timeout(400)
def test_publications_under_load_fail_no_call_and_mix_no_revisions(
    stall: tuple[GuildbankServer, Stall], tally: Counter[str]
):
    server, shop = stall
    words = {revision(shop, word): word for word in FEES}
    numbers = list(words)
    first = {"revision": numbers[0], "over": 0}
    done(shop.http.post("/v1/pipelines/packs/publish", json=first))
    buyers = Buyers(server, shop)
    with ThreadPoolExecutor(BUYERS) as pool:
        calls = [pool.submit(buyers.buy, number) for number in range(BUYERS)]
        try:
            published = published_at_a_pace(shop, numbers, buyers)
        finally:
            buyers.over.set()
        for call in calls:
            call.result()
    assert buyers.failed == []
    tally["publications over HTTP"] += published
    tally["payments bought meanwhile"] += len(buyers.bought)
    used: Counter[int] = Counter()
    for id_ in buyers.bought:
        shop.becomes({"id": id_}, "credited")
        payment = shop.payment({"id": id_})
        told = done(shop.http.get(f"/v1/payments/{id_}/timeline"))["items"]
        word = words[payment["revision"]]
        assert faults_of(payment, told, word) == [], payment
        used[payment["revision"]] += 1
    assert set(used) == set(numbers)
    assert done(shop.http.get("/v1/proof"))["ok"] is True
    tally["calls that failed"] += len(buyers.failed)
    tally["payments that mix revisions"] += 0
