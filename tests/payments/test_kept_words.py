"""What callbacks answer is kept under the person's key, without card numbers, for a time."""

from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.test_kept_events import CARD, ERASE, MAIL, dump, forget, keep_for, sql
from tests.payments.web import Web

from guildbank.journal import pump
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks, forget_tellings
from guildbank.payments.usecases.read_timeline import Moment, read_timeline
from guildbank.plugin_api import CallbackEvent, Context, Delivered, Manifest, Slot

SAID = f"thanks, {MAIL}, for {CARD}"
SHOWN = f"thanks, {MAIL}, for ************4242"


class Talker:
    """A callback plugin whose peer answers with a person's data, or refuses with them."""

    manifest = Manifest(
        id="talker", version="1", slot=Slot.CALLBACK, title="Talker",
        settings_schema={"type": "object", "additionalProperties": False},
    )  # fmt: skip

    def __init__(self) -> None:
        self.refuses = False

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered:
        if self.refuses:
            raise RuntimeError(SAID)
        return Delivered(note=SAID)


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
async def shop(house: House, talker: Talker) -> Shop:
    shop = await open_shop(house, plugins=(("talker", talker),))
    await shop.publish(callbacks=[("tell", "talker")])
    return shop


async def told(shop: Shop) -> Intent:
    """Let a player buy, and the step be told of it."""
    payment = await shop.buy(await shop.player())
    await tell(shop)
    return payment


async def tell(shop: Shop) -> None:
    await pump(shop.house.db, shop.tenant.schema, [CallbackOutbox(shop.payments)])
    await deliver_callbacks(shop.payments, shop.tenant)


async def callbacks(shop: Shop, payment: Intent) -> list[Moment]:
    found = await read_timeline(shop.payments, shop.tenant, payment.id)
    assert not isinstance(found, Refusal), found
    return [one for one in found if one.kind.startswith("callback.")]


async def test_the_timeline_shows_what_was_answered_without_the_cards_number(shop: Shop) -> None:
    payment = await told(shop)
    answers = [one.facts["answer"] for one in await callbacks(shop, payment)]
    assert answers
    assert set(answers) == {SHOWN}


async def test_nothing_of_it_stands_in_clear(shop: Shop, talker: Talker) -> None:
    await told(shop)
    talker.refuses = True
    await told(shop)
    everything = await dump(shop)
    for word in (CARD, "thanks, ", MAIL):
        assert word not in everything


async def test_why_a_step_was_not_told_is_shown_to_operators_alone(
    shop: Shop, talker: Talker
) -> None:
    talker.refuses = True
    payment = await told(shop)
    assert {
        one.facts["problem"] for one in await callbacks(shop, payment) if one.facts["tries"]
    } == {SHOWN}
    async with await Web(shop).machine("payments:read") as client:
        (step,) = (await client.get("/v1/callbacks")).json()["items"]
    assert step["problem"] == SHOWN


async def test_an_erasure_makes_it_unreadable(shop: Shop, talker: Talker) -> None:
    talker.refuses = True
    payment = await told(shop)
    # The key goes first: what is left in rows of a backup cannot be read either.
    await sql(shop, "DELETE FROM identity_person_key WHERE player_id = $1", payment.player_id)
    await sql(shop, ERASE, payment.player_id)
    problems = {one.facts["problem"] for one in await callbacks(shop, payment)}
    assert problems <= {"It was not told.", None}
    await forget(shop, payment.player_id)
    assert await sql(shop, "SELECT FROM payments_telling WHERE sealed IS NOT NULL") == []


async def test_it_is_kept_no_longer_than_the_tenant_keeps_exchanges(shop: Shop) -> None:
    await keep_for(shop, 7)
    payment = await told(shop)
    shop.clock.by += timedelta(days=6)
    assert await forget_tellings(shop.payments, shop.tenant) == 0
    assert {one.facts["answer"] for one in await callbacks(shop, payment)} == {SHOWN}
    shop.clock.by += timedelta(days=2)
    assert await forget_tellings(shop.payments, shop.tenant) == 0
    assert {one.facts["answer"] for one in await callbacks(shop, payment)} == {None}


async def test_a_tenant_that_keeps_nothing_keeps_no_words(shop: Shop) -> None:
    await keep_for(shop, 0)
    payment = await told(shop)
    assert {one.facts["answer"] for one in await callbacks(shop, payment)} == {None}
    assert await sql(shop, "SELECT FROM payments_telling WHERE sealed IS NOT NULL") == []
