"""A shop that takes money from Steam's wallets, played by the lab, and what others do there."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from tests.payments.shop import Shop
from tests.payments.turns import turn
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Dispute, Intent, Refund
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.read import get_payment
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.plugin_api import NextAction, Payer

ISSUER = "https://steamcommunity.com"
_LINK = """
INSERT INTO identity_external (key, id, player_id, provider, issuer, subject, linked_at)
VALUES ($1, $2, $3, 'steam', $4, $5, now())
"""


class SteamTill:
    """A shop that takes money at the lab's Steam."""

    def __init__(self, shop: Shop, lab: LabServer, settings: dict[str, Any]) -> None:
        self.shop = shop
        self.lab = lab
        self.settings = settings
        self.gamer = str(76561197000000000 + int(settings["app_id"]) % 10**9)

    async def buy(self, player: str, **changes: Any) -> Intent:
        changes = {"payer": Payer(subject=self.gamer), **changes}
        return await self.shop.buy(player, provider="steam_wallet", **changes)

    async def link(self, player: str, steam_id: str) -> None:
        """Let the player be one who signs in with this Steam account."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            await tx.driver.execute(
                _LINK, new_id("x").encode(), new_id("xid"), player, ISSUER, steam_id
            )

    async def order(self, intent: Intent) -> str:
        attempt = (await self.shop.dossier(intent)).attempts[-1]
        assert attempt.reference is not None
        return attempt.reference

    async def action(self, intent: Intent) -> NextAction | None:
        attempt = (await self.shop.dossier(intent)).attempts[-1]
        return msgspec.json.decode(attempt.action or "null", type=NextAction | None)

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/steam{path}", **body))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def approve(self, intent: Intent) -> dict[str, str]:
        """Approve as the player does; return what the game's client hears."""
        return await self.at_lab("/approve", order=await self.order(intent))

    async def confirm(
        self, intent: Intent, data: dict[str, str] | None = None, key: str | None = None
    ) -> Receipt | Refusal | None:
        """Tell Guildbank what the game's client heard."""
        data = data or {"order_id": await self.order(intent), "authorized": "1"}
        command = ConfirmCommand(payment_id=intent.id, attempt_id=None, data=data)
        who = Confirming(intent.player_id, "buyer")
        return await confirm_payment(
            self.shop.payments, self.shop.tenant, who, key or new_id("key"), command
        )

    async def paid(self, player: str, **changes: Any) -> Intent:
        """Return a purchase that went well."""
        intent = await self.buy(player, **changes)
        await self.confirm(intent, await self.approve(intent))
        assert await self.shop.state(intent) == "credited"
        return intent

    async def poll(self, intent: Intent) -> str:
        found = await get_payment(self.shop.payments, self.shop.tenant, intent.id)
        assert not isinstance(found, Refusal)
        return found.intent.state.value

    async def reverse(self, intent: Intent, status: str, **part: int) -> None:
        """Let Valve or a bank give the money back."""
        await self.at_lab("/reverse", order=await self.order(intent), status=status, **part)

    async def report(self) -> int:
        """Read the reports as the job does; return how many events were new."""
        return await read_reports(self.shop.payments, self.shop.tenant)

    async def sweep(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await turn(sweep_webhooks, self.shop.payments, self.shop.tenant)

    async def refunds(self, intent: Intent) -> list[Refund]:
        return list((await self.shop.dossier(intent)).refunds)

    async def disputes(self, intent: Intent) -> list[Dispute]:
        return list((await self.shop.dossier(intent)).disputes)
