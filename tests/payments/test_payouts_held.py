"""Nobody is paid out while suspended, even what was asked for before and never sent."""

import pytest
from tests.house import House
from tests.payments.cashier import Window, open_window
from tests.payments.test_payouts import holds

from guildbank.identity.usecases.lives.change_state import reinstate_player, suspend_player
from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.payouts import ApproveCommand, Payout
from guildbank.payments.usecases.payouts.decide import ApprovePayout, StoredApproval, cancel_payout
from guildbank.payments.usecases.payouts.read import get_payout


@pytest.fixture
async def window(house: House) -> Window:
    return await open_window(house)


async def unsent(window: Window) -> tuple[str, Payout]:
    """Return a player and their payout, whose process died before it was sent, suspended since."""
    await window.terms(review_above_minor=0)
    player, place = await window.earner()
    payout = await window.pay(player, place)
    identity, tenant = window.shop.house.identity, window.shop.tenant
    command = ApproveCommand(payout_id=payout.id, reason=None)
    agreed = ApprovePayout("op_1", new_id("key"), StoredApproval(command))
    assert isinstance(await window.shop.house.journal.submit(tenant.schema, agreed), Receipt)
    assert await stands(window, payout) == ("requested", None)
    done = await suspend_player(identity, tenant, "op_1", player, "many accounts")
    assert not isinstance(done, Refusal), done
    return player, payout


async def stands(window: Window, payout: Payout) -> tuple[str, str | None]:
    found = await get_payout(window.shop.payments, window.shop.tenant, payout.id)
    assert not isinstance(found, Refusal)
    return found.payout.state, found.payout.code


async def test_a_payout_of_a_suspended_player_is_held_and_sent_once_reinstated(window: Window):
    player, payout = await unsent(window)
    for _ in range(3):
        await window.later(days=1)
    assert window.cashier.asked == []
    assert await stands(window, payout) == ("requested", "player_suspended")
    assert (await window.shop.kinds()).count("payout_held") == 1
    identity, tenant = window.shop.house.identity, window.shop.tenant
    done = await reinstate_player(identity, tenant, "op_1", player)
    assert not isinstance(done, Refusal), done
    await window.later(days=1)
    assert len(window.cashier.asked) == 1
    assert await stands(window, payout) == ("paid", None)
    assert await holds(window)


async def test_a_held_payout_can_be_taken_back(window: Window):
    player, payout = await unsent(window)
    await window.later(minutes=2)
    done = await cancel_payout(window.shop.payments, window.shop.tenant, "app", payout.id)
    assert not isinstance(done, Refusal), done
    assert await window.state(payout) == "canceled"
    assert await window.shop.coins(player) == {"free": 1_000}
    await window.later(days=1)
    assert window.cashier.asked == []
    assert await holds(window)
