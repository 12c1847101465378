"""People of a studio: who sign in, buy, and are suspended."""

from itertools import count
from typing import Any

import httpx
from tests.payments.keeper import Keeper
from tests.studio import Studio, done

PASSWORD = "three lamps sing at dawn"
SCRIPT = Keeper("scripted")
"""The payment provider of the deployment."""
_numbers = count(1)


async def register(public: httpx.AsyncClient, **more: Any) -> tuple[str, dict[str, Any]]:
    """Return a new person's id and what they registered with."""
    body = {"username": f"person-{next(_numbers)}", "password": PASSWORD, **more}
    return str(done(await public.post("/v1/register", json=body))["userId"]), body


async def sign_in(public: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    """Sign in with what was registered."""
    known = {"username": body["username"], "password": body["password"]}
    return await public.post("/v1/login", json=known, headers={"user-agent": "Moonlit of Ada"})


async def suspend(studio: Studio, player: str, reason: str = "review") -> dict[str, Any]:
    answer = await studio.http.post(f"/v1/players/{player}/suspend", json={"reason": reason})
    return done(answer)


async def pack(studio: Studio) -> str:
    """Return a pack of 500 coins for 4.99 EUR."""
    body = {
        "name": "Chest", "currency": "GEM", "coins": 500,
        "prices": [{"price": {"amount": "4.99", "currency": "EUR"}}],
    }  # fmt: skip
    return str(done(await studio.post("/v1/packs", body))["id"])


async def buy(studio: Studio, player: str, of: str, **more: Any) -> httpx.Response:
    body = {"packId": of, "playerId": player, "currency": "EUR", "provider": "scripted", **more}
    return await studio.post("/v1/payments", body)
