"""A shop that takes money at the lab's Stripe, and what players, banks and Stripe's staff do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Attempt, Dispute, Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.read import get_payment
from guildbank.plugin_api import NextAction
from guildbank_stripe.plugin import StripeProvider

BACK = "http://localhost/back"


class Till:
    """A shop that takes money at the lab's Stripe, and what others do there."""

    def __init__(self, shop: Shop, lab: LabServer) -> None:
        self.shop = shop
        self.lab = lab

    async def buy(self, player: str, method: str = "pm_card_visa") -> Intent:
        return await self.shop.buy(player, provider="stripe", method=method, return_url=BACK)

    async def attempt(self, intent: Intent) -> Attempt:
        return (await self.shop.dossier(intent)).attempts[-1]

    async def page(self, intent: Intent) -> str:
        """Return the page to which the player is led."""
        attempt = await self.attempt(intent)
        action = msgspec.json.decode(attempt.action or "null", type=NextAction | None)
        assert action is not None
        assert (action.kind, bool(action.url)) == ("redirect", True)
        return action.url or ""

    async def choose(self, intent: Intent, choice: str) -> httpx.Response:
        """Do what a player does on the page."""
        url = await self.page(intent)
        async with httpx.AsyncClient(trust_env=False) as browser:
            assert "499 EUR" in (await browser.get(url)).text.replace("</b>", "")
            return await browser.post(url, data={"choice": choice})

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/stripe{path}", **body))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def dispute(self, intent: Intent, **how: object) -> Dispute:
        """Let the buyer dispute, and wait until that is known."""
        case = await self.at_lab("/disputes", payment=(await self.attempt(intent)).id, **how)

        async def known() -> bool:
            found = (await self.shop.dossier(intent)).disputes
            return any(one.reference == case["id"] for one in found)

        await self.until(known)
        await self.rest()
        return (await self.shop.dossier(intent)).disputes[-1]

    async def rest(self) -> None:
        """Wait until every webhook was taken and worked on."""
        await asyncio.to_thread(self.lab.do, "/lab/rest")
        await self.shop.payments.drain()

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait until webhooks have brought something about."""
        for _ in range(300):
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


@asynccontextmanager
async def open_till(
    house: House, lab: LabServer, *plugins: tuple[str, object]
) -> AsyncIterator[tuple[Till, Web]]:
    """Open a shop that takes money at the lab's Stripe and hears its webhooks."""
    plugin = StripeProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("stripe", plugin), *plugins))
    web = Web(shop)
    async with served(web) as url:
        shop.payments.url = url
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/stripe"
        settings = await asyncio.to_thread(lab.open_stripe, hook)
        made = await configure_provider(
            shop.payments, shop.tenant, "stripe", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        yield Till(shop, lab), web
    # Before the server has ended, a webhook could open a connection anew, for nobody to close.
    await shop.payments.close()
