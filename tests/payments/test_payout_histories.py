"""Random histories of payouts against a model that keeps every coin: none is lost, none is new."""

import random
from dataclasses import dataclass, field

import pytest
from tests.house import House
from tests.payments.cashier import CAME_BACK, Window, open_window
from tests.payments.scripted import DECLINED, PENDING, UNKNOWN, Lost, processed

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.payouts import Payout
from guildbank.payments.payouts import PayoutFilter
from guildbank.payments.usecases.payouts.decide import cancel_payout
from guildbank.payments.usecases.payouts.read import list_payouts

STEPS = 45
OUTCOMES = (None, DECLINED, PENDING, UNKNOWN, Lost())
OPEN = ("waiting", "sending", "pending", "unknown")


@dataclass
class Purse:
    """What the model knows of a player: their coins, and the money under way and paid."""

    coins: int = 0
    payouts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def of(self, *states: str) -> int:
        """Return the minor units of payouts in these states."""
        return sum(coins // 2 for coins, state in self.payouts.values() if state in states)


def given_back(before: str, after: str) -> bool:
    """Say whether a change of state gives the coins back."""
    return after in ("failed", "returned", "canceled") and before != after


class History:
    """One player of a shop, who does what the numbers say."""

    def __init__(self, window: Window, player: str, place: str, draw: random.Random) -> None:
        self.window, self.player, self.place = window, player, place
        self.draw, self.model = draw, Purse()

    async def step(self) -> None:
        """Do one thing, and hold what everybody has against the model."""
        does = self.draw.choice(
            (
                self.grant,
                self.spend,
                self.ask,
                self.ask,
                self.ask,
                self.hear,
                self.hear,
                self.cancel,
            )
        )
        await does()
        await self.follow()
        assert (await self.window.shop.coins(self.player)).get("free", 0) == self.model.coins
        money = await self.window.shop.money()
        under_way, paid = self.model.of(*OPEN), self.model.of("paid")
        assert money.get("payout_in_flight", 0) == under_way
        assert money.get("provider:cash", 0) == paid
        assert money.get("payout_cost", 0) == -under_way - paid

    async def grant(self) -> None:
        amount = self.draw.randrange(1, 300)
        await self.window.grant(self.player, amount)
        self.model.coins += amount

    async def spend(self) -> None:
        amount = self.draw.randrange(1, 200)
        if amount <= self.model.coins:
            await self.window.shop.spend(self.player, amount)
            self.model.coins -= amount

    async def ask(self) -> None:
        cashier = self.window.cashier
        cashier.on_pay = self.draw.choice(OUTCOMES)
        cashier.loses_answers = self.draw.choice((0, 0, 0, 1))
        coins = 2 * self.draw.randrange(5, 200)
        key = str(self.draw.randrange(200))
        made = await self.window.ask(self.player, self.place, coins, key)
        if isinstance(made, Refusal):
            barred = coins > self.model.coins or made.code in ("too_many_payouts", "key_reused")
            assert barred, made
        elif made.id not in self.model.payouts:
            self.model.coins -= coins
            self.model.payouts[made.id] = (coins, "waiting")

    async def hear(self) -> None:
        """Let the provider say something of any payout, true or not, and have it asked."""
        cashier, window = self.window.cashier, self.window
        cashier.on_pay = None
        for payout in await self.stand():
            said = self.draw.choice((None, processed(payout.amount_minor), DECLINED, CAME_BACK))
            if said is not None:
                window.cashier.says(payout, said)
        await window.later(hours=self.draw.choice((1, 30)))

    async def cancel(self) -> None:
        shop = self.window.shop
        for payout in await self.stand():
            await cancel_payout(shop.payments, shop.tenant, self.player, payout.id)

    async def stand(self) -> list[Payout]:
        shop = self.window.shop
        wanted = PayoutFilter(player_id=self.player)
        return list(await list_payouts(shop.payments, shop.tenant, wanted, None, 200))

    async def follow(self) -> None:
        """Take the states over, where they are ones that may follow."""
        for payout in await self.stand():
            coins, before = self.model.payouts[payout.id]
            after = payout.state.value
            if before in ("failed", "returned", "canceled"):
                assert after == before, "an end stays"
            if before == "paid":
                assert after in ("paid", "returned")
            if given_back(before, after):
                self.model.coins += coins
            self.model.payouts[payout.id] = (coins, after)


@pytest.mark.parametrize("seed", range(3))
async def test_no_history_of_payouts_makes_or_loses_a_coin_or_a_cent(house: House, seed: int):
    window = await open_window(house, review_above_minor=120)
    player, place = await window.earner(500)
    history = History(window, player, place, random.Random(seed))
    history.model.coins = 500
    for _ in range(STEPS):
        await history.step()
    shop = window.shop
    proof = await prove(shop.house.db, shop.tenant.schema)
    assert proof.ok, proof.problems
    ends = {state for _, state in history.model.payouts.values()}
    assert len(ends) >= 3, "the history was too dull to prove anything"
