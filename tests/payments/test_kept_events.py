"""Of what a provider sends the allowed fields are kept, sealed for whose they are, for a time."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.payments.shop import SECRET, Shop
from tests.payments.web import Web

from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.personal import FORGET_WEBHOOKS, PERSONAL
from guildbank.payments.usecases.exchanges import forget_exchanges
from guildbank.payments.usecases.handle_webhook import forget_fields
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.tenancy import TenantSettings, change_tenant

CARD, MAIL, TOKEN = "4242424242424242", "olga@example.com", "tok_of_olga_8f3a"
ERASE = "UPDATE identity_player SET state = 'erased' WHERE id = $1"
FIELDS = "SELECT fields FROM payments_webhook ORDER BY received_at, id"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename"
PLAN = "EXPLAIN (FORMAT JSON) " + FORGET_WEBHOOKS.replace("$1", "'player_x'")


async def sql(shop: Shop, text: str, *args: object) -> list[Any]:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        return list(await tx.driver.fetch(text, *args))


async def dump(shop: Shop) -> str:
    """Return every row of the tenant's schema as text."""
    await shop.payments.drain()
    tables = [row[0] for row in await sql(shop, TABLES, shop.tenant.schema)]
    rows = [
        str(row[0]) for one in tables for row in await sql(shop, f"SELECT t::text FROM {one} t")
    ]
    assert len(rows) > 20
    return "\n".join(rows)


async def sent(shop: Shop, attempt_id: str | None, kind: str = "payment", **more: Any) -> None:
    """Let the provider send an event in which a person is named."""
    body = {
        "kind": kind, "external_id": new_id("evt"), "attempt_id": attempt_id,
        "note": f"paid by {CARD}", "card": CARD, "payer": {"mail": MAIL}, "token": TOKEN, **more,
    }  # fmt: skip
    headers = {"x-sign": SECRET, "x-payer": MAIL, "x-forwarded-for": "203.0.113.9"}
    answer = await receive_webhook(
        shop.payments, shop.tenant.slug, "scripted", headers, msgspec.json.encode(body)
    )
    assert not isinstance(answer, Refusal), answer
    await shop.payments.drain()


async def bought(shop: Shop) -> Intent:
    """Let a player buy, and the provider say something of it."""
    intent = await shop.buy(await shop.player())
    await sent(shop, (await shop.dossier(intent)).attempts[0].id)
    return intent


async def kept(shop: Shop, payment: Intent) -> list[dict[str, Any]]:
    """Return the events among the payment's exchanges."""
    async with await Web(shop).machine("payments:exchanges") as client:
        answer = await client.get(f"/v1/payments/{payment.id}/exchanges")
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["items"] if one["kind"] == "webhook"]


async def forget(shop: Shop, player: str) -> None:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        for statement in [one for part in PERSONAL for one in part.erase]:
            await tx.driver.execute(statement, player)


async def keep_for(shop: Shop, days: int) -> None:
    wanted = TenantSettings(exchanges_kept_days=days)
    changed = await change_tenant(shop.house.tenancy, shop.tenant.slug, lambda _: wanted)
    assert not isinstance(changed, Refusal)
    # Settings are known everywhere within a second.
    for _ in range(100):
        settings = await shop.payments.tenants.settings(shop.tenant.id)
        if settings == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{settings} did not become {wanted}")


async def test_an_event_is_kept_with_its_payment_by_allowed_fields(shop: Shop) -> None:
    payment = await bought(shop)
    (event,) = await kept(shop, payment)
    assert (event["of"], event["status"], event["asked"]["note"]) == (
        "scripted", 200, "paid by ************4242",
    )  # fmt: skip
    assert set(event["asked"]) == {"kind", "external_id", "note"}


async def test_nothing_else_of_what_was_sent_is_anywhere(shop: Shop) -> None:
    await bought(shop)
    await sent(shop, None, "ignored")
    await sent(shop, new_id("att"))
    everything = await dump(shop)
    for word in (CARD, MAIL, TOKEN, "203.0.113.9", SECRET):
        assert word not in everything
        assert word.encode().hex() not in everything


async def test_what_is_about_a_person_stands_under_their_key_alone(shop: Shop) -> None:
    payment = await bought(shop)
    assert await sql(shop, FIELDS) == [(None,)]
    assert "paid by" not in await dump(shop)
    await forget(shop, payment.player_id)
    assert await kept(shop, payment) == []


async def test_what_is_about_nobody_known_waits_by_allowed_fields(shop: Shop) -> None:
    await sent(shop, None, "ignored")
    ((fields,),) = await sql(shop, FIELDS)
    assert set(msgspec.json.decode(fields)) == {"kind", "external_id", "note"}


async def test_what_comes_of_a_person_after_their_erasure_is_not_kept(shop: Shop) -> None:
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    await forget(shop, intent.player_id)
    await sql(shop, ERASE, intent.player_id)
    await sql(shop, "DELETE FROM identity_person_key WHERE player_id = $1", intent.player_id)
    await sent(shop, attempt.id)
    assert await sql(shop, FIELDS) == [(None,)]
    assert await kept(shop, intent) == []


@pytest.mark.parametrize("days", [7, 90], ids=["a-week", "ninety-days"])
async def test_the_tenant_says_for_how_long(shop: Shop, days: int) -> None:
    await keep_for(shop, days)
    payment = await bought(shop)
    await sent(shop, None, "ignored")
    shop.clock.by += timedelta(days=days - 1)
    assert await forget_fields(shop.payments, shop.tenant) == 0
    assert await forget_exchanges(shop.payments, shop.tenant) == 0
    shop.clock.by += timedelta(days=2)
    assert await forget_fields(shop.payments, shop.tenant) == 1
    assert await forget_exchanges(shop.payments, shop.tenant) == 1
    assert await kept(shop, payment) == []
    assert len(await sql(shop, "SELECT FROM payments_webhook WHERE event <> ''")) == 2


async def test_a_tenant_that_keeps_nothing_keeps_no_events(shop: Shop) -> None:
    await keep_for(shop, 0)
    payment = await bought(shop)
    assert await kept(shop, payment) == []
    await sent(shop, None, "ignored")
    shop.clock.by += timedelta(minutes=1)
    assert await forget_fields(shop.payments, shop.tenant) == 1
    assert await sql(shop, FIELDS) == [(None,), (None,)]


async def test_an_event_that_was_not_worked_on_keeps_its_fields(shop: Shop) -> None:
    await sent(shop, new_id("att"))
    shop.clock.by += timedelta(days=365)
    assert await forget_fields(shop.payments, shop.tenant) == 0


async def test_bytes_that_an_earlier_version_kept_go_at_once(shop: Shop) -> None:
    await bought(shop)
    await sql(shop, "UPDATE payments_webhook SET headers = '{\"a\": \"b\"}', body = '{}'")
    await forget_fields(shop.payments, shop.tenant)
    ((headers, body),) = await sql(shop, "SELECT headers, body FROM payments_webhook")
    assert (headers, body) == ("{}", b"")


async def test_a_persons_events_are_found_by_an_index(shop: Shop) -> None:
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("SET LOCAL enable_seqscan = off")
        (row,) = await tx.driver.fetch(PLAN)
    assert "ix_payments_webhook_attempt_id" in str(row[0])
