"""A shop that pays players out at a company of the lab or the sandbox, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
from tests.house import House
from tests.payments.cashier import TERMS
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments import payouts
from guildbank.payments.contracts.payouts import Payout, PayoutCommand
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.payouts.destinations import ShownDestination, add_destination
from guildbank.payments.usecases.payouts.mind import mind_payouts
from guildbank.payments.usecases.payouts.request import request_payout
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.tenancy.usecases.change import change_tenant
from guildbank.wallets.contracts import Grant
from guildbank.wallets.usecases.grant import GrantAct


class PayoutTill:
    """A shop that pays two coins out as a cent, without waiting, at a company of the lab."""

    def __init__(self, shop: Shop, lab: LabServer | None, provider: str) -> None:
        self.shop, self._lab, self.provider = shop, lab, provider

    @property
    def lab(self) -> LabServer:
        assert self._lab is not None, "it is not played by the lab"
        return self._lab

    async def add(self, **details: str) -> ShownDestination | Refusal:
        player = await self.shop.player()
        act = GrantAct("app", new_id("key"), Grant(player, "GEM", 1_000))
        done = await self.shop.house.journal.submit(self.shop.tenant.schema, act)
        assert isinstance(done, Receipt), done
        return await add_destination(
            self.shop.payments, self.shop.tenant, "app", player, self.provider, details
        )

    async def earner(self, **details: str) -> tuple[str, str]:
        """Return a player with 1,000 coins, and where they are paid."""
        made = await self.add(**details)
        assert not isinstance(made, Refusal), made
        return made.stored.player_id, made.stored.id

    async def pay(self, earner: tuple[str, str], coins: int = 500) -> Payout:
        player, place = earner
        command = PayoutCommand(player_id=player, currency="GEM", coins=coins, destination_id=place)
        made = await request_payout(
            self.shop.payments, self.shop.tenant, "app", new_id("key"), command
        )
        assert not isinstance(made, Refusal), made
        return made

    async def fresh(self, payout: Payout) -> Payout:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            found = await payouts.payout_by_id(tx.driver, payout.id)
        assert found is not None
        return found

    async def state(self, payout: Payout) -> str:
        return (await self.fresh(payout)).state.value

    async def reaches(self, payout: Payout, state: str) -> None:
        """Wait until webhooks have brought a payout so far."""

        async def there() -> bool:
            return await self.state(payout) == state

        await self.until(there)

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(200):
            if await true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")

    async def later(self, **span: float) -> int:
        """Let time pass for the janitor alone: what is sent meanwhile is signed for now."""
        clock = self.shop.clock
        clock.by += timedelta(**span)
        try:
            return await mind_payouts(self.shop.payments, self.shop.tenant)
        finally:
            clock.by -= timedelta(**span)

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do something in the lab in another's place."""
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/{self.provider}{path}", **body))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times)

    async def rest(self) -> None:
        """Wait until every webhook was taken and worked on."""
        await asyncio.to_thread(self.lab.do, "/lab/rest")
        await self.shop.payments.drain()

    async def coins(self, earner: tuple[str, str]) -> int:
        return sum((await self.shop.coins(earner[0])).values())

    async def holds(self) -> bool:
        proof = await prove(self.shop.house.db, self.shop.tenant.schema)
        assert proof.ok, proof.problems
        return proof.ok


@asynccontextmanager
async def open_payout_till(
    house: House,
    lab: LabServer | None,
    provider: str,
    plugin: object,
    account: Callable[[str], Any],
) -> AsyncIterator[PayoutTill]:
    """Open a shop that pays out by a plugin; `account` opens one there for a webhook's address."""
    shop = await open_shop(house, plugins=((provider, plugin),))
    async with served(Web(shop)) as url:
        shop.payments.url = url
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/{provider}"
        settings: Mapping[str, Any] = await asyncio.to_thread(account, hook)
        made = await configure_provider(
            shop.payments, shop.tenant, provider, dict(settings), enabled=True
        )
        assert not isinstance(made, Refusal), made
        await change_tenant(
            house.tenancy,
            shop.tenant.slug,
            lambda one: msgspec.structs.replace(one, payout_cooloff_hours=0),
        )
        terms = msgspec.structs.replace(TERMS, window_days=0)
        done = await set_payout_terms(shop.payments, shop.tenant, "op_1", terms)
        assert isinstance(done, Receipt), done
        yield PayoutTill(shop, lab, provider)
    # Before the server has ended, a webhook could open a connection anew, for nobody to close.
    await shop.payments.close()
