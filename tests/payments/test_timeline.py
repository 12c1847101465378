"""One timeline tells what happened to a payment, in order, and to those who may know."""

import pytest
from tests.house import House
from tests.payments.scripted import UNKNOWN, processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_callbacks import Listener
from tests.payments.web import Web
from tests.pipelines.gates import Gate

from guildbank.journal import Subscriber, pump
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.personal import PERSONAL
from guildbank.payments.subscribers import CallbackOutbox, EntryIndex
from guildbank.payments.usecases.callbacks import deliver_callbacks, forget_tellings
from guildbank.payments.usecases.read_timeline import Moment, read_timeline
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import EventKind, Slot

NOTHING_SAID = {"microseconds", "transactionId"}


@pytest.fixture
async def shop(house: House) -> Shop:
    plugins = (
        ("door", Gate("door", Slot.ENTRY)), ("gate", Gate()), ("listener", Listener()),
    )  # fmt: skip
    shop = await open_shop(house, plugins=plugins)
    await shop.publish_stages(
        Stages(
            entry=(Step("door", "door"),),
            before=(Step("gate", "gate", {"word": "fine"}),),
            callbacks=(Step("tell-all", "listener"),),
        )
    )
    await follow(shop)
    return shop


async def follow(shop: Shop) -> None:
    readers: list[Subscriber] = [CallbackOutbox(shop.payments), EntryIndex()]
    await pump(shop.house.db, shop.tenant.schema, readers)


async def timeline(shop: Shop, payment: Intent | str) -> list[Moment]:
    await follow(shop)
    id_ = payment if isinstance(payment, str) else payment.id
    found = await read_timeline(shop.payments, shop.tenant, id_)
    assert not isinstance(found, Refusal), found
    return found


def kinds(found: list[Moment]) -> list[str]:
    return [one.kind.removeprefix("payments.") for one in found]


async def test_every_stage_of_a_payment_is_told_in_order(shop: Shop) -> None:
    paid = await shop.buy(await shop.player())
    await shop.refunded(paid)
    await follow(shop)
    await deliver_callbacks(shop.payments, shop.tenant)
    found = await timeline(shop, paid)
    stages = [one for one in kinds(found) if one != "callback.told"]
    assert stages == [
        "check.passed", "created", "check.passed", "attempted", "credited", "refund_clawed",
        "refunded",
    ]  # fmt: skip
    assert kinds(found).count("callback.told") == 5
    gate = next(one for one in found if one.facts.get("step") == "gate")
    told = {name: fact for name, fact in gate.facts.items() if name not in NOTHING_SAID}
    assert told == {
        "step": "gate", "plugin": "gate", "slot": "middleware", "attempt": 1,
        "notes": {"gate.word": "fine"},
    }  # fmt: skip
    attempted = next(one for one in found if one.kind == "payments.attempted")
    assert (attempted.by, attempted.facts["by"]) == ("app", "buyer")
    credited = next(one for one in found if one.kind == "payments.credited")
    assert credited.by == "provider:scripted"
    assert credited.facts["transactionId"].startswith("txn_")


async def test_a_veto_is_told_with_the_step_that_said_it(shop: Shop) -> None:
    await shop.publish_stages(Stages(before=(Step("strict", "gate", {"veto": True}),)))
    refused = await shop.buy(await shop.player())
    assert refused.state == "failed"
    found = await timeline(shop, refused)
    assert kinds(found) == ["created", "check.vetoed", "failed"]
    assert (found[1].facts["step"], found[1].facts["code"]) == ("strict", "not_today")


async def test_looks_at_the_provider_and_its_webhooks_are_told(shop: Shop) -> None:
    shop.script.on_create = UNKNOWN
    waits = await shop.buy(await shop.player())
    await shop.later(seconds=31)
    attempt = (await shop.dossier(waits)).attempts[0]
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id, external_id="evt_1")
    found = await timeline(shop, waits)
    told = kinds(found)
    assert told.index("unknown") < told.index("credited")
    asked = next(one for one in found if one.kind == "provider.asked")
    assert (asked.facts["subject"], asked.facts["looks"]) == (attempt.id, 1)
    webhook = next(one for one in found if one.kind == "webhook.received")
    assert (webhook.by, webhook.facts["event"], webhook.facts["about"]) == (
        "provider:scripted", "evt_1", "payment",
    )  # fmt: skip


async def test_a_callback_that_fails_is_told_as_waiting(shop: Shop) -> None:
    listener = shop.payments.plugins.at(Slot.CALLBACK, "listener")
    assert isinstance(listener, Listener)
    listener.failures = 1
    paid = await shop.buy(await shop.player())
    await follow(shop)
    await deliver_callbacks(shop.payments, shop.tenant)
    waits = [one for one in await timeline(shop, paid) if one.kind == "callback.waits"]
    assert [one.facts["tries"] for one in waits] == [1, 0, 0]


async def test_what_callbacks_were_told_is_forgotten_after_ninety_days(shop: Shop) -> None:
    paid = await shop.buy(await shop.player())
    await follow(shop)
    await deliver_callbacks(shop.payments, shop.tenant)
    await shop.later(days=89)
    assert await forget_tellings(shop.payments, shop.tenant) == 0
    await shop.later(days=2)
    assert await forget_tellings(shop.payments, shop.tenant) == 3
    assert "callback.told" not in kinds(await timeline(shop, paid))


async def test_an_erased_person_leaves_the_books_and_no_notes(shop: Shop) -> None:
    gone, other = await shop.player(), await shop.player()
    paid, others = await shop.buy(gone), await shop.buy(other)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        for statement in [forget for one in PERSONAL for forget in one.erase]:
            await tx.driver.execute(statement, gone)
    assert "check.passed" not in kinds(await timeline(shop, paid))
    assert "credited" in kinds(await timeline(shop, paid))
    assert "check.passed" in kinds(await timeline(shop, others))


async def test_nobody_but_the_tenants_people_reads_a_timeline(shop: Shop, house: House) -> None:
    player = await shop.player()
    paid = await shop.buy(player)
    await follow(shop)
    web = Web(shop)
    async with await web.machine() as server, await web.player(player) as me:
        read = await server.get(f"/v1/payments/{paid.id}/timeline")
        assert read.status_code == 200, read.text
        assert read.json()["items"][0]["kind"] == "check.passed"
        assert (await me.get(f"/v1/payments/{paid.id}/timeline")).status_code == 403
        for strange in (new_id("pay"), "pay_1"):
            assert (await server.get(f"/v1/payments/{strange}/timeline")).status_code == 404
