"""A shop that takes money at the sandbox, a provider of its own process, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web, served
from tests.servers.sandbox import SandboxServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_sandbox.plugin import SandboxProvider


class Till:
    """A shop that takes money at the sandbox, and the merchant's own view of that."""

    def __init__(self, shop: Shop, settings: dict[str, object], web: Web) -> None:
        self.shop, self.web = shop, web
        self.settings = settings

    async def buy(self, player: str, method: str) -> Intent:
        return await self.shop.buy(player, provider="sandbox", method=method)

    async def api(self, path: str, body: object = None) -> dict[str, object]:
        """Call the provider as its merchant's own staff."""
        headers = {"authorization": f"Bearer {self.settings['api_key']}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            url = f"{self.settings['base_url']}/v1{path}"
            headers = {"idempotency-key": f"staff {path}"}
            answer = await client.post(url, json={} if body is None else body, headers=headers)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def reference(self, intent: Intent) -> str:
        (attempt,) = (await self.shop.dossier(intent)).attempts
        assert attempt.reference is not None
        return attempt.reference

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait until webhooks have brought something about."""
        for _ in range(150):
            if await true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")

    async def reaches(self, intent: Intent, state: str) -> None:
        async def there() -> bool:
            return await self.shop.state(intent) == state

        await self.until(there)


@asynccontextmanager
async def open_till(house: House, server: SandboxServer) -> AsyncIterator[Till]:
    """Open a shop with an account at the sandbox, which can reach it."""
    shop = await open_shop(house, spent_coins="debt", plugins=(("sandbox", SandboxProvider()),))
    settings = server.open_account()
    made = await configure_provider(shop.payments, shop.tenant, "sandbox", settings, enabled=True)
    assert not isinstance(made, Refusal), made
    web = Web(shop)
    async with served(web) as url:
        shop.payments.url = url
        yield Till(shop, settings, web)
    # Before the server has ended, a webhook could open a connection anew, for nobody to close.
    await shop.payments.close()
