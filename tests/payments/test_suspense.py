"""Coins of an open dispute lie in suspense: a won one gives them back, a lost one takes them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import pytest
from tests.payments.scripted import processed
from tests.payments.shop import Shop
from tests.payments.test_disputes import CLOSED, LOST, OPENED, REINSTATED, WITHDRAWN, tell

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.balances import BALANCES
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.money import read_taking
from guildbank.plugin_api import DisputeStatus, EventKind

UPDATED = EventKind.DISPUTE_UPDATED
HELD = "house/GEM/suspense"
"""Where the coins lie."""
ALL = {"paid": 500, "bonus": 50}


async def proved(shop: Shop) -> None:
    """Both laws hold, and what lies in suspense is what open disputes put there."""
    proof = await prove(shop.house.db, shop.tenant.schema, BALANCES)
    assert proof.ok, proof.problems


async def held(shop: Shop) -> int:
    await proved(shop)
    return (await shop.balances()).get(HELD, 0)


async def the_dispute(shop: Shop, intent: Intent) -> Dispute:
    (dispute,) = (await shop.dossier(intent)).disputes
    return dispute


async def says(
    shop: Shop, intent: Intent, kind: EventKind, status: DisputeStatus, due: datetime | None = None
) -> None:
    """Tell how the dispute stands by the provider's word."""
    (attempt,) = (await shop.dossier(intent)).attempts
    await shop.event(
        kind, payment_reference=attempt.reference, dispute_reference="dp_1", amount_minor=499,
        currency="EUR", dispute_status=status, answer_by=due,
    )  # fmt: skip


async def test_an_open_dispute_sets_unspent_coins_aside_and_one_that_is_won_restores_them(
    shop: Shop,
):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 40)
    before = await shop.left()
    await tell(shop, intent, OPENED)
    assert await shop.coins(player) == {}
    assert await held(shop) == 510
    taking = read_taking((await the_dispute(shop, intent)).taking)
    assert (taking.paid, taking.bonus, taking.found, taking.owed) == (500, 50, 510, 0)
    await tell(shop, intent, CLOSED, won=True)
    assert await held(shop) == 0
    assert await shop.left() == before
    # They are the coins of this purchase again: a refund finds them, and takes no others.
    assert (await shop.refunded(intent, 90)).state == "succeeded"
    await proved(shop)


async def test_coins_of_other_purchases_stay_with_the_player(shop: Shop):
    player = await shop.player()
    await shop.buy(player)
    disputed = await shop.buy(player)
    await tell(shop, disputed, OPENED)
    assert await shop.coins(player) == ALL
    await shop.spend(player, 550)
    await tell(shop, disputed, CLOSED, won=True)
    assert await shop.coins(player) == ALL
    assert (await shop.refunded(disputed)).state == "succeeded"
    await proved(shop)


async def test_nothing_is_owed_before_a_dispute_is_lost(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    await tell(shop, intent, WITHDRAWN)
    other = await shop.buy(player)
    # Nobody owes anything yet, so the new coins are whole and can be spent.
    assert await shop.coins(player) == ALL
    await shop.spend(player, 50)
    await tell(shop, intent, CLOSED, won=False)
    assert await held(shop) == 0
    assert await shop.coins(player) == {"paid": 500, "debt": -150}
    assert await shop.state(other) == "credited"


async def test_coins_that_came_back_meanwhile_go_before_anything_is_owed(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    spent = await shop.spend(player, 150)
    await tell(shop, intent, WITHDRAWN)
    await shop.reverse(player, spent)
    assert await shop.coins(player) == {"paid": 100, "bonus": 50}
    await tell(shop, intent, CLOSED, won=False)
    assert await shop.left() == {}
    await proved(shop)


@pytest.mark.parametrize(
    ("steps", "aside"),
    [
        ([(OPENED, "early_warning")], 0),
        ([(OPENED, "early_warning"), (UPDATED, "under_review")], 0),
        ([(OPENED, "early_warning"), (UPDATED, "under_review"), (UPDATED, "needs_response")], 550),
        ([(OPENED, "early_warning"), (UPDATED, "needs_response")], 550),
        ([(OPENED, "under_review")], 550),
        ([(OPENED, "needs_response"), (UPDATED, "under_review")], 550),
        ([(OPENED, "won")], 0),
    ],
    ids=["asks", "asks on", "claims after all", "claims", "reviewed", "reviewed on", "over"],
)
async def test_a_question_of_the_bank_sets_nothing_aside_and_a_claim_does(
    shop: Shop, steps: list[tuple[EventKind, str]], aside: int
):
    intent = await shop.buy(await shop.player())
    before = await shop.left()
    for kind, status in steps:
        await says(shop, intent, kind, DisputeStatus(status))
    assert await held(shop) == aside
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "dispute_open"
    await tell(shop, intent, CLOSED, won=True)
    assert await shop.left() == before
    assert await held(shop) == 0


async def test_a_question_that_is_lost_at_once_takes_all(shop: Shop):
    intent = await shop.buy(await shop.player())
    await says(shop, intent, OPENED, DisputeStatus.EARLY_WARNING)
    await tell(shop, intent, LOST)
    assert await shop.left() == {}
    await proved(shop)


@pytest.mark.parametrize("told", [200, 499], ids=["less", "as much"])
async def test_what_is_withdrawn_decides_how_much_lies_in_suspense(shop: Shop, told: int):
    intent = await shop.buy(await shop.player())
    await tell(shop, intent, OPENED)
    await tell(shop, intent, WITHDRAWN, minor=told)
    assert await held(shop) == 550 * told // 499
    await tell(shop, intent, CLOSED, won=False)
    assert await held(shop) == 0
    (attempt,) = (await shop.dossier(intent)).attempts
    assert (attempt.disputed_minor, attempt.aside_minor) == (told, 0)
    assert attempt.left_minor == 499 - told


@pytest.mark.parametrize("told", [100, 499], ids=["in part", "whole"])
async def test_what_is_lost_decides_how_much_goes(shop: Shop, told: int):
    player = await shop.player()
    intent = await shop.buy(player)
    await tell(shop, intent, OPENED)
    await tell(shop, intent, LOST, minor=told)
    assert await held(shop) == 0
    left = {"paid": 500 - 500 * told // 499, "bonus": 50 - 50 * told // 499}
    assert await shop.coins(player) == {bucket: n for bucket, n in left.items() if n}


async def test_money_that_goes_after_a_dispute_was_lost_takes_the_coins_from_suspense(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    await tell(shop, intent, OPENED)
    await tell(shop, intent, CLOSED, won=False)
    assert await held(shop) == 400
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "payment_not_refundable"
    await tell(shop, intent, WITHDRAWN)
    assert await held(shop) == 0
    assert await shop.coins(player) == {"debt": -150}


async def test_coins_of_a_won_dispute_wait_for_money_that_was_withdrawn(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    before = await shop.left()
    for kind in (OPENED, WITHDRAWN):
        await tell(shop, intent, kind)
    await tell(shop, intent, CLOSED, won=True)
    assert await held(shop) == 550
    await tell(shop, intent, REINSTATED)
    assert await held(shop) == 0
    assert await shop.left() == before


async def test_a_dispute_that_was_lost_and_is_won_on_appeal_restores_the_coins(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    before = await shop.left()
    await tell(shop, intent, OPENED)
    await tell(shop, intent, LOST)
    assert await shop.coins(player) == {"debt": -150}
    await tell(shop, intent, REINSTATED)
    assert await shop.left() == before
    await proved(shop)


async def pays_back_elsewhere(shop: Shop, intent: Intent, minor: int) -> None:
    shop.script.refund_stands["re_desk"] = processed(minor)
    await shop.event(
        EventKind.REFUND, attempt_id=intent.attempt_id, refund_reference="re_desk",
        amount_minor=minor, currency="EUR",
    )  # fmt: skip


@pytest.mark.parametrize("won", [True, False], ids=["won", "lost"])
@pytest.mark.parametrize("minor", [499, 200], ids=["whole", "part"])
async def test_a_refund_at_the_providers_desk_and_the_dispute_it_ends_take_coins_once(
    shop: Shop, minor: int, won: bool
):
    player = await shop.player()
    intent = await shop.buy(player)
    await tell(shop, intent, OPENED)
    await pays_back_elsewhere(shop, intent, minor)
    await proved(shop)
    if won:
        await tell(shop, intent, CLOSED, won=True)
    else:
        await tell(shop, intent, LOST)
    assert await held(shop) == 0
    gone = minor if won else 499
    left = {"paid": 500 - 500 * gone // 499, "bonus": 50 - 50 * gone // 499}
    assert await shop.coins(player) == {bucket: n for bucket, n in left.items() if n}


async def test_two_disputes_of_one_payment_hold_its_coins_once(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await tell(shop, intent, OPENED, minor=200)
    await tell(shop, intent, OPENED, minor=299, dispute="dp_2")
    assert await shop.coins(player) == {}
    assert await held(shop) == 550
    await tell(shop, intent, CLOSED, won=True)
    assert await shop.coins(player) == {"paid": 200, "bonus": 20}
    await tell(shop, intent, LOST, minor=299, dispute="dp_2")
    assert await shop.coins(player) == {"paid": 200, "bonus": 20}
    assert await held(shop) == 0


async def test_money_that_bought_nothing_has_no_coins_to_set_aside(shop: Shop):
    shop.script.on_create = processed(500)
    shop.script.on_refund = processed(500)
    intent = await shop.buy(await shop.player())
    assert await shop.state(intent) == "conflicted"
    await tell(shop, intent, OPENED, minor=500)
    await tell(shop, intent, CLOSED, won=True)
    assert await held(shop) == 0


async def test_what_an_entry_says_of_coins_in_suspense(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    await tell(shop, intent, OPENED)
    said = await newest(shop, "payments.dispute_opened")
    assert (said["coins"], said["bonus"], said["owed"], said["inSuspense"]) == (400, 0, 0, True)
    await tell(shop, intent, LOST)
    said = await newest(shop, "payments.dispute_lost")
    assert (said["coins"], said["bonus"], said["owed"]) == (500, 50, 150)
    assert "inSuspense" not in said


async def newest(shop: Shop, kind: str) -> dict[str, object]:
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        data = await tx.driver.fetchval(
            "SELECT data FROM journal_entry WHERE kind = $1 ORDER BY seq DESC LIMIT 1", kind
        )
    return msgspec.json.decode(data, type=dict[str, object])


# Disputes that were opened by versions before coins were set aside.


async def taken_before(shop: Shop, intent: Intent) -> None:
    """A dispute that took coins and money for good while it was open."""
    await tell(shop, intent, LOST)
    await sql(shop, "UPDATE payments_dispute SET state = 'under_review'")
    await sql(shop, "UPDATE payments_attempt SET open_disputes = 1")


async def untouched_before(shop: Shop, intent: Intent) -> None:
    """A dispute that took nothing while it was open."""
    await says(shop, intent, OPENED, DisputeStatus.EARLY_WARNING)
    await sql(shop, "UPDATE payments_dispute SET state = 'needs_response'")


async def sql(shop: Shop, statement: str) -> None:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(statement)


Before = Callable[[Shop, Intent], Awaitable[None]]


@pytest.mark.parametrize("before", [taken_before, untouched_before])
@pytest.mark.parametrize("won", [True, False], ids=["won", "lost"])
async def test_disputes_opened_by_versions_before_end_right(shop: Shop, before: Before, won: bool):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    whole = await shop.left()
    await before(shop, intent)
    await proved(shop)
    if won and before is taken_before:
        await tell(shop, intent, REINSTATED)
    if not won and before is untouched_before:
        await tell(shop, intent, WITHDRAWN)
    await tell(shop, intent, CLOSED, won=won)
    assert await held(shop) == 0
    if won:
        assert await shop.left() == whole
    else:
        assert await shop.coins(player) == {"debt": -150}
        assert await shop.money() == {"backing": 99, "written_off": -99}
