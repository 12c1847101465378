"""Gates see where a purchase comes from, and nothing that is stored says it in clear."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.house import House
from tests.infra.countries_file import write_countries
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.infra.address_countries import AddressCountries
from guildbank.kernel import Refusal
from guildbank.payments import PaymentHistories
from guildbank.payments.contracts.sale import Whence
from guildbank.payments.personal import PERSONAL
from guildbank.payments.purchases import COUNT_SHARERS
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.usecases.dry_run import dry_run
from guildbank.plugin_api import (
    BY_ADDRESS,
    Annotated,
    Context,
    PurchaseView,
    Slot,
    Veto,
)
from guildbank.plugin_host.words import MAX_WORDS

CROWD = """
INSERT INTO payments_intent
SELECT (jsonb_populate_record(
            one,
            jsonb_build_object(
                'id', one.id || number, 'device', 'device-' || number, 'credited_seq', NULL
            )
        )).*
FROM payments_intent AS one, generate_series(1, 3000) AS number
"""
"""Copies of the one payment, each on a device of its own."""
ADDRESS, TOKEN = "203.0.113.7", "6f1c2d0e-8a43-4c8e-9b57-0d2f1b7f3c11"


class Chatty(Gate):
    """Writes all that it sees into its notes, and where it is told to, into a veto."""

    refuses: str | None = None
    sighs = 0
    """How many characters it says before it comes to the address."""

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.seen.append((context.settings, purchase))
        if purchase.address is not None and purchase.address == self.refuses:
            raise LookupError(f"{'.' * self.sighs}no network has {purchase.address}")
        if context.settings.get("veto"):
            return Veto(code="from_there", detail=f"Not from {purchase.address}.")
        return Annotated(annotations={"from": f"at {purchase.address}"})

    before_provider = admit


@pytest.fixture
def door() -> Chatty:
    return Chatty("door", Slot.ENTRY)


@pytest.fixture
def gate() -> Chatty:
    return Chatty("gate")


@pytest.fixture
async def shop(house: House, door: Chatty, gate: Chatty) -> Shop:
    return await open_shop(house, plugins=(("door", door), ("gate", gate)))


async def whence(shop: Shop, address: str | None = ADDRESS, token: str | None = TOKEN) -> Whence:
    return await find_whence(shop.payments, shop.tenant, address, token)


async def test_both_slots_of_gates_see_the_address_in_clear_and_the_device_as_a_hash(
    shop: Shop, door: Chatty, gate: Chatty
) -> None:
    await shop.publish(entry=[("door", "door")], before=[("gate", "gate")])
    await shop.buy(await shop.player(), whence=await whence(shop))
    for seen in (door.seen, gate.seen):
        [(_, purchase)] = seen
        assert purchase.address == ADDRESS
        assert purchase.device is not None
        assert len(purchase.device) == 32
        assert TOKEN not in purchase.device


async def test_the_country_of_the_address_is_the_one_of_the_deployments_file(
    shop: Shop, gate: Chatty, tmp_path: Path
) -> None:
    shop.payments.address_countries = AddressCountries(write_countries(tmp_path / "c.mmdb"))
    await shop.publish(before=[("gate", "gate")])
    player = await shop.player()
    for address in (ADDRESS, "127.0.0.1", None):
        await shop.buy(player, whence=await whence(shop, address))
    assert [purchase.address_country for _, purchase in gate.seen] == ["DE", None, None]


async def test_one_device_is_the_same_for_all_players_of_a_tenant_and_for_no_other_tenant(
    shop: Shop, house: House
) -> None:
    here, other = await whence(shop), await whence(shop, token="another")
    assert (await whence(shop, "198.51.100.1")).device == here.device
    assert here.device != other.device
    assert (await whence(await open_shop(house))).device != here.device


async def test_nothing_that_is_stored_has_the_address_or_the_token_in_clear(shop: Shop) -> None:
    await shop.publish_stages(
        Stages(entry=(Step("door", "door"),), before=(Step("gate", "gate", {"veto": True}),))
    )
    refused = await shop.buy(await shop.player(), whence=await whence(shop))
    assert refused.problem_detail == "Not from (address)."
    await shop.publish(before=[("gate", "gate")])
    await shop.buy(await shop.player(), whence=await whence(shop))
    kept = await everything(shop)
    assert "at (address)" in kept
    assert ADDRESS not in kept
    assert TOKEN not in kept


async def test_a_gate_that_fails_over_an_address_does_not_bring_it_into_the_log(
    shop: Shop, gate: Chatty
) -> None:
    gate.refuses = ADDRESS
    await shop.publish(before=[("gate", "gate")])
    with capture_logs() as lines:
        refused = await shop.buy(await shop.player(), whence=await whence(shop))
    assert refused.problem == "gate_unavailable"
    assert "no network has (address)" in str(lines)
    assert ADDRESS not in str(lines)


async def test_no_part_of_an_address_is_left_where_long_words_are_cut(
    shop: Shop, gate: Chatty
) -> None:
    gate.refuses = ADDRESS
    gate.sighs = MAX_WORDS - len("no network has ") - len(ADDRESS) + 1
    await shop.publish(before=[("gate", "gate")])
    with capture_logs() as lines:
        await shop.buy(await shop.player(), whence=await whence(shop))
    assert "no network has (" in str(lines)
    assert ADDRESS[:-1] not in str(lines)


async def everything(shop: Shop) -> str:
    """Return every row of the tenant as text."""
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        tables = await tx.driver.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = $1", shop.tenant.schema
        )
        rows = [
            row[0]
            for table in tables
            for row in await tx.driver.fetch(f"SELECT to_json(t)::text FROM {table[0]} AS t")
        ]
    assert rows
    return "\n".join(json.loads(json.dumps(rows)))


async def test_a_try_to_pay_again_is_seen_where_it_comes_from(shop: Shop, gate: Chatty) -> None:
    await shop.publish(before=[("gate", "gate")])
    shop.script.on_create = DECLINED
    first = await whence(shop)
    intent = await shop.buy(await shop.player(), whence=first)
    elsewhere = "198.51.100.1"
    for asked in (await whence(shop, elsewhere, None), await whence(shop, elsewhere, "another")):
        again = await shop.retry(intent, whence=asked)
        assert not isinstance(again, Refusal)
    seen = [(purchase.address, purchase.device) for _, purchase in gate.seen]
    other = (await whence(shop, None, "another")).device
    assert seen == [(ADDRESS, first.device), (elsewhere, first.device), (elsewhere, other)]


async def test_the_same_key_from_another_network_and_device_is_the_same_purchase(
    shop: Shop,
) -> None:
    player = await shop.player()
    first = await shop.buy(player, "one", whence=await whence(shop))
    again = await shop.buy(player, "one", whence=await whence(shop, "198.51.100.1", "another"))
    assert again.id == first.id


async def sharers(shop: Shop, player: str, device: str | None, **span: float) -> int:
    since = shop.clock.now() - timedelta(**(span or {"hours": 1}))
    history = PaymentHistories(shop.house.db, shop.clock).of(shop.tenant)
    return await history.sharers(device or "", player, since)


async def test_other_players_who_buy_on_a_device_are_counted_once_each(shop: Shop) -> None:
    here, elsewhere = await whence(shop), await whence(shop, token="another")
    one, two, three = [await shop.player() for _ in range(3)]
    for player in (one, two, two):
        await shop.buy(player, whence=here)
    await shop.buy(three, whence=elsewhere)
    await shop.buy(three)
    assert [await sharers(shop, player, here.device) for player in (one, two, three)] == [1, 1, 2]
    assert await sharers(shop, three, elsewhere.device) == 0


async def test_those_of_long_ago_are_not_counted_and_nobody_asks_further_back(shop: Shop) -> None:
    here = await whence(shop)
    one, two = await shop.player(), await shop.player()
    await shop.buy(one, whence=here)
    shop.clock.by += timedelta(days=2)
    assert await sharers(shop, two, here.device, days=1) == 0
    assert await sharers(shop, two, here.device, days=3) == 1
    with pytest.raises(ValueError, match="31 days only"):
        await sharers(shop, two, here.device, days=40)


async def test_a_player_who_was_declined_counts_as_a_sharer_too(shop: Shop) -> None:
    here = await whence(shop)
    one, two = await shop.player(), await shop.player()
    shop.script.on_create = DECLINED
    await shop.buy(one, whence=here)
    assert await sharers(shop, two, here.device) == 1


async def test_an_erased_player_leaves_no_device_behind(shop: Shop) -> None:
    here = await whence(shop)
    gone, other = await shop.player(), await shop.player()
    await shop.buy(gone, whence=here)
    assert await sharers(shop, other, here.device) == 1
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        for statement in [forget for one in PERSONAL for forget in one.erase]:
            await tx.driver.execute(statement, gone)
    assert await sharers(shop, other, here.device) == 0
    assert str(here.device) not in await everything(shop)


async def test_a_device_is_found_by_its_index_among_many_payments(shop: Shop) -> None:
    await shop.buy(await shop.player(), whence=await whence(shop))
    since = shop.clock.now() - timedelta(hours=1)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(CROWD)
        await tx.driver.execute("ANALYZE payments_intent")
        plan = await tx.driver.fetch(
            f"EXPLAIN {COUNT_SHARERS}", "device-7", "player", "pay_0", since, None, 1_000
        )
    steps = "\n".join(row[0] for row in plan)
    assert "ix_payments_intent_device" in steps
    assert "Seq Scan on payments_intent" not in steps


async def test_a_dry_run_takes_what_a_gate_said_of_an_address_and_knows_the_device(
    shop: Shop, house: House
) -> None:
    finder = Chatty("finder", capabilities=frozenset({BY_ADDRESS}))
    later = Gate("later")
    shop = await open_shop(house, plugins=(("finder", finder), ("later", later)))
    await shop.publish(before=[("finder", "finder")])
    here = await whence(shop)
    await shop.buy(await shop.player(), whence=here)
    finder.seen.clear()
    drafted = Stages(before=(Step("finder", "finder"), Step("later", "later")))
    replayed = await dry_run(shop.payments.pipelines, shop.tenant, "packs", drafted, 10)
    assert not isinstance(replayed, Refusal)
    assert [one.unknown for one in replayed] == [()]
    assert finder.seen == []
    [(_, purchase)] = later.seen
    assert (purchase.address, purchase.device) == (None, here.device)
    assert purchase.annotations == {"finder.from": "at (address)"}
