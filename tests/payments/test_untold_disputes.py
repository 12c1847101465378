"""A dispute comes to its end though no webhook told of it: its company is asked, and believed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.bank import Bank
from tests.payments.reckoning import reconciled
from tests.payments.scripted import processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_disputes import CLOSED, LOST, OPENED, REINSTATED, WITHDRAWN
from tests.payments.test_suspense import held, newest, proved
from tests.payments.turns import turn

from guildbank.kernel import new_id
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.mind_disputes import mind_disputes
from guildbank.plugin_api import DisputeStand, DisputeStatus, EventKind, Settlement, SettlementKind

SPENT, PRICE = 150, 499
OWED = {"debt": -SPENT}
"""What is left to a player who spent so many of 550 coins, once all are taken."""


class Case:
    """A shop, and a payment of whose dispute its bank can be asked."""

    def __init__(self, shop: Shop, bank: Bank, player: str, intent: Intent) -> None:
        self.shop = shop
        self.bank = bank
        self.player = player
        self.intent = intent

    async def tell(self, *kinds: EventKind, minor: int = PRICE, won: bool | None = None) -> None:
        (attempt,) = (await self.shop.dossier(self.intent)).attempts
        for kind in kinds:
            await self.shop.event(
                kind, provider="bank", payment_reference=attempt.reference, amount_minor=minor,
                dispute_reference="dp_1", currency="EUR", won=won,
            )  # fmt: skip

    def stands(
        self,
        status: str,
        minor: int = PRICE,
        *,
        withdrawn: bool | None = None,
        reinstated: bool | None = None,
    ) -> None:
        self.bank.cases["dp_1"] = DisputeStand(
            reference="dp_1", status=DisputeStatus(status), amount_minor=minor, currency="EUR",
            withdrawn=withdrawn, reinstated=reinstated,
        )  # fmt: skip

    def silent(self) -> None:
        self.bank.cases.clear()

    async def later(self, **span: float) -> int:
        self.shop.clock.by += timedelta(**span)
        return await turn(mind_disputes, self.shop.payments, self.shop.tenant)

    async def dispute(self) -> Dispute:
        (found,) = (await self.shop.dossier(self.intent)).disputes
        return found


@pytest.fixture
async def case(house: House) -> AsyncIterator[Case]:
    bank = Bank()
    shop = await open_shop(house, spent_coins="debt", plugins=(("bank", bank),))
    await configure_provider(
        shop.payments, shop.tenant, "bank", {"secret": "shh-quiet"}, enabled=True
    )
    player = await shop.player()
    intent = await shop.buy(player, provider="bank")
    await shop.spend(player, SPENT)
    yield Case(shop, bank, player, intent)
    await shop.payments.drain()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"withdrawn": True, "reinstated": False}, id="which says that it went"),
        pytest.param({}, id="which tells of money by the end alone"),
    ],
)
@pytest.mark.parametrize(
    "told",
    [
        pytest.param([], id="nobody told of the end"),
        pytest.param([CLOSED], id="nobody told of the money"),
        pytest.param([WITHDRAWN], id="the money was told of alone"),
    ],
)
async def test_a_lost_dispute_takes_money_and_coins_once_its_company_is_asked(
    case: Case, told: list[EventKind], said: dict[str, bool]
):
    case.silent()
    await case.tell(OPENED, *told, won=False)
    case.stands("lost", **said)
    assert await held(case.shop) == 400
    assert await case.later(days=1) == 1
    assert await held(case.shop) == 0
    assert await case.shop.coins(case.player) == OWED
    assert await case.shop.money() == {"backing": 99, "written_off": -99}
    dispute = await case.dispute()
    assert (dispute.state, dispute.withdrawn) == ("lost", True)
    before = await case.shop.kinds()
    # What was told late, or three times, says nothing new; and nobody is asked again.
    await case.tell(WITHDRAWN, CLOSED, LOST, won=False)
    assert await case.later(days=2) == 0
    assert await case.shop.kinds() == before
    await proved(case.shop)


async def test_a_part_that_was_lost_is_what_the_company_says(case: Case):
    await case.tell(OPENED)
    case.stands("lost", 200)
    await case.later(days=1)
    assert await held(case.shop) == 0
    (attempt,) = (await case.shop.dossier(case.intent)).attempts
    assert (attempt.disputed_minor, attempt.aside_minor) == (200, 0)
    # Of 20 bonus coins that were due all were spent.
    assert await case.shop.coins(case.player) == {"paid": 200, "debt": -20}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"withdrawn": True, "reinstated": True}, id="which says that it came back"),
        pytest.param({}, id="which tells of money by the end alone"),
    ],
)
@pytest.mark.parametrize(
    "told",
    [
        pytest.param([], id="nothing"),
        pytest.param([WITHDRAWN], id="the money's going"),
        pytest.param([WITHDRAWN, CLOSED], id="the end"),
    ],
)
async def test_a_won_dispute_gives_the_coins_back_once_its_company_is_asked(
    case: Case, told: list[EventKind], said: dict[str, bool]
):
    before = await case.shop.left()
    case.silent()
    await case.tell(OPENED, *told, won=True)
    case.stands("won", **said)
    await case.later(days=1)
    assert await held(case.shop) == 0
    assert await case.shop.left() == before
    assert (await case.dispute()).state == "won"
    await case.tell(WITHDRAWN, REINSTATED, CLOSED, won=True)
    assert await held(case.shop) == 0
    assert await case.shop.left() == before


async def test_a_won_dispute_waits_for_money_that_its_company_has_not_given_back(case: Case):
    case.silent()
    await case.tell(OPENED, WITHDRAWN, CLOSED, won=True)
    case.stands("won", withdrawn=True, reinstated=False)
    await case.later(days=1)
    assert await held(case.shop) == 400
    case.stands("won", withdrawn=True, reinstated=True)
    await case.later(days=1)
    assert await held(case.shop) == 0


async def test_coins_of_a_lost_dispute_come_back_where_its_company_took_nothing(case: Case):
    before = await case.shop.left()
    case.silent()
    await case.tell(OPENED, CLOSED, won=False)
    case.stands("lost", withdrawn=False, reinstated=False)
    await case.later(days=6)
    assert await held(case.shop) == 400
    await case.later(days=2)
    assert await held(case.shop) == 0
    assert await case.shop.left() == before
    dispute = await case.dispute()
    assert (dispute.state, dispute.withdrawn) == ("lost", False)
    said = await newest(case.shop, "payments.dispute_released")
    assert (said["state"], said["coins"], "inSuspense" in said) == ("lost", 0, False)
    # It is asked on, and money that goes after all takes the coins.
    case.stands("lost", withdrawn=True, reinstated=False)
    assert await case.later(days=1) == 1
    assert await case.shop.coins(case.player) == OWED
    assert await case.shop.money() == {"backing": 99, "written_off": -99}
    await proved(case.shop)


async def test_a_refund_that_was_all_of_it_leaves_nothing_to_come_back(case: Case):
    case.silent()
    await case.tell(OPENED)
    await pays_back(case)
    await case.tell(CLOSED, won=False)
    case.stands("lost", withdrawn=False, reinstated=False)
    await case.later(days=8)
    assert await held(case.shop) == 0
    assert "paid" not in await case.shop.coins(case.player)
    await proved(case.shop)


async def pays_back(case: Case) -> None:
    """Let somebody at the company's desk give the whole money back."""
    case.bank.refund_stands["re_desk"] = processed(PRICE)
    await case.shop.event(
        EventKind.REFUND, provider="bank", attempt_id=case.intent.attempt_id,
        refund_reference="re_desk", amount_minor=PRICE, currency="EUR",
    )  # fmt: skip


@pytest.mark.parametrize("silence", ["no answer", "may not read", "another dispute", "no money"])
async def test_a_company_that_does_not_say_leaves_all_as_it_is_and_is_asked_again(
    case: Case, silence: str
):
    case.silent()
    await case.tell(OPENED, CLOSED, won=False)
    before = await case.shop.kinds()
    if silence == "may not read":
        case.bank.reads_disputes = False
    if silence == "another dispute":
        case.bank.cases["dp_1"] = DisputeStand(reference="dp_2", status=DisputeStatus.LOST)
    if silence == "no money":
        case.stands("lost", 0)
    for _ in range(3):
        assert await case.later(days=2) == 1
    assert await case.shop.kinds() == before
    assert await held(case.shop) == 400


async def test_an_open_dispute_is_asked_about_each_day_and_its_deadline_is_noted(case: Case):
    case.silent()
    await case.tell(OPENED)
    assert await case.later(hours=23) == 0
    due = case.shop.clock.now() + timedelta(days=9)
    case.bank.cases["dp_1"] = DisputeStand(
        reference="dp_1", status=DisputeStatus.NEEDS_RESPONSE, answer_by=due
    )
    assert await case.later(hours=2) == 1
    assert (await case.dispute()).answer_by == due
    assert await case.later(hours=2) == 0
    assert await case.later(days=100) == 1
    assert (await case.shop.kinds()).count("dispute_updated") == 1


async def test_a_claim_that_nobody_told_of_sets_coins_aside(case: Case):
    case.stands("early_warning")
    await case.tell(OPENED)
    assert await held(case.shop) == 0
    case.stands("needs_response")
    await case.later(days=1)
    assert await held(case.shop) == 400


@pytest.mark.parametrize("minor", [200, 499, 300], ids=["less", "as much", "less, and all again"])
async def test_a_claim_of_another_amount_holds_the_coins_that_are_due_for_it(
    case: Case, minor: int
):
    case.stands("needs_response")
    await case.tell(OPENED)
    case.stands("needs_response", minor)
    await case.tell(EventKind.DISPUTE_UPDATED)
    # All bonus coins were spent.
    assert await held(case.shop) == min(400, 500 * minor // PRICE)
    assert (await case.dispute()).amount_minor == minor
    if minor == 300:
        case.stands("needs_response")
        await case.tell(EventKind.DISPUTE_UPDATED)
        assert await held(case.shop) == 400
    case.stands("won")
    await case.later(days=1)
    assert await held(case.shop) == 0
    assert await case.shop.coins(case.player) == {"paid": 400}


async def test_what_was_decided_is_no_longer_about_another_amount(case: Case):
    case.stands("needs_response")
    await case.tell(OPENED, LOST)
    case.stands("needs_response", 200)
    await case.tell(EventKind.DISPUTE_UPDATED)
    assert (await case.dispute()).amount_minor == PRICE
    await proved(case.shop)


async def test_of_a_dispute_that_waits_in_vain_nobody_asks_for_ever(case: Case):
    case.silent()
    await case.tell(OPENED, CLOSED, won=False)
    assert await case.later(days=89) == 1
    assert await case.later(days=2) == 0


async def test_a_dispute_that_a_report_alone_tells_of_is_asked_about_and_booked(case: Case):
    case.silent()
    case.stands("lost", withdrawn=True, reinstated=False)
    (attempt,) = (await case.shop.dossier(case.intent)).attempts
    at = case.shop.clock.now() - timedelta(seconds=1)
    case.bank.settled = [
        Settlement(
            transaction=new_id("txn"), kind=kind, at=at, currency="EUR", gross_minor=minor,
            fee_minor=0, net_minor=minor, reference=reference, attempt_id=attempt.id,
        )
        for kind, minor, reference in (
            (SettlementKind.CAPTURE, PRICE, attempt.reference),
            (SettlementKind.DISPUTE, -PRICE, "dp_1"),
        )
    ]  # fmt: skip
    lines = await reconciled(case.shop, "bank")
    assert sorted((line.kind, line.state, line.looked) for line in lines) == [
        ("capture", "matched", False), ("dispute", "matched", True),
    ]  # fmt: skip
    dispute = await case.dispute()
    assert (dispute.reference, dispute.state, dispute.withdrawn) == ("dp_1", "lost", True)
    assert await case.shop.coins(case.player) == OWED
    await sweep_webhooks(case.shop.payments, case.shop.tenant)
    await proved(case.shop)
