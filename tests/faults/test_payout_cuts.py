"""A payout's worker dies around each of its commits and calls: it is paid once, or coins are back.

What a life passes is found by one in which nobody dies; then another dies at each of these points.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from tests.faults.matrix.worker import Cut, Died, Worker, mark_tasks, premises_of
from tests.house import House, open_house
from tests.payments.cashier import CAME_BACK, Cashier, Window, open_window
from tests.payments.scripted import DECLINED

from guildbank.infra.postgres import Cluster
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments.balances import BALANCES
from guildbank.payments.contracts.payouts import Payout, PayoutCommand, PayoutState
from guildbank.payments.payouts import PayoutFilter
from guildbank.payments.usecases.payouts.decide import (
    approve_payout,
    cancel_payout,
    reject_payout,
)
from guildbank.payments.usecases.payouts.mind import mind_payouts
from guildbank.payments.usecases.payouts.read import list_payouts
from guildbank.payments.usecases.payouts.request import request_payout
from guildbank.plugin_api import Context, Outcome, PayoutRequest

TITLE = "a payout cut at every commit and call"
TURNS = 40
PAUSE = timedelta(minutes=11)
COINS, MINOR = 400, 200
COMMITS = {
    "paid": ("payout", "approve_payout", "send_payout", "finish_payout"),
    "rejected": ("payout", "end_payout"),
}
ENDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "paid": ("paid", COMMITS["paid"]),
    "answer lost": ("paid", COMMITS["paid"]),
    "declined": ("failed", COMMITS["paid"]),
    "came back": ("returned", COMMITS["paid"]),
    "rejected": ("rejected", COMMITS["rejected"]),
    "canceled": ("canceled", COMMITS["rejected"]),
}
"""How a payout of each fate ends, and what it commits on the way."""


class Mortal(Cashier):
    """The cashier as one worker calls it; the books are everybody's."""

    worker: ClassVar[Worker | None] = None

    def __init__(self, books: Cashier) -> None:
        super().__init__()
        self.books = books

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        worker = self.worker
        assert worker is not None
        await worker.passes("pay asked")
        said = await self.books.pay_out(context, request)
        await worker.passes("pay answered")
        return said

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        return await self.books.fetch_payout(context, request, reference)


class Life:
    """One payout, by whoever works at the moment."""

    def __init__(self, window: Window, fate: str, point: str | None) -> None:
        self.window, self.fate, self.cut = window, fate, Cut(point)
        self.player = self.place = ""
        self.keys = {what: new_id("key") for what in ("ask", "decide")}
        self.worker = self._successor()

    def _successor(self) -> Worker:
        cashier = Mortal(self.window.cashier)
        worker = Worker(premises_of(self.window.shop), (("cash", cashier),), {})
        worker.cut = self.cut
        Mortal.worker = worker
        return worker

    async def live(self) -> Payout:
        """Let everybody do their part until the payout has ended; return it."""
        cashier = self.window.cashier
        cashier.on_pay = DECLINED if self.fate == "declined" else None
        cashier.loses_answers = int(self.fate == "answer lost")
        # What is written has the database's time: the lives before have moved the shop's too far.
        self.window.shop.clock.by = timedelta()
        self.player, self.place = await self.window.earner(COINS)
        try:
            for _ in range(TURNS):
                payout = await self.find()
                if payout is not None and payout.state == ENDS[self.fate][0]:
                    return payout
                await self._act(self._step(payout))
        finally:
            await self.worker.close()
        raise AssertionError(f"stuck: {await self.find()}")

    async def find(self) -> Payout | None:
        shop = self.window.shop
        found = await list_payouts(
            shop.payments, shop.tenant, PayoutFilter(player_id=self.player), None, 9
        )
        assert len(found) <= 1, found
        return found[0] if found else None

    async def _step(self, payout: Payout | None) -> None:
        payments, tenant = self.worker.payments, self.window.shop.tenant
        if payout is None:
            command = PayoutCommand(
                player_id=self.player, currency="GEM", coins=COINS, destination_id=self.place
            )
            made: object = await request_payout(payments, tenant, "app", self.keys["ask"], command)
        elif payout.state is not PayoutState.WAITING:
            if payout.state is PayoutState.PAID:
                self.window.cashier.says(payout, CAME_BACK)
            self.window.shop.clock.by += PAUSE
            made = await mind_payouts(payments, tenant)
        elif self.fate == "canceled":
            made = await cancel_payout(payments, tenant, self.player, payout.id)
        elif self.fate == "rejected":
            made = await reject_payout(
                payments, tenant, "op_olga", self.keys["decide"], payout.id, "no"
            )
        else:
            made = await approve_payout(
                payments, tenant, "op_olga", self.keys["decide"], payout.id, None
            )
        assert not isinstance(made, Refusal), made

    async def _act(self, deed: Coroutine[Any, Any, None]) -> None:
        try:
            await self.worker.run(deed)
        except Died:
            self.worker = self._successor()


@pytest.fixture(scope="module")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_payout_cuts")
    async with open_house(url, tmp_path_factory.mktemp("cuts")) as house:
        yield house


@pytest.fixture
async def window(house: House) -> AsyncIterator[Window]:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(mark_tasks)
    window = await open_window(house, review_above_minor=0)
    yield window
    await window.shop.payments.close()
    loop.set_task_factory(None)


@pytest.mark.parametrize("fate", ENDS)
async def test_a_payout_is_paid_once_or_its_coins_are_back_wherever_its_worker_dies(
    window: Window, tally: Counter[str], fate: str
) -> None:
    end, commits = ENDS[fate]
    whole = Life(window, fate, None)
    await whole.live()
    named = {f"{when} payments.{verb}" for verb in commits for when in ("before", "after")}
    calls = {"pay asked", "pay answered"} if "send_payout" in commits else set()
    if fate == "answer lost":
        calls.discard("pay answered")
    assert set(whole.cut.met) == named | calls
    paid = end == "paid"
    for number, point in enumerate(sorted(named | calls), 2):
        life = Life(window, fate, point)
        payout = await life.live()
        assert life.cut.is_done, f"it never came {point}"
        shop = window.shop
        assert await shop.coins(life.player) == ({} if paid else {"free": COINS}), point
        money = {"provider:cash": MINOR * number, "payout_cost": -MINOR * number}
        assert await shop.money() == (money if paid else {}), point
        sent = [one for one in window.cashier.asked if one.payout_id == payout.id]
        assert all(one == sent[0] for one in sent), "the same request, however often it is sent"
        assert len(window.cashier.paid) == (number if calls else 0), point
        proof = await prove(shop.house.db, shop.tenant.schema, BALANCES)
        assert proof.ok, proof.problems
        tally["payouts whose worker died"] += 1
