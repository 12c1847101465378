"""A studio with people who ask and people who agree, as their pages call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from tests.staff import Person, hired
from tests.studio import GEM, City, Studio, done

_keys = (f"asked-{number}" for number in count(1))
ALWAYS = {"verb": "wallets.grant"}


def above(amount: int, verb: str = "wallets.grant", asset: str | None = GEM) -> dict[str, Any]:
    """Return a rule with a threshold."""
    return {"verb": verb, "asset": asset, "above": amount}


@dataclass
class Office:
    """A studio; `olga` and `pavel` own it, and `player` has no coins."""

    city: City
    studio: Studio
    olga: Person
    pavel: Person
    player: str
    open: list[httpx.AsyncClient] = field(default_factory=list)
    since: int = 0
    """How far the journal was when the policy was set."""

    async def person(self, *roles: str) -> Person:
        """Return one person more with these roles, signed in."""
        http = await browser(self.city, self.studio)
        self.open.append(http)
        return await hired(self.city.services.identity, http, self.studio.ref, *roles)

    async def policy(self, *rules: dict[str, Any], **more: Any) -> None:
        """Let the owner set these rules, and the host agree."""
        body = {"rules": list(rules), **more}
        answer = await self.olga.agreed.put("/v1/approval-policy", json=body)
        assert answer.status_code == 200, answer.text
        self.since = (await self.studio.sql("SELECT max(seq) FROM journal_entry"))[0][0]

    async def grant(
        self, who: httpx.AsyncClient, amount: int, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Ask to grant coins to the player."""
        body = {"playerId": self.player, "currency": GEM, "amount": amount, **more}
        return await ask(who, "/v1/grants", body, key)

    async def coins(self) -> int:
        """Return the player's balance."""
        return int((await self.studio.wallet(self.player)).get("total", 0))

    async def kinds(self, like: str = "approval.%") -> list[str]:
        """Return the kinds of the entries of that name since the policy was set, in order."""
        text = "SELECT kind FROM journal_entry WHERE kind LIKE $1 AND seq > $2 ORDER BY seq"
        return [row[0] for row in await self.studio.sql(text, like, self.since)]

    async def lapse(self) -> None:
        """Let the time of all that waits be over."""
        await self.studio.sql(
            "UPDATE approvals_request SET expires_at = now() - INTERVAL '1 second'"
        )


async def ask(
    who: httpx.AsyncClient, path: str, body: object, key: str | None = None
) -> httpx.Response:
    """Send a command with an idempotency key."""
    headers = {"idempotency-key": key or next(_keys)}
    return await who.post(path, json=body, headers=headers)


def waits(answer: httpx.Response) -> dict[str, Any]:
    """Return the approval that an answer says to wait for."""
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    who: Person, approval: dict[str, Any], verb: str = "approve", **body: Any
) -> httpx.Response:
    """Agree, or reject, or cancel."""
    path = f"/v1/approvals/{approval['id']}/{verb}"
    return await who.http.post(path, json=None if verb == "cancel" else body)


async def read(who: Person, approval: dict[str, Any]) -> dict[str, Any]:
    """Return the approval as it stands."""
    return done(await who.http.get(f"/v1/approvals/{approval['id']}"))


async def browser(city: City, studio: Studio) -> httpx.AsyncClient:
    """Return the browser of somebody at the studio who has not signed in."""
    return city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})


@asynccontextmanager
async def open_office(city: City) -> AsyncIterator[Office]:
    """Open a studio with two owners."""
    await city.calm()
    studio = await city.studio()
    pages = [await browser(city, studio) for _ in range(2)]
    olga, pavel = [await hired(city.services.identity, page, studio.ref, "owner") for page in pages]
    office = Office(city, studio, olga, pavel, await studio.player(), pages)
    try:
        yield office
    finally:
        for http in (*office.open, studio.http):
            await http.aclose()
