"""The kept proof tells once that the books are damaged, and once that they are repaired."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.house import House, open_house
from tests.payments.scripted import DECLINED, processed
from tests.payments.shop import Shop, open_shop
from tests.staff import Person, hired, mail_to

from guildbank.app.rooms import all_rooms, permissions_of
from guildbank.infra.postgres import Cluster
from guildbank.ledger.jobs import keep_proofs
from guildbank.ledger.usecases.keep_proof import proof_status
from guildbank.ledger.usecases.prove import Proving
from guildbank.payments.balances import BALANCES
from guildbank.payments.usecases.watch_unapplied import watch_unapplied

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
