"""A shop that sells in Apple's App Store, played by the lab, and what others do there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from tests.payments.shop import Shop
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.read import get_payment
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.plugin_api import NextAction

PRODUCT = "example.gems.500"


class AppleTill:
    """A shop that sells at the lab's Apple."""

    def __init__(self, shop: Shop, lab: LabServer, settings: dict[str, Any]) -> None:
        self.shop = shop
        self.lab = lab
        self.settings = settings

    async def buy(self, player: str, **changes: Any) -> Intent:
        """Make the payment here, before anything is bought there."""
        return await self.shop.buy(player, provider="app_store", **changes)

    async def attempt(self, intent: Intent) -> Attempt:
        return (await self.shop.dossier(intent)).attempts[-1]

    async def action(self, intent: Intent) -> NextAction:
        action = (await self.attempt(intent)).action
        found = msgspec.json.decode(action or "null", type=NextAction | None)
        assert found is not None
        return found

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        told = {"bundle_id": self.settings["bundle_id"], **body}
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/apple{path}", **told))

    async def in_store(self, intent: Intent, **sale: object) -> dict[str, str]:
        """Buy on the device as the payment says; return what StoreKit gives to the app."""
        details = (await self.action(intent)).details or {}
        told = {"product": details["productId"], "token": details["appAccountToken"], **sale}
        return await self.at_lab("/buy", **told)

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def confirm(
        self, intent: Intent, data: dict[str, str], key: str | None = None
    ) -> Receipt | Refusal | None:
        """Tell Guildbank what StoreKit gave to the app."""
        command = ConfirmCommand(payment_id=intent.id, attempt_id=None, data=data)
        who = Confirming(intent.player_id, "buyer")
        return await confirm_payment(
            self.shop.payments, self.shop.tenant, who, key or new_id("key"), command
        )

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

    async def rest(self) -> None:
        """Wait until all that the lab tells of has arrived and was worked on."""
        await asyncio.to_thread(self.lab.do, "/lab/rest")
        await self.shop.payments.drain()

    async def reaches(self, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait until webhooks have brought something about."""
        for _ in range(150):
            if await true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")

    async def report(self) -> int:
        """Read the history as the job does; return how many events were new."""
        return await read_reports(self.shop.payments, self.shop.tenant)

    async def sweep(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await sweep_webhooks(self.shop.payments, self.shop.tenant)

    async def problems(self) -> list[str]:
        """Return what keeps events in the inbox."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            rows = await tx.driver.fetch(
                "SELECT problem FROM payments_webhook WHERE problem IS NOT NULL"
            )
        return [row["problem"] for row in rows]

    async def refunds(self, intent: Intent) -> list[Refund]:
        return list((await self.shop.dossier(intent)).refunds)
