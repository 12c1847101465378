"""The kept proof tells once that the books are damaged, and once that they are repaired."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.house import House, open_house
from tests.payments.cashier import open_window
from tests.payments.charging import Charging, fee, vat
from tests.payments.reckoning import reconciled
from tests.payments.scripted import DECLINED, PENDING, processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_disputes import LOST, OPENED, tell
from tests.payments.test_reconcile import capture
from tests.staff import Person, hired, mail_to

from guildbank.app.rooms import all_rooms, permissions_of
from guildbank.infra.postgres import Cluster
from guildbank.ledger.backlogs import GAUGES
from guildbank.ledger.jobs import keep_proofs
from guildbank.ledger.usecases.keep_proof import proof_status
from guildbank.ledger.usecases.prove import Proving
from guildbank.payments.balances import BALANCES
from guildbank.payments.usecases.watch_unapplied import watch_unapplied
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import Charged

DAMAGE = "UPDATE ledger_account SET credited = credited + 5 WHERE bucket = 'paid'"
REPAIR = "UPDATE ledger_account SET credited = credited - 5 WHERE bucket = 'paid'"
BROKEN, RESTORED = "ledger.proof_broken", "ledger.proof_restored"


@dataclass
class Office:
    """A shop that sold coins, an owner, and somebody of support who may not see the proof."""

    house: House
    shop: Shop
    owner: Person
    helper: Person

    async def round(self) -> list[str]:
        """Let the job take a round; return what it logged."""

        async def tenants() -> list[Any]:
            return list(await self.house.tenancy.tenants.all())

        services = SimpleNamespace(
            identity=self.house.identity,
            tenants=tenants,
            proving=Proving(self.house.db, BALANCES),
        )
        with capture_logs() as lines:
            await keep_proofs(services)
        return [line["event"] for line in lines if line.get("tenant") == self.shop.tenant.slug]

    async def sql(self, statement: str) -> list[Any]:
        async with self.house.db.begin(self.shop.tenant.schema) as tx:
            return list(await tx.driver.fetch(statement))

    async def entries(self, *kinds: str) -> list[str]:
        rows = await self.sql("SELECT kind FROM journal_entry ORDER BY seq")
        return [row["kind"] for row in rows if row["kind"] in kinds]

    async def mails(self, person: Person, *templates: str) -> list[str]:
        told = await mail_to(self.house.identity, self.shop.tenant, person.address)
        return [name for name, _ in told if name in templates]


@pytest.fixture(scope="module")
async def books(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_kept_proof")
    async with open_house(url, tmp_path_factory.mktemp("books")) as house:
        house.identity.staff.permissions = permissions_of(all_rooms())
        yield house


@pytest.fixture
async def office(books: House) -> AsyncIterator[Office]:
    shop = await open_shop(books)
    await shop.buy(await shop.player())
    people = [
        await hired(books.identity, books.client(books.app()), shop.tenant, role)
        for role in ("owner", "support")
    ]
    yield Office(books, shop, *people)
    await shop.payments.drain()


async def test_before_the_first_round_nothing_is_known(office: Office):
    assert await proof_status(office.house.db, office.shop.tenant) is None


async def test_honest_books_are_proved_and_tell_nobody(office: Office):
    assert await office.round() == []
    status = await proof_status(office.house.db, office.shop.tenant)
    assert status is not None
    assert (status.kept.ok, status.kept.found, status.broken_since) == (True, 0, None)
    assert status.kept.checked_seq > 0
    assert await office.entries(BROKEN, RESTORED) == []


async def test_damage_is_told_once_and_so_is_its_repair(office: Office):
    await office.round()
    await office.sql(DAMAGE)
    assert await office.round() == ["proof_broken"]
    assert await office.round() == []
    assert await office.round() == []
    status = await proof_status(office.house.db, office.shop.tenant)
    assert status is not None
    assert not status.kept.ok
    assert status.problems[0].check == "totals"
    assert status.broken_since is not None
    assert await office.entries(BROKEN, RESTORED) == [BROKEN]
    assert await office.mails(office.owner, BROKEN, RESTORED) == [BROKEN]
    assert await office.mails(office.helper, BROKEN, RESTORED) == []

    await office.sql(REPAIR)
    # The next whole proof may be due only after a while: it takes no more than its share.
    await office.sql("UPDATE ledger_proof SET full_millis = 0")
    assert await office.round() == ["proof_restored"]
    assert await office.round() == []
    assert await office.entries(BROKEN, RESTORED) == [BROKEN, RESTORED]
    assert await office.mails(office.owner, BROKEN, RESTORED) == [BROKEN, RESTORED]
    status = await proof_status(office.house.db, office.shop.tenant)
    assert status is not None
    assert (status.kept.ok, status.broken_since) == (True, None)


async def test_it_is_told_again_when_it_breaks_again(office: Office):
    for _ in range(2):
        await office.sql(DAMAGE)
        await office.sql("UPDATE ledger_proof SET full_millis = 0")
        assert await office.round() == ["proof_broken"]
        await office.sql(REPAIR)
        await office.sql("UPDATE ledger_proof SET full_millis = 0")
        assert await office.round() == ["proof_restored"]


async def test_a_costly_proof_is_not_taken_each_round_but_forged_coins_are_seen_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    await office.round()
    await office.sql("UPDATE ledger_proof SET full_millis = 60000")
    before = await proof_status(office.house.db, office.shop.tenant)
    await office.shop.buy(await office.shop.player())
    office.house.clock.advance(timedelta(seconds=300))
    assert await office.round() == []
    after = await proof_status(office.house.db, office.shop.tenant)
    assert before is not None
    assert after is not None
    assert after.kept.checked_seq > before.kept.checked_seq
    assert after.kept.full_seq == before.kept.full_seq
    await office.sql(DAMAGE)
    assert await office.round() == ["proof_broken"]


async def test_the_tenant_whose_round_is_oldest_comes_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    """A run that has no time left begins the next time with those that it left out."""
    await office.round()
    other = await open_shop(office.house)
    monkeypatch.setattr("guildbank.ledger.jobs.BUDGET_SECONDS", 1)
    monkeypatch.setattr("guildbank.ledger.jobs.time", Ticking())
    await office.round()
    assert await proof_status(office.house.db, other.tenant) is not None


class Ticking:
    """A clock by which a run of one second has time for one tenant and no other."""

    def __init__(self) -> None:
        self.times = [0.0, 0.5]

    def monotonic(self) -> float:
        return self.times.pop(0) if self.times else 2.0


async def test_money_that_is_not_given_back_is_told_after_a_day(office: Office):
    shop, identity = office.shop, office.house.identity
    told = ("payments.unapplied_aged", "payments.unapplied_cleared")
    shop.script.on_create = processed(500)
    shop.script.on_refund = DECLINED
    odd = await shop.buy(await shop.player())
    assert await shop.state(odd) == "conflicted"
    assert not await watch_unapplied(shop.payments, identity, shop.tenant)
    shop.clock.by += timedelta(hours=25)
    assert await watch_unapplied(shop.payments, identity, shop.tenant)
    assert await watch_unapplied(shop.payments, identity, shop.tenant)
    assert await office.entries(*told) == [told[0]]
    assert await office.mails(office.owner, *told) == [told[0]]
    await office.sql("UPDATE payments_attempt SET refunded_minor = captured_minor")
    assert not await watch_unapplied(shop.payments, identity, shop.tenant)
    assert not await watch_unapplied(shop.payments, identity, shop.tenant)
    assert await office.entries(*told) == list(told)


# Damage that no sum shows: a movement between accounts of the house, forged so that it joins the
# transfers before it. Of each the books that it is planted in, and the account that is named.

FORGED = """
INSERT INTO ledger_transfer (seq, leg, debit, credit, amount, debit_offset, credit_offset,
                             debit_after, credit_after)
WITH totals AS (
    SELECT id, bucket,
           (SELECT coalesce(sum(amount), 0)::bigint
            FROM ledger_transfer WHERE credit = account.id) AS credited,
           (SELECT coalesce(sum(amount), 0)::bigint
            FROM ledger_transfer WHERE debit = account.id) AS spent
    FROM ledger_account AS account
    WHERE owner = 'house'
      AND asset = '{asset}'
)
SELECT (SELECT max(seq) FROM ledger_transfer), 500, source.id, sink.id, 5,
       source.spent, sink.credited, source.credited - source.spent - 5,
       sink.credited - sink.spent + 5
FROM totals AS source
CROSS JOIN totals AS sink
WHERE source.bucket = '{source}'
  AND sink.bucket = '{sink}'
"""
MENDED = "DELETE FROM ledger_transfer WHERE leg = 500"


async def with_taxes(house: House) -> Shop:
    levy = Charging()
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(31)))
    shop = await open_shop(house, plugins=(("vat", levy),))
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    await shop.buy(await shop.player())
    return shop


async def with_fees(house: House) -> Shop:
    shop = await open_shop(house)
    sold = await shop.buy(await shop.player())
    shop.script.settled = [capture(shop, sold)]
    shop.clock.by += timedelta(seconds=1)
    await reconciled(shop)
    return shop


async def with_payouts(house: House) -> Shop:
    window = await open_window(house)
    window.cashier.on_pay = PENDING
    await window.pay(*await window.earner())
    return window.shop


async def with_suspense(house: House) -> Shop:
    shop = await open_shop(house)
    sold = await shop.buy(await shop.player())
    await shop.buy(await shop.player())
    lost = await shop.buy(await shop.player())
    await tell(shop, sold, OPENED, dispute="dp_open")
    await tell(shop, lost, LOST, dispute="dp_lost")
    return shop


async def with_refunds(house: House) -> Shop:
    shop = await open_shop(house)
    shop.script.on_refund = PENDING
    await shop.refunded(await shop.buy(await shop.player()), 100)
    return shop


async def with_unapplied(house: House) -> Shop:
    shop = await open_shop(house)
    await shop.buy(await shop.player())
    shop.script.on_create = processed(500)
    shop.script.on_refund = PENDING
    await shop.buy(await shop.player())
    return shop


DAMAGES = {
    "taxes": (with_taxes, "EUR", "taxes", "surcharges"),
    "fees of players": (with_taxes, "EUR", "surcharges", "backing"),
    "fees of providers": (with_fees, "EUR", "fees", "backing"),
    "payouts": (with_payouts, "EUR", "payout_in_flight", "payout_cost"),
    "coins in suspense": (with_suspense, "GEM", "suspense", "clawed"),
    "money behind them": (with_suspense, "EUR", "suspense", "backing"),
    "refunds": (with_refunds, "EUR", "refunding", "backing"),
    "money that bought nothing": (with_unapplied, "EUR", "refunding", "unapplied"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_damage_in_every_book_breaks_the_kept_proof_and_its_gauge_and_is_told(
    books: House, damage: tuple[Any, str, str, str]
):
    opened, asset, source, sink = damage
    shop = await opened(books)
    owner = await hired(books.identity, books.client(books.app()), shop.tenant, "owner")
    office = Office(books, shop, owner, owner)
    assert await office.round() == []
    assert await gauge(office) == 1
    await office.sql(FORGED.format(asset=asset, source=source, sink=sink))
    await office.sql("UPDATE ledger_proof SET full_millis = 0")
    assert await office.round() == ["proof_broken"]
    status = await proof_status(books.db, shop.tenant)
    assert status is not None
    assert {one.check for one in status.problems} <= {"balances", "backing"}, status.problems
    assert await gauge(office) == 0
    assert await office.mails(owner, BROKEN, RESTORED) == [BROKEN]

    await office.sql(MENDED)
    await office.sql("UPDATE ledger_proof SET full_millis = 0")
    assert await office.round() == ["proof_restored"]
    assert await gauge(office) == 1
    await shop.payments.drain()


async def gauge(office: Office) -> int:
    """Return what the gauge of the proof says of the tenant."""
    (holds,) = [one for one in GAUGES if one.name == "guildbank_proof_ok"]
    ((_, number),) = await office.sql(holds.statement)
    return int(number)
