"""A shop that takes money at the lab's PayPal, and what players and PayPal's staff do there."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import msgspec
from tests.payments.shop import Shop
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent, Refund
from guildbank.payments.usecases.read import get_payment
from guildbank.plugin_api import NextAction


class Till:
    """A shop that takes money at the lab's PayPal, and what others do there."""

    def __init__(self, shop: Shop, lab: LabServer) -> None:
        self.shop = shop
        self.lab = lab

    async def buy(self, player: str) -> Intent:
        return await self.shop.buy(player, provider="paypal", return_url="http://localhost/back")

    async def order(self, intent: Intent) -> str:
        attempt = (await self.shop.dossier(intent)).attempts[-1]
        assert attempt.reference is not None
        return attempt.reference

    async def page(self, intent: Intent) -> str:
        """Return the page to which the player is led."""
        attempt = (await self.shop.dossier(intent)).attempts[-1]
        action = msgspec.json.decode(attempt.action or "null", type=NextAction | None)
        assert action is not None
        assert action.url is not None
        return action.url

    async def choose(self, intent: Intent, choice: str = "approve") -> httpx.Response:
        """Do what a player does on the page."""
        url = await self.page(intent)
        async with httpx.AsyncClient(trust_env=False) as browser:
            assert "4.99 EUR" in (await browser.get(url)).text.replace("</b>", "").replace(
                "<b>", ""
            )
            form = {"token": await self.order(intent), "choice": choice}
            return await browser.post(url.partition("?")[0], data=form)

    async def at_lab(self, path: str, **body: object) -> dict[str, object]:
        """Do something in the lab in another's place."""
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/paypal{path}", **body))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

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

    async def poll(self, intent: Intent) -> str:
        """Look at the payment as a game does that has heard nothing."""
        found = await get_payment(self.shop.payments, self.shop.tenant, intent.id)
        assert not isinstance(found, Refusal)
        return found.intent.state.value

    async def paid(self, player: str) -> Intent:
        """Return a purchase that went well."""
        intent = await self.buy(player)
        await self.choose(intent)
        await self.reaches(intent, "credited")
        return intent

    async def heard(self) -> int:
        """Return how many events were believed."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            return int(await tx.driver.fetchval("SELECT count(*) FROM payments_webhook"))

    async def refunds(self, intent: Intent) -> list[Refund]:
        return list((await self.shop.dossier(intent)).refunds)
