"""A shop that sells in a company's own store, played by the lab, and what others do there."""

import asyncio
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
from tests.payments.shop import Shop
from tests.payments.turns import turn
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.look import janitor
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.plugin_api import NextAction


class StoreTill:
    """A shop that sells at the lab; `app` is the setting by which the store knows the app."""

    provider: ClassVar[str]
    company: ClassVar[str]
    app: ClassVar[str]

    def __init__(self, shop: Shop, lab: LabServer, settings: dict[str, Any]) -> None:
        self.shop = shop
        self.lab = lab
        self.settings = settings

    async def buy(self, player: str, **changes: Any) -> Intent:
        """Make the payment here, before anything is bought there."""
        return await self.shop.buy(player, provider=self.provider, **changes)

    async def attempt(self, intent: Intent) -> Attempt:
        return (await self.shop.dossier(intent)).attempts[-1]

    async def action(self, intent: Intent) -> NextAction:
        action = (await self.attempt(intent)).action
        found = msgspec.json.decode(action or "null", type=NextAction | None)
        assert found is not None
        return found

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        told = {self.app: self.settings[self.app], **body}
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/{self.company}{path}", **told))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def clear_switches(self) -> None:
        """Let everything go well again."""
        await asyncio.to_thread(self.lab.clear)

    async def hand_over(
        self, intent: Intent, data: dict[str, str], key: str | None = None
    ) -> Receipt | Refusal | None:
        """Tell Guildbank what the store gave to the app."""
        command = ConfirmCommand(payment_id=intent.id, attempt_id=None, data=data)
        who = Confirming(intent.player_id, "buyer")
        return await confirm_payment(
            self.shop.payments, self.shop.tenant, who, key or new_id("key"), command
        )

    async def rest(self) -> None:
        """Wait until all that the lab tells of has arrived and was worked on."""
        await asyncio.to_thread(self.lab.do, "/lab/rest")
        await self.shop.payments.drain()

    async def report(self) -> int:
        """Read what the store reports as the job does; return how many events were new."""
        return await read_reports(self.shop.payments, self.shop.tenant)

    async def sweep(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await turn(sweep_webhooks, self.shop.payments, self.shop.tenant)

    async def look(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await turn(janitor, self.shop.payments, self.shop.tenant)

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
