"""A shop that sells in Google Play, played by the lab."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

from tests.house import House
from tests.payments.shop import open_shop
from tests.payments.store_till import StoreTill
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_googleplay.plugin import GooglePlayProvider

PRODUCT = "example.gems.500"
BOUGHT = {"paid": 500, "bonus": 50}


class GoogleTill(StoreTill):
    """A shop that sells at the lab's Google."""

    provider: ClassVar[str] = "google_play"
    company: ClassVar[str] = "google"
    app: ClassVar[str] = "package_name"

    async def in_store(self, intent: Intent, **sale: object) -> dict[str, str]:
        """Buy on the device as the payment says; return what Play Billing gives to the app."""
        details = (await self.action(intent)).details or {}
        told = {
            "product": details["productId"],
            "account": details["obfuscatedAccountId"],
            "profile": details["obfuscatedProfileId"],
            **sale,
        }
        return await self.at_lab("/buy", **told)

    async def confirm(self, intent: Intent, transaction: str) -> Receipt | Refusal | None:
        """Tell Guildbank what Play Billing gave to the app."""
        return await self.hand_over(intent, {"transaction": transaction})

    async def paid(self, player: str, **sale: object) -> tuple[Intent, dict[str, str]]:
        """Return a purchase that went well, with its token and its order."""
        intent = await self.buy(player)
        bought = await self.in_store(intent, **sale)
        await self.confirm(intent, bought["transaction"])
        await self.shop.payments.drain()
        assert await self.shop.state(intent) == "credited"
        return intent, bought

    async def is_consumed(self, bought: dict[str, str]) -> bool:
        heard = await self.at_lab("/heard", transaction=bought["transaction"])
        return bool(heard["consumed"])


T = TypeVar("T", bound=GoogleTill)


@asynccontextmanager
async def google_till(house: House, lab: LabServer, *, notified: bool) -> AsyncIterator[GoogleTill]:
    """Open a shop that Google notifies, or one that hears from the app and the list alone."""
    async with google_till_of(GoogleTill, house, lab, notified=notified) as opened:
        yield opened


@asynccontextmanager
async def google_till_of(
    kind: type[T], house: House, lab: LabServer, *, notified: bool, **further: object
) -> AsyncIterator[T]:
    """Open a shop of a kind of its own, with further settings."""
    plugin = GooglePlayProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("google_play", plugin),))
    products = [{"pack": shop.pack, "product": PRODUCT}]

    async def opened(hook: str | None) -> T:
        settings = {**await asyncio.to_thread(lab.open_google, hook, products), **further}
        made = await configure_provider(
            shop.payments, shop.tenant, "google_play", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        return kind(shop, lab, settings)

    if notified:
        async with served(Web(shop)) as url:
            yield await opened(f"{url}/v1/webhooks/{shop.tenant.slug}/google_play")
    else:
        yield await opened(None)
    await shop.payments.close()
