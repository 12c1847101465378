"""Shops that sell subscriptions in a store, and what tests look at there."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.payments.apple_till import AppleTill
from tests.payments.google_till import GoogleTill
from tests.payments.shop import Shop
from tests.payments.store_till import StoreTill
from tests.payments.web import Web

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.store import PaymentFilter
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.mind_subscriptions import mind_subscriptions
from guildbank.payments.usecases.read import list_payments
from guildbank.store import Price

KIND = "Auto-Renewable Subscription"


class Subscriptions(StoreTill):
    """A shop whose pack is sold by a subscription."""

    async def minded(self, **later: float) -> int:
        """Let time pass, and ask the store about subscriptions as the job does."""
        self.shop.clock.by += timedelta(**later)
        looks = await mind_subscriptions(self.shop.payments, self.shop.tenant)
        await self.shop.payments.drain()
        return looks

    async def shown(self, player: str) -> list[dict[str, Any]]:
        """Return what the player's own client is shown."""
        async with await Web(self.shop).player(player) as app:
            answer = await app.get(f"/v1/players/{player}/subscriptions")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def stands(self, player: str) -> tuple[str, bool]:
        """Return how the player's one subscription stands, and whether it renews."""
        (row,) = await self.shown(player)
        return row["state"], row["renews"]

    async def payments(self, player: str) -> Sequence[Intent]:
        """Return the player's payments, the newest first."""
        wanted = PaymentFilter(player_id=player)
        return await list_payments(self.shop.payments, self.shop.tenant, wanted, None, 20)

    async def amounts(self, player: str) -> list[int]:
        """Return what each payment cost, the newest first."""
        return [one.amount_minor for one in await self.payments(player)]

    async def add_pack(self, product: str, coins: int) -> str:
        """Sell a further pack by another product; return the pack."""
        pack = await self.shop.save(name=product, coins=coins, bonus=0, prices=(Price(999, "EUR"),))
        self.settings["products"] = [
            *self.settings["products"],
            {"pack": pack.id, "product": product},
        ]
        shop = self.shop
        made = await configure_provider(
            shop.payments, shop.tenant, self.provider, self.settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        return pack.id

    async def erase(self, player: str) -> None:
        """Leave the player's account as an erasure does."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            await tx.driver.execute(
                "UPDATE identity_player SET state = 'erased' WHERE id = $1", player
            )


class AppleSubscriptions(Subscriptions, AppleTill):
    """A shop that sells subscriptions at the lab's Apple."""

    def __init__(self, shop: Shop, lab: Any, settings: dict[str, Any]) -> None:
        super().__init__(shop, lab, {**settings, "products": list(settings["products"])})

    async def subscribe(self, intent: Intent, **sale: object) -> dict[str, str]:
        """Subscribe on the device as the payment says; return what StoreKit gives to the app."""
        return await self.in_store(intent, kind=KIND, **sale)

    async def subscribed(self, **sale: object) -> tuple[str, Intent, str]:
        """Return a player, a payment of a first period that went well, and its transaction."""
        player = await self.shop.player()
        intent = await self.buy(player)
        first = (await self.subscribe(intent, **sale))["transaction"]
        await self.confirm(intent, {"transaction": first})
        await self.rest()
        assert await self.shop.state(intent) == "credited"
        return player, intent, first

    async def renew(self, original: str, **sale: object) -> dict[str, str]:
        """Let a period end, and Apple take money for the next one."""
        return await self.at_lab("/renew", original=original, **sale)


class GoogleSubscriptions(Subscriptions, GoogleTill):
    """A shop that sells subscriptions at the lab's Google."""

    async def subscribe(self, intent: Intent, **sale: object) -> dict[str, str]:
        """Subscribe on the device as the payment says; return the token and the order."""
        return await self.in_store(intent, subscription=True, **sale)

    async def subscribed(self, **sale: object) -> tuple[str, Intent, dict[str, str]]:
        """Return a player, a payment of a first period that went well, and its token and order."""
        player = await self.shop.player()
        intent = await self.buy(player)
        bought = await self.subscribe(intent, **sale)
        await self.confirm(intent, bought["transaction"])
        await self.rest()
        assert await self.shop.state(intent) == "credited"
        return player, intent, bought

    async def renew(self, bought: dict[str, str], **sale: object) -> str:
        """Let a period end, and Google take money for the next one; return its order."""
        return (await self.at_lab("/renew", transaction=bought["transaction"], **sale))["order"]

    async def become(self, bought: dict[str, str], what: str) -> None:
        """Let something become of the subscription, and wait until that is worked on."""
        await self.at_lab("/become", transaction=bought["transaction"], what=what)
        await self.rest()

    async def is_acknowledged(self, bought: dict[str, str]) -> bool:
        heard = await self.at_lab("/heard", transaction=bought["transaction"])
        return bool(heard["acknowledged"])
