"""Each process makes ready what is published, and says so; one that cannot runs what ran before."""

import asyncio

import pytest
from structlog.testing import capture_logs
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Asking, Gate
from tests.pipelines.test_publish import run, save, tried
from tests.pipelines.test_secrets import put as put_secret
from tests.pipelines.test_secrets import saved

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.pipelines import Follower, Pipelines
from guildbank.pipelines.contracts import Worker
from guildbank.pipelines.jobs import tell_again
from guildbank.pipelines.usecases.read import list_workers
from guildbank.plugin_host import Plugins


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house, plugins=(("gate", Gate()),))


class Process:
    """A process of its own, whose plugin may be another than that of the shop's."""

    def __init__(self, shop: Shop, id_: str, gate: Gate | None = None) -> None:
        one = shop.payments.pipelines
        self.gate = gate or Gate()
        self.pipelines = Pipelines(
            one.db, one.journal, Plugins([(self.gate.manifest.id, self.gate)]), one.egress,
            one.four_eyes, one.tenants, one.purposes, one.clock,
        )  # fmt: skip
        self.follower = Follower(self.pipelines, shop.payments.tenants, "http")
        self.follower.id = id_

    def started(self, shop: Shop) -> list[str]:
        """Return the words of what it started for the shop."""
        return [word for tenant, word in self.gate.starts if tenant == shop.tenant.slug]


async def workers(shop: Shop) -> dict[str, Worker]:
    found = await list_workers(shop.payments.pipelines, shop.tenant, "packs")
    assert not isinstance(found, Refusal)
    return {one.id: one for one in found}


async def test_every_process_shows_what_it_runs(shop: Shop) -> None:
    one, other = Process(shop, "one:1"), Process(shop, "two:2")
    await one.follower.look()
    assert (await workers(shop))["one:1"].since is None
    number = await save(shop, word="red")
    await run(shop, number)
    await one.follower.look()
    known = await workers(shop)
    assert (known["one:1"].published, known["one:1"].problem) == (number, None)
    assert "two:2" not in known
    await other.follower.look()
    assert (await workers(shop))["two:2"].published == number
    canary = await save(shop, word="blue")
    await run(shop, canary, share=10)
    await one.follower.look()
    known = await workers(shop)
    assert [known[name].canary for name in ("one:1", "two:2")] == [canary, None]
    assert one.started(shop) == ["red", "blue"]


async def test_a_process_where_it_does_not_start_says_why_and_buys_by_what_ran_before(
    shop: Shop,
) -> None:
    await run(shop, await save(shop, word="red"))
    sick = Process(shop, "sick:1")
    await sick.follower.look()
    sick.gate.broken = RuntimeError("no licence on this machine")
    number = await save(shop, word="blue")
    await run(shop, number)
    await sick.follower.look()
    told = (await workers(shop))["sick:1"]
    assert told.problem == "stages.before.0: gate did not start: no licence on this machine"
    healthy = shop.payments.pipelines
    shop.payments.pipelines = sick.pipelines
    bought = await shop.buy(await shop.player())
    assert (bought.revision, bought.state) == (number - 1, "credited")
    shop.payments.pipelines = healthy
    assert (await shop.buy(await shop.player())).revision == number


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (RuntimeError("401 for quiet-token-1"), "401 for ***"),
        (RuntimeError("no\nlist\x1b[2J\u202e\ud800\x00here"), "no list [2J here"),
        (RuntimeError("x" * 5_000), "x" * 500),
        (RuntimeError(), "RuntimeError"),
        (TimeoutError("the list is slow"), "the list is slow"),
        (None, "it was not ready within 1 seconds."),
    ],
    ids=["secret", "control-characters", "long", "wordless", "own-time-out", "hangs"],
)
async def test_why_it_did_not_start_is_one_short_line_without_secrets(
    house: House, raised: Exception | None, said: str
) -> None:
    asking = Asking()
    shop = await open_shop(house, plugins=(("asking", asking),))
    assert isinstance(await put_secret(shop, "quiet-token-1"), Receipt)
    number = await saved(shop)
    asking.broken, asking.hangs = raised, raised is None
    with capture_logs() as logs:
        done = await tried(shop, number)
    assert isinstance(done, Refusal)
    assert (done.code, done.field) == ("step_not_started", "stages.before.0")
    assert done.detail.endswith(f"asking did not start: {said}")
    (told,) = [one for one in logs if one["event"] == "step_not_started"]
    assert told["error"] == said
    asking.broken, asking.hangs = None, False
    await run(shop, number)
    sick = Asking()
    sick.broken, sick.hangs = raised, raised is None
    process = Process(shop, "sick:1", sick)
    await process.follower.look()
    problem = (await workers(shop))["sick:1"].problem
    assert problem == f"stages.before.0: asking did not start: {said}"


async def test_a_process_where_nothing_starts_sells_nothing(shop: Shop) -> None:
    await run(shop, await save(shop, word="red"))
    await run(shop, await save(shop, word="blue"))
    sick = Gate()
    sick.broken = RuntimeError("no licence")
    shop.payments.pipelines = Process(shop, "sick:1", sick).pipelines
    refused = await shop.try_buying(await shop.player())
    assert isinstance(refused, Refusal)
    assert refused.code == "pipeline_unavailable"


async def test_a_process_starts_each_revision_once_however_many_buy(shop: Shop) -> None:
    await run(shop, await save(shop, word="red"))
    process = Process(shop, "one:1")
    shop.payments.pipelines = process.pipelines
    players = [await shop.player() for _ in range(5)]
    await asyncio.gather(*(shop.buy(player) for player in players))
    await process.follower.look()
    assert process.started(shop) == ["red"]


async def test_who_follows_hears_within_two_seconds_and_leaves_when_it_ends(shop: Shop) -> None:
    process = Process(shop, "one:1")
    following = asyncio.create_task(process.follower.run())
    await asyncio.sleep(0.2)
    number = await save(shop, word="red")
    await run(shop, number)
    await asyncio.sleep(2)
    assert (await workers(shop))["one:1"].published == number
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert "one:1" not in await workers(shop)


async def test_processes_hear_of_a_publication_whose_publisher_died(
    shop: Shop, house: House
) -> None:
    process = Process(shop, "one:1")
    number = await save(shop, word="red")
    await run(shop, number)
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute(
            "DELETE FROM pipelines_publication WHERE tenant_id = $1", shop.tenant.id
        )
    await process.follower.look()
    assert (await workers(shop))["one:1"].since is None
    assert await tell_again(shop.payments.pipelines, shop.tenant) == 1
    assert await tell_again(shop.payments.pipelines, shop.tenant) == 0
    await process.follower.look()
    assert (await workers(shop))["one:1"].published == number


async def test_a_process_that_died_is_shown_no_more(shop: Shop, house: House) -> None:
    process = Process(shop, "dead:1")
    await process.follower.look()
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute(
            "UPDATE pipelines_process SET seen_at = now() - interval '11 s' WHERE id = 'dead:1'"
        )
    assert "dead:1" not in await workers(shop)
