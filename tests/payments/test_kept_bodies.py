"""What a provider sent is kept for a time, and of a person who is erased not even that long."""

from datetime import timedelta
from typing import Any

from tests.payments.shop import Shop

from guildbank.payments.personal import FORGET_WEBHOOKS
from guildbank.payments.usecases.handle_webhook import forget_bodies
from guildbank.plugin_api import EventKind

ERASE = "UPDATE identity_player SET state = 'erased' WHERE id = $1"
BODIES = "SELECT body <> '' AND headers <> '{}' FROM payments_webhook ORDER BY received_at, id"
PLAN = "EXPLAIN (FORMAT JSON) " + FORGET_WEBHOOKS.replace("$1", "'player_x'")


async def sql(shop: Shop, text: str, *args: object) -> list[Any]:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        return list(await tx.driver.fetch(text, *args))


async def kept(shop: Shop) -> list[bool]:
    """Say of each event whether its bytes are there."""
    await shop.payments.drain()
    return [row[0] for row in await sql(shop, BODIES)]


async def told_of(shop: Shop, player: str) -> None:
    """Let a player buy, and the provider say something of it."""
    intent = await shop.buy(player)
    await shop.event(EventKind.PAYMENT, attempt_id=intent.attempt_id)


async def test_bytes_are_kept_for_ninety_days_and_the_event_for_ever(shop: Shop) -> None:
    await told_of(shop, await shop.player())
    assert await kept(shop) == [True]
    await shop.later(days=89)
    assert await forget_bodies(shop.payments, shop.tenant) == 0
    assert await kept(shop) == [True]
    await shop.later(days=2)
    assert await forget_bodies(shop.payments, shop.tenant) == 1
    assert await kept(shop) == [False]
    assert await forget_bodies(shop.payments, shop.tenant) == 0
    assert len(await sql(shop, "SELECT event FROM payments_webhook WHERE event <> ''")) == 1


async def test_an_event_that_was_not_worked_on_keeps_its_bytes(shop: Shop) -> None:
    await told_of(shop, await shop.player())
    assert await kept(shop) == [True]
    await sql(shop, "UPDATE payments_webhook SET processed_at = NULL")
    await sql(shop, "UPDATE payments_webhook SET received_at = received_at - interval '1 year'")
    assert await forget_bodies(shop.payments, shop.tenant) == 0


async def test_erasing_a_person_empties_what_was_sent_of_them_and_of_nobody_else(
    shop: Shop,
) -> None:
    gone, other = await shop.player(), await shop.player()
    await told_of(shop, gone)
    await shop.payments.drain()
    await told_of(shop, other)
    assert await kept(shop) == [True, True]
    await sql(shop, FORGET_WEBHOOKS, gone)
    rows = await sql(
        shop,
        "SELECT intent.player_id, hook.body <> '' FROM payments_webhook AS hook "
        "JOIN payments_attempt AS attempt ON attempt.id = hook.attempt_id "
        "JOIN payments_intent AS intent ON intent.id = attempt.payment_id",
    )
    assert {row[0]: row[1] for row in rows} == {gone: False, other: True}


async def test_what_comes_of_a_person_after_their_erasure_is_not_kept(shop: Shop) -> None:
    player = await shop.player()
    intent = await shop.buy(player)
    await sql(shop, ERASE, player)
    await shop.event(EventKind.PAYMENT, attempt_id=intent.attempt_id)
    assert await kept(shop) == [False]


async def test_a_persons_events_are_found_by_an_index(shop: Shop) -> None:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("SET LOCAL enable_seqscan = off")
        (row,) = await tx.driver.fetch(PLAN)
    assert "ix_payments_webhook_attempt_id" in str(row[0])
    assert timedelta(days=90) == shop.payments.timing.webhook_kept
