"""A payment keeps the revision that it began with, and new checks bind it until it is paid."""

from tests.house import House
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run, save

from guildbank.journal import pump
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.plugin_api import CallbackEvent, Context, Manifest, Slot


async def declined(shop: Shop) -> Intent:
    """Begin a payment whose first attempt is declined: it waits for another one."""
    shop.script.on_create = DECLINED
    intent = await shop.buy(await shop.player())
    shop.script.on_create = None
    assert intent.state == "requires_payment_method"
    return intent


async def test_a_payment_is_asked_about_by_the_steps_that_it_began_with(house: House) -> None:
    gate = Gate()
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop, word="red"))
    intent = await declined(shop)
    await run(shop, await save(shop, word="blue"))
    gate.seen.clear()
    again = await shop.retry(intent)
    assert not isinstance(again, Refusal)
    assert (await shop.state(again), again.revision) == ("credited", intent.revision)
    # Its own step as it was, and the one that is new to it.
    assert [settings["word"] for settings, _ in gate.seen] == ["red", "blue"]


async def test_what_is_forbidden_since_is_forbidden_for_payments_that_wait(house: House) -> None:
    shop = await open_shop(house, plugins=(("gate", Gate()),))
    intent = await declined(shop)
    number = await save(shop, veto=True)
    await run(shop, number)
    refused = await shop.retry(intent)
    assert isinstance(refused, Refusal)
    assert refused.code == "purchase_vetoed"
    assert await shop.state(intent) == "requires_payment_method"
    await run(shop, None)
    again = await shop.retry(intent)
    assert not isinstance(again, Refusal)
    assert await shop.state(again) == "credited"


async def test_a_check_that_was_taken_out_still_binds_those_who_began_with_it(
    house: House,
) -> None:
    gate = Gate()
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop, word="red"))
    intent = await declined(shop)
    await run(shop, None)
    gate.seen.clear()
    await shop.retry(intent)
    assert [settings["word"] for settings, _ in gate.seen] == ["red"]


async def test_a_gate_whose_plugin_is_gone_refuses(house: House) -> None:
    gate = Gate()
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop))
    shop.payments.plugins._slots[Slot.MIDDLEWARE].clear()
    intent = await shop.buy(await shop.player())
    assert (intent.state, intent.problem) == ("failed", "gate_unavailable")
    assert shop.script.requests == []


class Listener:
    """A callback plugin that keeps what it hears, by its settings."""

    manifest = Manifest(
        id="listener", version="1", slot=Slot.CALLBACK, title="Listener",
        settings_schema={
            "type": "object", "additionalProperties": False,
            "properties": {"to": {"type": "string"}},
        },
    )  # fmt: skip

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        self.heard.append((str(context.settings.get("to")), event.kind))


async def test_callbacks_are_those_of_the_payments_revision_until_it_is_credited(
    house: House,
) -> None:
    listener = Listener()
    shop = await open_shop(house, plugins=(("listener", listener),))
    outbox = CallbackOutbox(shop.payments)
    await pump(house.db, shop.tenant.schema, [outbox])
    await shop.publish(callbacks=[("first", "listener")])
    intent = await declined(shop)
    await shop.publish(callbacks=[("second", "listener")])
    again = await shop.retry(intent)
    assert not isinstance(again, Refusal)
    await shop.refunded(again)
    await pump(house.db, shop.tenant.schema, [outbox])
    async with house.db.begin(shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch("SELECT step, kind FROM payments_telling ORDER BY seq")
    told = [(row["step"], row["kind"].removeprefix("payments.")) for row in rows]
    assert told == [
        ("first", "created"), ("first", "attempted"), ("first", "declined"),
        ("first", "attempted"), ("first", "credited"), ("second", "refund_clawed"),
        ("second", "refunded"),
    ]  # fmt: skip
    assert await deliver_callbacks(shop.payments, shop.tenant) == 7
    assert len(listener.heard) == 7
