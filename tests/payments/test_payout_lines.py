"""What a provider reports of payouts to players is held against the books, and asked about."""

import msgspec
import pytest
from tests.house import House
from tests.payments.cashier import CAME_BACK, CASH, Window, open_window
from tests.payments.reckoning import reconciled
from tests.payments.scripted import PENDING

from guildbank.kernel import new_id
from guildbank.ledger import prove
from guildbank.payments.contracts.reports import Line
from guildbank.plugin_api import Settlement, SettlementKind

REPORTS = msgspec.structs.replace(CASH, capabilities=CASH.capabilities | {"settlements"})
KIND = SettlementKind.PLAYER_PAYOUT


@pytest.fixture
async def window(house: House) -> Window:
    return await open_window(house, manifest=REPORTS)


def reported(window: Window, gross: int, currency: str = "EUR", **said: str) -> None:
    """Let the report have a line more."""
    window.cashier.settled.append(
        Settlement(
            transaction=new_id("txn"), kind=KIND, at=window.shop.clock.now(), currency=currency,
            gross_minor=gross, fee_minor=0, net_minor=gross, **said,
        )
    )  # fmt: skip


async def lines(window: Window) -> list[Line]:
    return await reconciled(window.shop, "cash")


async def test_a_line_is_matched_by_our_name_or_the_providers(window: Window):
    player, place = await window.earner()
    first, second = await window.pay(player, place), await window.pay(player, place, 200)
    assert second.reference is not None
    reported(window, -200, payout=first.id)
    reported(window, -100, reference=second.reference)
    found = await lines(window)
    assert [(one.state, one.payout, one.ours_minor, one.looked) for one in found] == [
        ("matched", first.id, -200, False),
        ("matched", second.id, -100, False),
    ]


async def test_another_amount_or_money_is_shown_and_moves_nothing(window: Window):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    reported(window, -150, payout=payout.id)
    reported(window, -200, "USD", payout=payout.id)
    found = await lines(window)
    assert [(one.state, one.ours_minor) for one in found] == [
        ("amount_differs", -200), ("currency_differs", -200),
    ]  # fmt: skip
    assert await window.shop.money() == {"provider:cash": 200, "payout_cost": -200}


async def test_a_payout_of_another_shop_is_missing_here_and_nobody_is_asked(window: Window):
    reported(window, -200, payout=new_id("pyo"))
    reported(window, -200, reference="po_of_another")
    assert [(one.state, one.looked) for one in await lines(window)] == [("missing_here", False)] * 2


async def test_money_that_a_report_says_came_back_is_asked_for(window: Window):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    reported(window, 200, payout=payout.id)
    # The provider itself says that it is paid: no report changes that.
    [line] = await lines(window)
    assert (line.state, line.looked) == ("missing_here", True)
    assert await window.state(payout) == "paid"
    window.cashier.says(payout, CAME_BACK)
    [line] = await lines(window)
    assert (line.state, line.looked, line.ours_minor) == ("matched", True, 200)
    assert await window.state(payout) == "returned"
    assert await window.shop.coins(player) == {"free": 1_000}
    assert (await prove(window.shop.house.db, window.shop.tenant.schema)).ok


async def test_money_that_left_before_its_receiver_has_it_is_matched(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = PENDING
    payout = await window.pay(player, place)
    reported(window, -200, payout=payout.id)
    [line] = await lines(window)
    assert (line.state, line.looked, await window.state(payout)) == ("matched", True, "pending")


async def test_what_was_paid_and_is_in_no_report_is_missing_there(window: Window):
    player, place = await window.earner()
    told, untold = await window.pay(player, place), await window.pay(player, place, 200)
    async with window.shop.house.db.begin(window.shop.tenant.schema) as tx:
        await tx.driver.execute("UPDATE payments_payout SET paid_at = paid_at - INTERVAL '9 days'")
    reported(window, -200, payout=told.id)
    for _ in range(2):
        states = {one.payout: one.state for one in await lines(window)}
        assert states == {told.id: "matched", untold.id: "missing_there"}
    reported(window, -100, payout=untold.id)
    assert {one.state for one in await lines(window)} == {"matched"}
