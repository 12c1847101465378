"""The rooms over HTTP: a served app that providers can reach, and clients that call it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from tests.apps import lend_app
from tests.payments.shop import Shop
from tests.servers.sandbox import free_port

from guildbank.identity import Authenticator, create_key, mint_player_token
from guildbank.identity.room import ROOM as IDENTITY
from guildbank.journal.room import ROOM as JOURNAL
from guildbank.kernel import Refusal
from guildbank.ledger import Proving
from guildbank.payments.balances import BALANCES
from guildbank.payments.room import ROOM as PAYMENTS
from guildbank.pipelines.room import ROOM as PIPELINES
from guildbank.store.room import ROOM as STORE
from guildbank.wallets.room import ROOM as WALLETS

ROOMS = (JOURNAL, IDENTITY, WALLETS, PIPELINES, PAYMENTS, STORE)
SERVED = tuple(room for room in ROOMS if room is not WALLETS)
SCOPES = {name: meaning for room in ROOMS for name, meaning in room.scopes.items()}


class Web:
    """One shop's rooms as an app, and keys to call it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        house = shop.house
        self.identity = house.today(SCOPES)
        self.app: Litestar = lend_app(
            SERVED,
            Authenticator(self.identity),
            {
                "payments": shop.payments,
                "pipelines": shop.payments.pipelines,
                "store": shop.store,
                "identity": self.identity,
                "external": house.external(self.identity),
                "db": house.db,
                "proving": Proving(house.db, BALANCES),
                "four_eyes": house.four_eyes,
                "everything": house,
            },
        )

    async def machine(self, *scopes: str) -> httpx.AsyncClient:
        """Return a client with a key that holds the scopes, all of them for none."""
        made = await create_key(self.identity, self.shop.tenant, "test", scopes or tuple(SCOPES))
        assert not isinstance(made, Refusal), made
        return self.client(made.token)

    async def player(self, player_id: str, country: str | None = None) -> httpx.AsyncClient:
        """Return a client with a player's own token."""
        minted = await mint_player_token(self.identity, self.shop.tenant, player_id, country)
        assert not isinstance(minted, Refusal), minted
        return self.client(minted.token)

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@asynccontextmanager
async def served(web: Web) -> AsyncIterator[str]:
    """Serve the app on a loopback port, so that a provider's process can deliver webhooks."""
    port = free_port()
    server = Server(
        web.app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False,
        websockets=False,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(200):
            with suppress(httpx.TransportError):
                if (await client.get(f"{url}/healthz")).is_success:
                    break
            await asyncio.sleep(0.02)
    try:
        yield url
    finally:
        server.stop()
        await serving
