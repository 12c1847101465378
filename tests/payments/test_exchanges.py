"""What was exchanged about a payment is kept by allowed fields, sealed, and for a while."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.sandbox_till import Till, open_till
from tests.servers.sandbox import SandboxServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.exchanges import MAX_FIELDS, fields_of, mask_cards, path_of
from guildbank.payments.jobs import run_tidy
from guildbank.payments.personal import PERSONAL
from guildbank.payments.usecases.exchanges import forget_exchanges
from guildbank.plugin_api import Manifest
from guildbank.tenancy import TenantSettings, change_tenant, suspend_tenant
from guildbank_googleplay.manifest import MANIFEST as GOOGLE
from guildbank_remote.manifest import GATE_MANIFEST
from guildbank_stripe.manifest import MANIFEST as STRIPE

TOKEN = "oghbkjcdhnlpdmmkfgbdcocc.AO-J1Oy3Vq4vC4bGBbWQeJ5kQ3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), late_seconds=0.2) as running:
        yield running


@pytest.fixture
async def till(house: House, server: SandboxServer) -> AsyncIterator[Till]:
    async with open_till(house, server) as till:
        yield till


async def exchanges(till: Till, payment: Intent | str) -> list[dict[str, Any]]:
    """Read them as a machine that may."""
    await till.shop.payments.drain()
    id_ = payment if isinstance(payment, str) else payment.id
    async with await till.web.machine("payments:exchanges") as client:
        answer = await client.get(f"/v1/payments/{id_}/exchanges")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def stored(till: Till) -> list[bytes]:
    await till.shop.payments.drain()
    async with till.shop.house.db.begin(till.shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch("SELECT sealed FROM payments_exchange ORDER BY id")
    return [row[0] for row in rows]


async def test_request_and_answer_of_a_provider_are_kept_by_their_allowed_fields(till: Till):
    payment = await till.buy(await till.shop.player(), "instant")
    # Its webhook may have come by now, and then we asked again.
    of_provider = [each for each in await exchanges(till, payment) if each["kind"] == "provider"]
    (one,) = [each for each in of_provider if each["method"] == "POST"]
    assert (one["of"], one["path"], one["status"]) == ("sandbox", "/v1/payments", 201)
    (attempt,) = (await till.shop.dossier(payment)).attempts
    assert one["asked"] == {
        "reference": attempt.id, "amount_minor": 499, "currency": "EUR", "method": "instant",
    }  # fmt: skip
    assert one["answered"]["id"] == attempt.reference
    assert one["answered"]["state"] == "captured"
    assert "description" not in one["asked"]
    assert payment.player_id not in msgspec.json.encode(one).decode()


async def test_what_a_caller_asked_and_was_answered_is_kept_too(till: Till):
    player = await till.shop.player()
    body = {
        "packId": till.shop.pack, "currency": "EUR", "provider": "sandbox", "playerId": player,
        "method": "instant", "returnUrl": "https://game.example/?player=olga",
    }  # fmt: skip
    async with await till.web.machine() as client:
        bought = await client.post("/v1/payments", json=body, headers={"idempotency-key": "one"})
        payment = bought.json()["id"]
        refused = await client.post(
            f"/v1/payments/{payment}/refunds",
            json={"amount": {"amount": "9.99", "currency": "EUR"}, "reason": "Olga asked"},
            headers={"idempotency-key": "two"},
        )
    assert refused.status_code == 422
    calls = [each for each in await exchanges(till, payment) if each["kind"] == "caller"]
    assert [(each["path"], each["status"], each["problem"]) for each in calls] == [
        ("/v1/payments", 201, None),
        (f"/v1/payments/{payment}/refunds", None, refused.json()["code"]),
    ]
    assert calls[0]["asked"] == {
        "packId": till.shop.pack, "currency": "EUR", "provider": "sandbox", "playerId": player,
        "method": "instant",
    }  # fmt: skip
    assert calls[0]["answered"]["state"] == "credited"
    assert "lga" not in msgspec.json.encode(calls).decode()


@pytest.mark.parametrize(
    "path", ["/wallet/buy", "/v1/account/buy-currency"], ids=["wallet", "account"]
)
async def test_what_a_player_who_buys_coins_by_number_asked_is_kept_too(till: Till, path: str):
    player = await till.shop.player()
    paid = {"amount": 500, "paymentMethod": "sandbox:instant", "device": "d" * 20}
    async with await till.web.player(player) as client:
        bought = await client.post(path, json=paid)
        declined = await client.post(
            path, json={**paid, "paymentMethod": "sandbox:instant_decline"}
        )
    assert (bought.status_code, declined.json()["code"]) == (200, "payment_declined")
    (call,) = await calls_about(till, bought.json()["paymentId"])
    assert (call["path"], call["status"], call["problem"]) == (path, 200, None)
    assert call["asked"] == {"amount": 500, "paymentMethod": "sandbox:instant"}
    assert call["answered"]["payment.state"] == "credited"
    (other,) = [one for one in await payments_of(till) if one != bought.json()["paymentId"]]
    (call,) = await calls_about(till, other)
    assert (call["path"], call["problem"]) == (path, "payment_declined")


async def calls_about(till: Till, payment: str) -> list[dict[str, Any]]:
    return [each for each in await exchanges(till, payment) if each["kind"] == "caller"]


async def payments_of(till: Till) -> list[str]:
    async with till.shop.house.db.begin(till.shop.tenant.schema, read_only=True) as tx:
        return [row[0] for row in await tx.driver.fetch("SELECT id FROM payments_intent")]


async def test_a_provider_that_did_not_answer_is_told_of(till: Till):
    payment = await till.buy(await till.shop.player(), "instant_lost")
    told = [each for each in await exchanges(till, payment) if each["kind"] == "provider"]
    assert (told[0]["status"], told[0]["answered"]) == (
        500, {"error.code": "internal_error"},
    )  # fmt: skip


async def test_nothing_of_it_can_be_read_without_the_persons_key(till: Till):
    payment = await till.buy(await till.shop.player(), "instant")
    rows = await stored(till)
    assert rows
    assert all(payment.id.encode() not in row and b"sandbox" not in row for row in rows)
    async with till.shop.house.db.begin(till.shop.tenant.schema) as tx:
        for statement in [forget for one in PERSONAL for forget in one.erase]:
            await tx.driver.execute(statement, payment.player_id)
    assert await stored(till) == []
    assert await exchanges(till, payment) == []


async def test_who_read_them_is_recorded(till: Till):
    payment = await till.buy(await till.shop.player(), "instant")
    seen = len(await exchanges(till, payment))
    async with await till.web.machine() as client:
        events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    (read,) = [one for one in events if one["kind"] == "payments.exchanges_read"]
    assert read["data"] == {"payment": payment.id, "exchanges": seen}
    assert read["principal"].startswith("app_")


async def test_they_are_read_page_by_page(till: Till):
    payment = await till.buy(await till.shop.player(), "instant")
    for _ in range(3):
        await till.shop.refunded(payment, 50)
    whole = await exchanges(till, payment)
    assert [(one["kind"], one["method"]) for one in whole].count(("provider", "POST")) == 4
    path, met = f"/v1/payments/{payment.id}/exchanges", []
    async with await till.web.machine("payments:exchanges") as client:
        after: str | None = ""
        while after is not None:
            place = f"&after={after}" if after else ""
            page = (await client.get(f"{path}?limit=1{place}")).json()
            met += page["items"]
            after = page["next"]
    assert met == whole


async def test_a_tenant_says_for_how_long_and_none_at_all(till: Till):
    shop = till.shop
    await till.buy(await shop.player(), "instant")
    kept = await stored(till)
    assert kept
    assert await forget_exchanges(shop.payments, shop.tenant) == 0
    shop.clock.by += timedelta(days=91)
    assert await forget_exchanges(shop.payments, shop.tenant) == len(kept)
    assert await stored(till) == []
    wanted = TenantSettings(exchanges_kept_days=0)
    changed = await change_tenant(shop.house.tenancy, shop.tenant.slug, lambda _: wanted)
    assert not isinstance(changed, Refusal)
    await till.buy(await shop.player(), "instant")
    assert await stored(till) == []


async def test_they_are_forgotten_in_their_time_while_the_tenant_is_suspended_too(till: Till):
    shop = till.shop
    await till.buy(await shop.player(), "instant")
    assert await stored(till)
    suspended = await suspend_tenant(shop.house.tenancy, shop.tenant.slug)
    assert not isinstance(suspended, Refusal)
    shop.clock.by += timedelta(days=91)
    given: Any = SimpleNamespace(payments=shop.payments, identity=shop.house.identity)
    await run_tidy(given)
    assert await stored(till) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4242424242424242", "************4242"),
        ("card 4242 4242 4242 4242 was", "card ************4242 was"),
        ("4242-4242-4242-4242", "************4242"),
        ("378282246310005", "***********0005"),
        # A number that no card can have, since its check digit is wrong, and one that is too long.
        ("4242424242424241", "4242424242424241"),
        ("42424242424242424242", "42424242424242424242"),
        ("2026-11-27", "2026-11-27"),
    ],
)
def test_what_may_be_a_cards_number_is_masked(text: str, shown: str) -> None:
    assert mask_cards(text) == shown
    assert fields_of(msgspec.json.encode({"note": text}), ("note",)) == {"note": shown}


@pytest.mark.parametrize(
    ("path", "manifest", "shown"),
    [
        ("/v1/refunds/re_1", STRIPE, "/v1/refunds/re_1"),
        (
            f"/androidpublisher/v3/applications/a.b/purchases/products/gems/tokens/{TOKEN}:consume",
            GOOGLE,
            "/androidpublisher/v3/applications/a.b/purchases/products/gems/tokens/*",
        ),
        ("/v1/cards/4242424242424242", STRIPE, "/v1/cards/************4242"),
        ("/hooks/s3cr3t", GATE_MANIFEST, ""),
    ],
    ids=["an-id", "a-purchase-token", "a-card", "an-address-of-the-tenant"],
)
def test_no_secret_of_a_path_is_kept(path: str, manifest: Manifest, shown: str) -> None:
    assert path_of(path, manifest) == shown


def test_a_number_that_may_be_a_cards_is_masked_too() -> None:
    body = b'{"pan": 4242424242424242, "n": 499, "rate": 0.10}'
    assert fields_of(body, ("pan", "n", "rate")) == {
        "pan": "************4242", "n": 499, "rate": "0.10",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"id": 1, "payer": {"name": "Olga"}}', {"id": 1}),
        (
            b'{"items": [{"id": "a", "name": "x"}, {"id": "b"}]}',
            {"items.0.id": "a", "items.1.id": "b"},
        ),
        (b"id=7&items[0][id]=a&name=Olga", {"id": "7", "items.0.id": "a"}),
        (b"<html>", {}),
        (b"\xff\xfe", {}),
        (b"", {}),
        (b"[" * 5_000, {}),
        (b'{"id": ' + b'"' + b"x" * 300_000 + b'"}', {}),
    ],
)
def test_only_fields_that_are_named_are_kept(body: bytes, found: dict[str, object]) -> None:
    assert fields_of(body, ("id", "items.*.id")) == found


def test_a_body_of_many_fields_leaves_a_hundred() -> None:
    body = msgspec.json.encode({"items": [{"id": number} for number in range(5_000)]})
    assert len(fields_of(body, ("items.*.id",))) == MAX_FIELDS


def test_nested_deeper_than_any_name_costs_nothing() -> None:
    body = b'{"a": ' * 500 + b"1" + b"}" * 500
    assert fields_of(body, ("id",)) == {}
