"""The whole app on a real database, and studios that call it over HTTP as their game servers do."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from pydantic import SecretStr
from tests.economy import Move
from tests.spares import with_spares

from guildbank.app.asgi import app_over
from guildbank.app.rooms import tenant_scopes
from guildbank.app.wiring import Services, open_services
from guildbank.identity import create_key
from guildbank.infra.config import Settings
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.migrations.run import migrate
from guildbank.journal import Act, Receipt
from guildbank.kernel import Refusal
from guildbank.ledger import Address, Leg, house
from guildbank.payments import PaymentRecord
from guildbank.plugin_host import Plugins
from guildbank.tenancy import TenantRef, create_tenant

MASTER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
GEM = "GEM"
_numbers = count(1)


@dataclass(frozen=True)
class City:
    """One deployment: its parts and its app."""

    url: str
    services: Services
    app: Litestar

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a client of the app that calls with the token."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),  # type: ignore[arg-type]
            base_url="http://localhost",
            headers=headers,
        )

    async def key(self, tenant: TenantRef | None, *scopes: str, **more: Any) -> str:
        """Create a key and return its token; without a tenant it is the deployment's."""
        wanted = () if more.get("kind") == "publishable" else scopes or (DEPLOYMENT_SCOPE,)
        made = await create_key(self.services.identity, tenant, "test", wanted, **more)
        assert not isinstance(made, Refusal), made
        return made.token

    async def calm(self) -> None:
        """Forget who called: people of all tests come from one address, more than it may send."""
        async with self.services.db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute("DELETE FROM infra_rate")

    async def studio(self, slug: str | None = None) -> "Studio":
        """Open a studio: a tenant with a currency GEM and a key that may do everything."""
        slug = slug or f"studio-{next(_numbers)}"
        made = await create_tenant(self.services.tenancy, slug, slug.title())
        assert not isinstance(made, Refusal), made
        token = await self.key(made.ref, *tenant_scopes())
        studio = Studio(self, made.ref, token, self.client(token))
        await studio.currency(GEM)
        return studio


@dataclass
class Studio:
    """A tenant and its game server. Calls return the answer's JSON, or the problem's code."""

    city: City
    ref: TenantRef
    token: str
    http: httpx.AsyncClient
    keys: Any = field(default_factory=lambda: (f"key-{number}" for number in count(1)))

    async def post(self, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        headers = {"idempotency-key": key or next(self.keys)}
        return await self.http.post(path, json=body, headers=headers)

    async def currency(self, code: str, **rules: Any) -> None:
        made = await self.post("/v1/currencies", {"code": code, "name": code.title(), **rules})
        assert made.status_code == 201, made.text

    async def player(self, name: str | None = None) -> str:
        made = await self.post("/v1/players", {"externalId": name or f"user-{next(_numbers)}"})
        assert made.status_code in (200, 201), made.text
        return str(made.json()["id"])

    async def move(
        self, verb: str, player: str, amount: int, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send a grant, spend or hold."""
        body = {"playerId": player, "currency": GEM, "amount": amount, **more}
        return await self.post(f"/v1/{verb}s", body, key)

    async def grant(self, player: str, amount: int, **more: Any) -> dict[str, Any]:
        return done(await self.move("grant", player, amount, **more))

    async def spend(self, player: str, amount: int, **more: Any) -> dict[str, Any]:
        return done(await self.move("spend", player, amount, **more))

    async def hold(self, player: str, amount: int, **more: Any) -> dict[str, Any]:
        return done(await self.move("hold", player, amount, **more))

    async def legs(
        self, *legs: dict[str, Any], key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send a raw posting."""
        return await self.post("/v1/postings", {"legs": list(legs), **more}, key)

    async def bonus(self, player: str, amount: int, currency: str = GEM) -> None:
        """Put coins into the bonus bucket, which no grant does."""
        done(await self.legs(leg("issue", (player, "bonus"), amount, currency)))

    async def submit(self, act: Act) -> Receipt:
        """Run an act that no route runs."""
        outcome = await self.city.services.journal.submit(self.ref.schema, act)
        assert isinstance(outcome, Receipt), outcome
        return outcome

    async def paid(self, player: str, amount: int) -> Receipt:
        """Credit paid coins, as a purchase does."""
        coins = Leg((house(GEM, "issue"),), Address(player, GEM, "paid"), amount)
        return await self.submit(Move("payments.credited", {}, [coins], None))

    async def owe(self, player: str, amount: int) -> None:
        """Put the player in debt, as the claw-back of spent coins does."""
        debt = Leg((Address(player, GEM, "debt"),), house(GEM, "clawed"), amount, forced=True)
        await self.submit(Move("test.clawed", {}, [debt], None))

    async def buckets(self, player: str, currency: str = GEM) -> dict[str, int]:
        """Return what the player has by bucket, those at zero left out."""
        wallet = await self.wallet(player, currency)
        return {
            name: wallet[name] for name in ("paid", "free", "bonus", "debt") if wallet.get(name, 0)
        }

    async def wallet(self, player: str, currency: str = GEM) -> dict[str, Any]:
        """Return the player's balances of a currency, nothing for one that was never touched."""
        answer = done(await self.http.get(f"/v1/players/{player}/balances"))
        for one in answer["balances"]:
            if one["currency"] == currency:
                return dict(one)
        return {}

    async def sql(self, text: str, *args: object) -> list[Any]:
        """Ask the tenant's database."""
        async with self.city.services.db.begin(self.ref.schema) as tx:
            return list(await tx.driver.fetch(text, *args))

    async def entries(self) -> int:
        """Return how many entries the journal has."""
        return int((await self.sql("SELECT count(*) FROM journal_entry"))[0][0])


def leg(
    source: str | tuple[str, str], to: str | tuple[str, str], amount: int, currency: str = GEM
) -> dict[str, Any]:
    """Return a leg of a raw posting: a name is the house's, a pair is a player's bucket."""
    return {"from": _side(source), "to": _side(to), "currency": currency, "amount": amount}


def _side(side: str | tuple[str, str]) -> dict[str, str]:
    if isinstance(side, str):
        return {"house": side}
    return {"playerId": side[0], "bucket": side[1]}


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer that did what was asked."""
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def outcomes(answer: httpx.Response) -> Sequence[tuple[str, str | None]]:
    """Return status and code of each operation of a batch, in order."""
    return [(one["status"], one["code"]) for one in done(answer)["outcomes"]]


@asynccontextmanager
async def open_city(
    url: str, folder: Path, plugins: Sequence[tuple[str, object]] = ()
) -> AsyncIterator[City]:
    """Migrate the database and open the whole app over it, with the providers given."""
    failed = [schema for schema in migrate(url) if schema.error]
    assert not failed, failed
    settings = Settings(
        database_url=SecretStr(url),
        data=folder,
        master_key=SecretStr(MASTER_KEY),
        pool_size=6,
        # All tests call from one address, and some send thousands of bad credentials.
        address_requests_per_minute=0,
    )
    services = open_services(settings)
    services = replace(services, tenancy=with_spares(services.tenancy))
    if plugins:
        found = Plugins(plugins)
        pipelines = replace(services.pipelines, plugins=found)
        payments = replace(services.payments, plugins=found, pipelines=pipelines)
        pipelines.record = PaymentRecord(payments)
        wallets = replace(services.wallets, pipelines=pipelines)
        services = replace(services, payments=payments, pipelines=pipelines, wallets=wallets)
    try:
        yield City(url, services, app_over(services))
    finally:
        await services.close()
