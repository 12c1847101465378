"""How long a person waits: for `up`, for a new tenant, and from a fresh checkout to a purchase."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import msgspec

from bench.servers import free_port, until_ready
from bench.sheet import Sheet
from bench.town import new_folder

STARTS = 3
TENANTS = 5
PATIENCE_SECONDS = 300.0
_ENDS = {"failed", "canceled", "expired", "conflicted"}


async def measure(sheet: Sheet) -> None:
    """Start in an empty folder, start again, then do it all from a clone."""
    folder = new_folder()
    try:
        await _starts(folder / "data", sheet)
        await _first_purchase(folder, sheet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _starts(data: Path, sheet: Sheet) -> None:
    port = free_port()
    command = [sys.executable, "-m", "guildbank.app.cli", "up"]
    command += ["--data", str(data), "--port", str(port)]
    times = []
    async with _running(command, port) as fresh:
        known = await _credentials(data)
        tenants = [await _tenant_seconds(known, number) for number in range(TENANTS)]
    for _ in range(STARTS):
        async with _running(command, port) as seconds:
            times.append(seconds)
    existing, tenant = median(times), median(tenants)
    sheet.put(
        **{
            "start.fresh_seconds": fresh,
            "start.existing_seconds": existing,
            "start.tenant_seconds": tenant,
        }
    )
    sheet.show(
        "Waiting for a start, seconds",
        ["what", "seconds"],
        [
            ["guildbank up on an empty folder, until it answers", f"{fresh:.2f}"],
            ["guildbank up on an existing folder", f"{existing:.2f}"],
            ["a new tenant over HTTP", f"{tenant:.3f}"],
        ],
    )


async def _tenant_seconds(known: Any, number: int) -> float:
    async with _client(known["url"], known["deploymentKey"]) as client:
        body = {"slug": f"bench-{number}", "name": "Bench", "mode": "test"}
        began = perf_counter()
        (await client.post("/v1/tenants", json=body)).raise_for_status()
        return perf_counter() - began


async def _first_purchase(folder: Path, sheet: Sheet) -> None:
    """Clone what is committed here, say `make up` in it, and buy as soon as it can be done."""
    clone, data, port = folder / "clone", folder / "clone-data", free_port()
    cloning = await asyncio.create_subprocess_exec("git", "clone", "-q", ".", str(clone))
    if await cloning.wait():
        raise RuntimeError("the checkout cannot be cloned")
    began = perf_counter()
    command = ["make", "-C", str(clone), "up", f"ARGS=--port {port} --data {data}"]
    async with _running(command, port) as ready:
        await _buy(await _credentials(data))
        bought = perf_counter() - began
    sheet.put(**{"start.first_up_seconds": ready, "start.first_purchase_seconds": bought})
    sheet.say(
        f"From `make up` in a fresh clone to the first purchase: {bought:.0f} s (packages from "
        f"the installer's cache where it has them), of which until it answered: {ready:.0f} s"
    )


async def _buy(known: Any) -> None:
    """Buy the demo's first pack for a new player; return when it is credited."""
    async with _client(known["url"], known["demo"]["secretKey"]) as client:
        player = (await client.post("/v1/players", json={"externalId": "bench"})).json()["id"]
        pack = (await client.get("/v1/packs")).json()["items"][0]["id"]
        order = {"packId": pack, "currency": "EUR", "provider": "sandbox", "method": "instant"}
        answer = await client.post(
            "/v1/payments",
            json={**order, "playerId": player},
            headers={"idempotency-key": "bench-first-purchase"},
        )
        answer.raise_for_status()
        payment = answer.json()
        give_up = perf_counter() + 60
        while payment["state"] != "credited":
            if payment["state"] in _ENDS or perf_counter() > give_up:
                raise RuntimeError(f"the payment is {payment['state']}")
            await asyncio.sleep(0.02)
            payment = (await client.get(f"/v1/payments/{payment['id']}")).json()


@asynccontextmanager
async def _running(command: list[str], port: int) -> AsyncIterator[float]:
    """Run a command that serves on `port`; give the seconds until it answered, then stop it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GUILDBANK_")}
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        await until_ready(port, process, PATIENCE_SECONDS)
        yield perf_counter() - began
    finally:
        if process.returncode is None:
            # As Ctrl-C does: to the whole group, since make stands between.
            os.killpg(process.pid, signal.SIGINT)
        await process.wait()


async def _credentials(data: Path) -> Any:
    """Return the keys once the demo is there."""
    give_up = perf_counter() + 60
    while perf_counter() < give_up:
        try:
            known = msgspec.json.decode((data / "credentials.json").read_bytes())
        except FileNotFoundError:
            known = {}
        if known.get("sandboxUrl"):
            return known
        await asyncio.sleep(0.02)
    raise RuntimeError("no demo tenant came up")


def _client(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    )
