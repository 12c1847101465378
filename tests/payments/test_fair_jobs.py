"""Jobs of payments serve each tenant, whoever of another's is slow to answer."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, UNKNOWN, Lost, Scripted, processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_timeline import follow

from guildbank.infra.turns import Turn
from guildbank.kernel import new_id
from guildbank.payments.inbox import insert_webhook
from guildbank.payments.jobs import Services, run_callbacks, run_janitor, run_sweep
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.plugin_api import (
    CallbackEvent,
    Context,
    EventKind,
    Manifest,
    Outcome,
    ProviderEvent,
    Slot,
)


class Ears:
    """A callback plugin whose endpoint takes its time wherever a test says so."""

    def __init__(self, name: str) -> None:
        self.manifest = Manifest(
            id=name, version="1", slot=Slot.CALLBACK, title=name, timeout_seconds=60,
            settings_schema={"type": "object", "additionalProperties": False},
        )  # fmt: skip
        self.heard: list[tuple[str, str]] = []
        self.waits: dict[str, asyncio.Event] = {}
        self.until: dict[tuple[str, int], asyncio.Event] = {}
        """What is set once a tenant has heard of so many."""

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        if context.tenant in self.waits:
            await self.waits[context.tenant].wait()
        self.heard.append((context.tenant, event.kind.removeprefix("payments.")))
        heard = [one for one in self.heard if one[0] == context.tenant]
        found = self.until.get((context.tenant, len(heard)))
        if found is not None:
            found.set()


def services_of(shop: Shop) -> Services:
    given: Any = SimpleNamespace(payments=shop.payments, identity=shop.house.identity)
    return cast("Services", given)


async def two_shops(house: House, *ears: Ears) -> tuple[Shop, Shop]:
    """Return two tenants that one worker serves; the first is the first that it comes to."""
    plugins = tuple((one.manifest.id, one) for one in ears)
    one, other = [await open_shop(house, plugins=plugins) for _ in range(2)]
    other.payments = one.payments
    return one, other


async def test_an_endpoint_of_one_tenant_that_is_slow_holds_up_no_other_tenant(house: House):
    ears = Ears("ears")
    slow, other = await two_shops(house, ears)
    for shop in (slow, other):
        await shop.publish(callbacks=[("tell", "ears")])
        await follow(shop)
        await shop.buy(await shop.player())
        await follow(shop)
    # It answers once the other has heard of everything: one after another it would never.
    ears.waits[slow.tenant.slug] = ears.until[other.tenant.slug, 3] = asyncio.Event()
    await run_callbacks(services_of(slow))
    kinds = ["created", "attempted", "credited"]
    assert ears.heard == [
        *((other.tenant.slug, kind) for kind in kinds),
        *((slow.tenant.slug, kind) for kind in kinds),
    ]


async def test_a_slow_endpoint_holds_up_no_other_step_of_its_tenant(house: House) -> None:
    slow, quick = Ears("a-slow"), Ears("b-quick")
    shop, _ = await two_shops(house, slow, quick)
    await shop.publish(callbacks=[("a-tell", "a-slow"), ("b-tell", "b-quick")])
    await follow(shop)
    await shop.buy(await shop.player())
    await follow(shop)
    slug = shop.tenant.slug
    slow.waits[slug] = quick.until[slug, 3] = asyncio.Event()
    assert await deliver_callbacks(shop.payments, shop.tenant) == 6
    assert quick.heard == slow.heard, "each hears in order"


async def test_what_is_left_when_a_turn_is_over_is_told_in_the_next(house: House) -> None:
    ears = Ears("ears")
    shop, _ = await two_shops(house, ears)
    await shop.publish(callbacks=[("tell", "ears")])
    await follow(shop)
    await shop.buy(await shop.player())
    await follow(shop)
    # Each event takes as long as a turn.
    turn = Turn(1, lambda: float(len(ears.heard)))
    assert await deliver_callbacks(shop.payments, shop.tenant, turn) == 1
    assert [kind for _, kind in ears.heard] == ["created"]
    assert await deliver_callbacks(shop.payments, shop.tenant) == 2
    assert [kind for _, kind in ears.heard] == ["created", "attempted", "credited"]


@pytest.mark.parametrize("job", [run_janitor, run_sweep], ids=["janitor", "sweep"])
async def test_a_provider_of_one_tenant_that_is_silent_holds_up_no_other_tenant(
    house: House, monkeypatch: pytest.MonkeyPatch, job: Callable[[Services], Awaitable[None]]
) -> None:
    patient = Scripted(msgspec.structs.replace(MANIFEST, timeout_seconds=60))
    monkeypatch.setattr("tests.payments.shop.Scripted", lambda: patient)
    silent, other = await two_shops(house)
    patient.on_create = Lost()
    bought = {shop: await shop.buy(await shop.player()) for shop in (silent, other)}
    for shop, intent in bought.items():
        (attempt,) = (await shop.dossier(intent)).attempts
        patient.stands[attempt.id] = processed(499, reference=f"pi_{attempt.id}")
        if job is run_sweep:
            await leave_event(shop, attempt.id)
    other_is_credited, asked = asyncio.Event(), patient.fetch_payment

    async def fetch(context: Context, attempt_id: str, reference: str | None) -> Outcome:
        if context.tenant == silent.tenant.slug:
            await other_is_credited.wait()
            return UNKNOWN
        said = await asked(context, attempt_id, reference)
        other_is_credited.set()
        return said

    monkeypatch.setattr(patient, "fetch_payment", fetch)
    silent.clock.by += silent.payments.timing.unknown[0] * 2
    await job(services_of(silent))
    assert await other.state(bought[other]) == "credited"
    assert await silent.state(bought[silent]) == "unknown"


async def leave_event(shop: Shop, attempt_id: str) -> None:
    """Keep an event of the provider's whose process died before it was worked on."""
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        event = ProviderEvent(external_id="evt_1", kind=EventKind.PAYMENT, attempt_id=attempt_id)
        now = shop.payments.clock.now()
        await insert_webhook(tx.driver, new_id("whk"), "scripted", event, {}, now)
