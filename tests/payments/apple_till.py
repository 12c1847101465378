"""A shop that sells in Apple's App Store, played by the lab."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from tests.payments.store_till import StoreTill

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.read import get_payment

PRODUCT = "example.gems.500"


class AppleTill(StoreTill):
    """A shop that sells at the lab's Apple."""

    provider: ClassVar[str] = "app_store"
    company: ClassVar[str] = "apple"
    app: ClassVar[str] = "bundle_id"

    async def in_store(self, intent: Intent, **sale: object) -> dict[str, str]:
        """Buy on the device as the payment says; return what StoreKit gives to the app."""
        details = (await self.action(intent)).details or {}
        told = {"product": details["productId"], "token": details["appAccountToken"], **sale}
        return await self.at_lab("/buy", **told)

    async def confirm(
        self, intent: Intent, data: dict[str, str], key: str | None = None
    ) -> Receipt | Refusal | None:
        """Tell Guildbank what StoreKit gave to the app."""
        return await self.hand_over(intent, data, key)

    async def paid(self, player: str, **sale: object) -> tuple[Intent, str]:
        """Return a purchase that went well, and its transaction."""
        intent = await self.buy(player)
        bought = await self.in_store(intent, **sale)
        await self.confirm(intent, {"transaction": bought["transaction"]})
        assert await self.shop.state(intent) == "credited"
        return intent, bought["transaction"]

    async def poll(self, intent: Intent) -> str:
        found = await get_payment(self.shop.payments, self.shop.tenant, intent.id)
        assert not isinstance(found, Refusal)
        return found.intent.state.value

    async def reaches(self, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait until webhooks have brought something about."""
        for _ in range(150):
            if await true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")
