"""Who may answer disputes is told in time of those that nobody has answered."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from tests.house import House, open_house
from tests.payments.shop import Shop, open_shop
from tests.payments.test_disputes import CLOSED, OPENED, tell
from tests.staff import Person, hired, mail_to

from guildbank.app.rooms import all_rooms, permissions_of
from guildbank.infra.postgres import Cluster
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.watch_disputes import watch_disputes

DUE = "payments.disputes_due"


@pytest.fixture(scope="module")
async def books(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_disputes_due")
    async with open_house(url, tmp_path_factory.mktemp("books")) as house:
        house.identity.staff.permissions = permissions_of(all_rooms())
        yield house


@pytest.fixture
async def shop(books: House) -> AsyncIterator[Shop]:
    shop = await open_shop(books)
    yield shop
    await shop.payments.drain()


async def hire(shop: Shop, role: str) -> Person:
    identity = shop.house.identity
    return await hired(identity, shop.house.client(shop.house.app()), shop.tenant, role)


async def disputed(shop: Shop, days: int) -> tuple[Intent, Dispute]:
    """Let a buyer dispute, and the bank wait so many days for an answer."""
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    await shop.event(
        OPENED, payment_reference=attempt.reference, dispute_reference=f"dp_{intent.id}",
        amount_minor=499, currency="EUR", answer_by=shop.clock.now() + timedelta(days=days),
    )  # fmt: skip
    (dispute,) = (await shop.dossier(intent)).disputes
    return intent, dispute


async def watched(shop: Shop, **later: float) -> int:
    shop.clock.by += timedelta(**later)
    return await watch_disputes(shop.payments, shop.house.identity, shop.tenant)


async def entries(shop: Shop) -> list[dict[str, object]]:
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(
            "SELECT data FROM journal_entry WHERE kind = $1 ORDER BY seq", DUE
        )
    return [msgspec.json.decode(row["data"], type=dict[str, object]) for row in rows]


async def mails(shop: Shop, person: Person) -> list[str]:
    told = await mail_to(shop.house.identity, shop.tenant, person.address)
    return [mail.text for name, mail in told if name == DUE]


async def test_those_who_may_answer_are_told_once_a_day_and_name_the_first(shop: Shop):
    finance, support = await hire(shop, "finance"), await hire(shop, "support")
    # From a day's beginning on, so that it does not matter at what time this runs.
    now = shop.clock.now()
    shop.clock.by += (now + timedelta(days=1)).replace(hour=0, minute=1) - now
    later, sooner = await disputed(shop, 10), await disputed(shop, 8)
    assert await watched(shop) == 0
    assert await entries(shop) == []
    assert [await watched(shop, days=6), await watched(shop, hours=10)] == [1, 1]
    (said,) = await entries(shop)
    assert (said["disputes"], said["dispute"]) == (1, sooner[1].id)
    (mail,) = await mails(shop, finance)
    assert sooner[1].id in mail
    assert sooner[0].id in mail
    assert await mails(shop, support) == []
    assert await watched(shop, days=1) == 2
    assert [one["disputes"] for one in await entries(shop)] == [1, 2]
    await tell(shop, sooner[0], CLOSED, won=True, dispute=f"dp_{sooner[0].id}")
    assert await watched(shop, days=1) == 1
    assert (await entries(shop))[-1]["dispute"] == later[1].id
    assert len(await mails(shop, finance)) == 3


async def test_of_what_is_too_late_nobody_is_told(shop: Shop):
    await disputed(shop, 2)
    assert await watched(shop) == 1
    assert await watched(shop, days=3) == 0
    assert len(await entries(shop)) == 1
