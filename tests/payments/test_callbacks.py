"""Callback plugins are told what was committed of payments: in order, again when they fail."""

from datetime import timedelta

from tests.house import House
from tests.payments.shop import Shop, open_shop

from guildbank.journal import pump
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import CallbackEvent, Context, Manifest, Slot


class Listener:
    """A callback plugin that fails as often as told."""

    manifest = Manifest(
        id="listener", version="1", slot=Slot.CALLBACK, title="Listener",
        settings_schema={"type": "object", "additionalProperties": False},
    )  # fmt: skip

    def __init__(self) -> None:
        self.failures = 0
        self.heard: list[CallbackEvent] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not now")
        self.heard.append(event)


async def follow(shop: Shop, outbox: CallbackOutbox) -> None:
    await pump(shop.house.db, shop.tenant.schema, [outbox])


async def test_a_listener_hears_everything_once_and_in_order(house: House):
    listener = Listener()
    shop = await open_shop(house, plugins=(("listener", listener),))
    await shop.publish(callbacks=[("tell-all", "listener")])
    outbox = CallbackOutbox(shop.payments)
    await follow(shop, outbox)
    player = await shop.player()
    intent = await shop.buy(player)
    settings = {"shop": "not for listeners"}
    await configure_provider(shop.payments, shop.tenant, "scripted", settings, enabled=True)
    await shop.refunded(intent)
    await follow(shop, outbox)
    await follow(shop, outbox)
    listener.failures = 2
    assert await deliver_callbacks(shop.payments, shop.tenant) == 0
    assert await deliver_callbacks(shop.payments, shop.tenant) == 0
    shop.clock.by += timedelta(seconds=2)
    assert await deliver_callbacks(shop.payments, shop.tenant) == 0
    shop.clock.by += timedelta(seconds=10)
    assert await deliver_callbacks(shop.payments, shop.tenant) == 5
    assert [event.kind.removeprefix("payments.") for event in listener.heard] == [
        "created", "attempted", "credited", "refund_clawed", "refunded",
    ]  # fmt: skip
    assert {event.data["payment"] for event in listener.heard} == {intent.id}
    assert len({event.id for event in listener.heard}) == 5
    assert await deliver_callbacks(shop.payments, shop.tenant) == 0


async def test_what_a_new_tenant_sells_before_its_journal_is_followed_is_told_too(house: House):
    listener = Listener()
    shop = await open_shop(house, plugins=(("listener", listener),))
    unheard = await shop.buy(await shop.player())
    await shop.publish(callbacks=[("tell-all", "listener")])
    intent = await shop.buy(await shop.player())
    await follow(shop, CallbackOutbox(shop.payments))
    assert await deliver_callbacks(shop.payments, shop.tenant) == 3
    assert {event.data["payment"] for event in listener.heard} == {intent.id} != {unheard.id}
