"""A shop that sells in Google Play, played by the lab, and what others do there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.usecases.accounts import configure_provider
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.look import janitor
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.plugin_api import NextAction
from guildbank_googleplay.plugin import GooglePlayProvider

PRODUCT = "example.gems.500"
BOUGHT = {"paid": 500, "bonus": 50}


class GoogleTill:
    """A shop that sells at the lab's Google."""

    def __init__(self, shop: Shop, lab: LabServer, settings: dict[str, Any]) -> None:
        self.shop = shop
        self.lab = lab
        self.settings = settings

    async def buy(self, player: str, **changes: Any) -> Intent:
        """Make the payment here, before anything is bought there."""
        return await self.shop.buy(player, provider="google_play", **changes)

    async def attempt(self, intent: Intent) -> Attempt:
        return (await self.shop.dossier(intent)).attempts[-1]

    async def action(self, intent: Intent) -> NextAction:
        action = (await self.attempt(intent)).action
        found = msgspec.json.decode(action or "null", type=NextAction | None)
        assert found is not None
        return found

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        told = {"package_name": self.settings["package_name"], **body}
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/google{path}", **told))

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

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def confirm(self, intent: Intent, transaction: str) -> Receipt | Refusal | None:
        """Tell Guildbank what Play Billing gave to the app."""
        data = {"transaction": transaction}
        command = ConfirmCommand(payment_id=intent.id, attempt_id=None, data=data)
        who = Confirming(intent.player_id, "buyer")
        return await confirm_payment(
            self.shop.payments, self.shop.tenant, who, new_id("key"), command
        )

    async def paid(self, player: str, **sale: object) -> tuple[Intent, dict[str, str]]:
        """Return a purchase that went well, with its token and its order."""
        intent = await self.buy(player)
        bought = await self.in_store(intent, **sale)
        await self.confirm(intent, bought["transaction"])
        await self.shop.payments.drain()
        assert await self.shop.state(intent) == "credited"
        return intent, bought

    async def rest(self) -> None:
        """Wait until all that the lab tells of has arrived and was worked on."""
        await asyncio.to_thread(self.lab.do, "/lab/rest")
        await self.shop.payments.drain()

    async def report(self) -> int:
        """Read what was voided as the job does; return how many events were new."""
        return await read_reports(self.shop.payments, self.shop.tenant)

    async def sweep(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await sweep_webhooks(self.shop.payments, self.shop.tenant)

    async def look(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await janitor(self.shop.payments, self.shop.tenant)

    async def is_consumed(self, bought: dict[str, str]) -> bool:
        heard = await self.at_lab("/heard", transaction=bought["transaction"])
        return bool(heard["consumed"])

    async def problems(self) -> list[str]:
        """Return what keeps events in the inbox."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            rows = await tx.driver.fetch(
                "SELECT problem FROM payments_webhook WHERE problem IS NOT NULL"
            )
        return [row["problem"] for row in rows]

    async def refunds(self, intent: Intent) -> list[Refund]:
        return list((await self.shop.dossier(intent)).refunds)

    async def is_proven(self) -> bool:
        """Say whether the laws hold for all that was booked."""
        return (await prove(self.shop.house.db, self.shop.tenant.schema)).ok


@asynccontextmanager
async def google_till(house: House, lab: LabServer, *, notified: bool) -> AsyncIterator[GoogleTill]:
    """Open a shop that Google notifies, or one that hears from the app and the list alone."""
    plugin = GooglePlayProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("google_play", plugin),))
    products = [{"pack": shop.pack, "product": PRODUCT}]

    async def opened(hook: str | None) -> GoogleTill:
        settings = await asyncio.to_thread(lab.open_google, hook, products)
        made = await configure_provider(
            shop.payments, shop.tenant, "google_play", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        return GoogleTill(shop, lab, settings)

    if notified:
        async with served(Web(shop)) as url:
            yield await opened(f"{url}/v1/webhooks/{shop.tenant.slug}/google_play")
    else:
        yield await opened(None)
    await shop.payments.close()
