"""Purchases through the whole pipeline, against what their provider can do by itself.

The provider is the lab's Stripe, a process of its own on the same cores, that is paid by card
through Stripe's own library. Its floor is the very call that a purchase makes of it, sent by the
load itself. No step is published; what one costs is measured apart. Events come from the sandbox,
whose signature the load makes.
"""

import asyncio
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Any

import httpx

from bench.load import LOOPBACK, Load, Told
from bench.servers import Server, free_port, run_load, serve
from bench.sheet import Figure, Sheet
from bench.town import GEM, Town
from guildbank.kernel import Refusal
from guildbank.pipelines import Placed, Step, ask_gates
from guildbank.plugin_api import PurchaseView, Slot

CONNECTIONS = 16
ROUNDS = 5
SECONDS = 2.0
CALLS_SECONDS = 0.8
"""Of the provider's own calls, of which there are many more: the lab keeps 50,000 payments."""
WORKERS = 4
PUBLICATIONS = 10
GATES = 10
ASKED = 2_000
CARD = "pm_card_visa"
LOOKED_AT = 100
"""Purchases whose exchanges say how long the provider took."""
SIDES = ("purchase", "call", "posting")


async def measure(town: Town, sheet: Sheet) -> None:
    """Load one worker with purchases, spends and webhooks, and the provider with its calls."""
    figures: dict[str, Figure] = {"purchases.connections": CONNECTIONS}
    async with (
        _sandbox(town) as shop,
        _lab() as lab,
        serve(town, 1, GUILDBANK_EGRESS_PRIVATE="true") as server,
    ):
        await shop.open(server, await lab.open(server))
        for connections, name in ((CONNECTIONS, "at_once"), (1, "alone")):
            async with _lab() as floor:
                await floor.open(server)
                await _compare(town, server, (shop, floor), connections, name, figures)
        await _webhooks(town, server, shop, figures)
    figures["purchases.middleware_us"] = await _gates(town)
    async with serve(town, WORKERS) as server:
        figures["purchases.publish_to_effect_ms"] = await _publications(town, server)
    sheet.keep(figures)
    _show(figures, sheet)


class _Shop:
    """The sandbox provider, the tenant's account there, and a pack."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.key = f"key_{secrets.token_hex(16)}"
        self.secret = f"whsec_{secrets.token_hex(16)}"
        self.pack = ""

    async def open(self, server: Server, stripe: dict[str, Any]) -> None:
        """Open the account, lead the tenant's payments to it and to Stripe's, and sell a pack."""
        account = {"api_key": self.key, "webhook_secret": self.secret}
        async with httpx.AsyncClient(timeout=30) as http:
            opened = await http.post(f"{self.url}/v1/accounts", json={**account, "name": "Bench"})
            opened.raise_for_status()
            settings = {"base_url": self.url, **account}
            for provider, those in (("sandbox", settings), ("stripe", stripe)):
                path = f"/v1/providers/{provider}"
                await self._call(http, server, "PUT", path, {"settings": those})
            pack = {
                "name": "Chest", "currency": GEM, "coins": 500, "bonusCoins": 50,
                "prices": [{"price": {"amount": "4.99", "currency": "EUR"}}],
            }  # fmt: skip
            self.pack = (await self._call(http, server, "POST", "/v1/packs", pack))["id"]

    async def _call(
        self, http: httpx.AsyncClient, server: Server, method: str, path: str, body: object
    ) -> dict[str, Any]:
        answer = await http.request(
            method,
            f"http://{LOOPBACK}:{server.port}{path}",
            json=body,
            headers={"authorization": f"Bearer {self.token}", "idempotency-key": path},
        )
        answer.raise_for_status()
        return dict(answer.json())

    token: str = ""

    def purchases(self, town: Town, server: Server, connections: int) -> Load:
        """Return a load of purchases by card."""
        body = (
            f'{{"packId":"{self.pack}","currency":"EUR","playerId":"PLAYER","country":"DE",'
            f'"provider":"stripe","method":"{CARD}"}}'
        )
        return Load(
            port=server.port, token=town.token, players=town.players, mark="",
            connections=connections, seconds=SECONDS, path="/v1/payments", body=body,
        )  # fmt: skip


class _Lab:
    """The lab's Stripe, and an account there. Purchases and each floor have one of their own: it
    keeps only so many payments.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.key = f"sk_test_{secrets.token_hex(16)}"

    async def open(self, server: Server) -> dict[str, Any]:
        """Open the account; return what a tenant's settings are to be."""
        lab, ours = f"http://{LOOPBACK}:{self.port}", f"http://{LOOPBACK}:{server.port}"
        account = {
            "secret_key": self.key, "webhook_secret": f"whsec_{secrets.token_hex(16)}",
            "webhook_url": f"{ours}/v1/webhooks/bench/stripe",
        }  # fmt: skip
        # Events are measured apart.
        silent = {
            "subject": "*", "at": "webhook", "effect": "unsent", "times": 0, "company": "stripe",
        }  # fmt: skip
        async with httpx.AsyncClient(timeout=30) as http:
            opened = await http.post(f"{lab}/lab/stripe/accounts", json=account)
            (await http.post(f"{lab}/lab/switches", json=silent)).raise_for_status()
            return dict(opened.raise_for_status().json())

    def calls(self, connections: int) -> Load:
        """Return a load of what a purchase asks of its provider."""
        body = (
            "amount=499&currency=eur&confirm=true&metadata[guildbank_attempt]=NUMBER&"
            f"payment_method={CARD}&error_on_requires_action=true"
        )
        return Load(
            port=self.port, token=self.key, players=[], mark="", connections=connections,
            seconds=CALLS_SECONDS, path="/v1/payment_intents", body=body, form=True,
        )  # fmt: skip


@asynccontextmanager
async def _sandbox(town: Town) -> AsyncIterator[_Shop]:
    shop = _Shop(free_port())
    shop.token = town.token
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guildbank_sandbox.server", "--port", str(shop.port),
        "--data", str(town.data / "sandbox.sqlite"), "--exit-with-parent",
    )  # fmt: skip
    try:
        await _listens(shop.port)
        yield shop
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _lab() -> AsyncIterator[_Lab]:
    lab = _Lab(free_port())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guildbank_lab", "--port", str(lab.port), "--seed", "7"
    )
    try:
        await _listens(lab.port)
        yield lab
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> None:
    for _ in range(3_000):
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        await asyncio.sleep(0.01)
    raise RuntimeError("the sandbox did not get ready")


async def _compare(
    town: Town,
    server: Server,
    sides: tuple[_Shop, _Lab],
    connections: int,
    name: str,
    figures: dict[str, Figure],
) -> None:
    """Measure purchases, the provider's calls and spends by turns."""
    shop, floor = sides
    loads: dict[str, Callable[[], Load]] = {
        "purchase": lambda: shop.purchases(town, server, connections),
        "call": lambda: floor.calls(connections),
        "posting": lambda: Load(
            port=server.port, token=town.token, players=town.players, mark="",
            connections=connections, seconds=SECONDS,
        ),
    }  # fmt: skip
    told: dict[str, list[Told]] = {each: [] for each in loads}
    await town.checkpoint()
    for number in range(ROUNDS + 1):
        for each, load in loads.items():
            one = await run_load(load())
            if number:
                told[each].append(one)
    for each, rounds in told.items():
        figures[f"purchases.{each}.per_second.{name}"] = median(
            one.operations / one.seconds for one in rounds
        )
        figures[f"purchases.{each}.p50_ms.{name}"] = median(one.p50_ms for one in rounds)
        figures[f"purchases.{each}.p99_ms.{name}"] = median(one.p99_ms for one in rounds)
    turns = list(zip(told["purchase"], told["call"], told["posting"], strict=True))
    figures[f"purchases.over_floor.{name}"] = median(
        (p.operations / p.seconds) / (c.operations / c.seconds) for p, c, _ in turns
    )
    # What is left of a purchase without its provider, as a client waits for it.
    asked_ms = figures[f"purchases.asked_ms.{name}"] = await _asked_ms(town, server)
    figures[f"purchases.own_over_posting.{name}"] = median(
        (p.p50_ms - asked_ms) / s.p50_ms for p, _, s in turns
    )


async def _asked_ms(town: Town, server: Server) -> float:
    """Return the median time from a purchase's request to the provider until its answer, in ms."""
    took = []
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{server.port}",
        headers={"authorization": f"Bearer {town.token}"},
        timeout=30,
    ) as http:
        listed = (await http.get(f"/v1/payments?limit={LOOKED_AT}")).raise_for_status()
        for payment in listed.json()["items"]:
            path = f"/v1/payments/{payment['id']}/exchanges"
            kept = (await http.get(path)).raise_for_status().json()["items"]
            took += [one["micros"] / 1_000 for one in kept if one["kind"] == "provider"]
    if len(took) < LOOKED_AT / 2:
        raise RuntimeError(f"only {len(took)} of {LOOKED_AT} purchases kept what was exchanged")
    return median(took)


async def _webhooks(town: Town, server: Server, shop: _Shop, figures: dict[str, Figure]) -> None:
    """Measure how fast events of the provider are taken in; each is about a payment of before."""
    async with httpx.AsyncClient(timeout=30) as http:
        listed = await http.get(
            f"http://{LOOPBACK}:{server.port}/v1/payments?limit=1",
            headers={"authorization": f"Bearer {town.token}"},
        )
        payment = listed.json()["items"][0]["id"]
        read = await http.get(
            f"http://{LOOPBACK}:{server.port}/v1/payments/{payment}",
            headers={"authorization": f"Bearer {town.token}"},
        )
    attempt = read.json()["attempts"][0]
    thing = (
        f'{{"id":"{attempt["reference"]}","reference":"{attempt["id"]}","state":"captured",'
        f'"captured_minor":499,"captured_currency":"EUR","checkout_url":"{shop.url}/"}}'
    )
    body = f'{{"id":"evt_NUMBER","type":"payment.captured","data":{{"payment":{thing}}}}}'
    rounds = []
    for number in range(ROUNDS + 1):
        told = await run_load(
            Load(
                port=server.port, token="", players=[], mark="", connections=CONNECTIONS,
                seconds=SECONDS, path="/v1/webhooks/bench/sandbox", body=body,
                webhook_secret=shop.secret,
            )
        )  # fmt: skip
        if number:
            rounds.append(told)
    figures["purchases.webhooks.per_second"] = median(
        one.operations / one.seconds for one in rounds
    )
    figures["purchases.webhooks.p50_ms"] = median(one.p50_ms for one in rounds)
    figures["purchases.webhooks.p99_ms"] = median(one.p99_ms for one in rounds)


async def _gates(town: Town) -> float:
    """Return the microseconds that one more step costs: a gate that only compares."""
    settings = {"listed": "admit", "countries": ["DE", "AT"]}
    steps = [
        Placed(Slot.MIDDLEWARE, Step(f"gate-{number}", "countries", settings))
        for number in range(GATES)
    ]
    view = PurchaseView(
        payment_id="pay_1", player_id=town.players[0], purpose="packs", provider="sandbox",
        amount_minor=499, currency="EUR", country="DE", annotations={},
    )  # fmt: skip

    async def asked(some: list[Placed]) -> object:
        passage = await ask_gates(town.services.pipelines, town.tenant, some, view)
        if isinstance(passage.refusal, Refusal):
            raise RuntimeError(passage.refusal.detail)
        return passage

    one = await _time(lambda: asked(steps[:1]))
    many = await _time(lambda: asked(steps))
    return (many - one) / (GATES - 1)


async def _time(call: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(ASKED):
        began = perf_counter()
        await call()
        took.append(1e6 * (perf_counter() - began))
    return median(took)


async def _publications(town: Town, server: Server) -> float:
    """Return the longest time from asking for a publication until all workers show it, in ms."""
    headers = {"authorization": f"Bearer {town.token}"}
    took = []
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{server.port}", headers=headers, timeout=30
    ) as http:
        for number in range(PUBLICATIONS):
            gate = {
                "id": f"here-{number}", "plugin": "countries",
                "settings": {"listed": "refuse", "countries": ["KP"]},
            }  # fmt: skip
            path = "/v1/pipelines/packs"
            saved = await http.post(f"{path}/revisions", json={"stages": {"before": [gate]}})
            revision = saved.raise_for_status().json()["revision"]
            began = perf_counter()
            done = await http.post(f"{path}/publish", json={"revision": revision})
            done.raise_for_status()
            while not await _all_run(http, path, revision):
                if perf_counter() - began > 30:
                    raise RuntimeError("a publication did not get to every worker")
            took.append(1_000 * (perf_counter() - began))
    return max(took)


async def _all_run(http: httpx.AsyncClient, path: str, revision: int) -> bool:
    shown = (await http.get(f"{path}/workers")).raise_for_status().json()["items"]
    running = [one["published"] == revision for one in shown if one["kind"] == "http"]
    return len(running) >= WORKERS and all(running)


def _show(figures: dict[str, Figure], sheet: Sheet) -> None:
    def row(each: str, name: str) -> list[str]:
        cell = [
            f"{float(figures[f'purchases.{each}.{kind}.{name}']):,.1f}"
            for kind in ("per_second", "p50_ms", "p99_ms")
        ]
        return [each, "1" if name == "alone" else str(CONNECTIONS), *cell]

    sheet.show(
        "Purchases from intent to credited, the provider's own calls, and single postings",
        ["what", "connections", "a second", "p50 ms", "p99 ms"],
        [
            row(each, name)
            for name in ("at_once", "alone")
            for each in ("purchase", "call", "posting")
        ],
    )
    sheet.say(
        f"Purchases over the provider's calls: {figures['purchases.over_floor.at_once']:.2f} at "
        f"{CONNECTIONS} connections; without the provider ("
        f"{figures['purchases.asked_ms.alone']:.2f} ms) a purchase waits "
        f"{figures['purchases.own_over_posting.alone']:.2f} times a posting alone, and "
        f"{figures['purchases.own_over_posting.at_once']:.2f} times one of {CONNECTIONS} at once"
    )
    sheet.say(
        f"Webhooks a second: {figures['purchases.webhooks.per_second']:,.0f} (p99 "
        f"{figures['purchases.webhooks.p99_ms']:.1f} ms); a further step of a pipeline: "
        f"{figures['purchases.middleware_us']:.0f} us; from publishing until all of {WORKERS} "
        f"workers follow: {figures['purchases.publish_to_effect_ms']:.0f} ms"
    )
