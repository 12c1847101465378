"""Buying over HTTP: what a game server and a player see, and what each may not."""

import msgspec
import pytest
from tests.payments.scripted import DECLINED, PENDING, Lost
from tests.payments.shop import SECRET, Shop
from tests.payments.web import Web

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Decline,
    EventKind,
    NextAction,
    Outcome,
    OutcomeStatus,
    ProviderEvent,
)
from guildbank.store.contracts import Price

STOLEN = Outcome(status=OutcomeStatus.DECLINED, code="stolen_card", decline=Decline.FRAUD_SUSPECTED)
EMPTY = Outcome(status=OutcomeStatus.DECLINED, code="51", decline=Decline.INSUFFICIENT_FUNDS)


@pytest.fixture
def web(shop: Shop) -> Web:
    return Web(shop)


def keyed() -> dict[str, str]:
    return {"idempotency-key": new_id("key")}


async def test_a_game_server_buys_for_a_player_and_refunds(web: Web):
    player = await web.shop.player()
    async with await web.machine() as server:
        body = {
            "packId": web.shop.pack, "currency": "EUR", "provider": "scripted", "playerId": player,
        }  # fmt: skip
        key = keyed()
        bought = await server.post("/v1/payments", json=body, headers=key)
        assert bought.status_code == 201, bought.text
        payment = bought.json()
        assert payment["state"] == "credited"
        assert payment["amount"] == {"amount": "4.99", "currency": "EUR"}
        assert (payment["coins"], payment["bonusCoins"], payment["packVersion"]) == (500, 50, 1)
        assert payment["transactionId"].startswith("txn_")
        again = await server.post("/v1/payments", json=body, headers=key)
        assert again.json() == payment
        path = f"/v1/payments/{payment['id']}"
        part = {"amount": {"amount": "1.00", "currency": "EUR"}, "reason": "sorry"}
        refund = await server.post(f"{path}/refunds", json=part, headers=keyed())
        assert refund.status_code == 201, refund.text
        assert (refund.json()["state"], refund.json()["coins"]) == ("succeeded", 100)
        read = (await server.get(path)).json()
        assert read["refunded"] == {"amount": "1.00", "currency": "EUR"}
        assert read["refunds"] == [refund.json()]
        assert (await server.get(f"/v1/refunds/{refund.json()['id']}")).json() == refund.json()
        listed = (await server.get("/v1/payments", params={"playerId": player})).json()
        assert [one["id"] for one in listed["items"]] == [payment["id"]]


async def test_a_player_follows_the_next_action_and_sees_only_own_payments(web: Web):
    shop = web.shop
    mine, other = await shop.player(), await shop.player()
    action = NextAction(kind="redirect", url="https://pay.example/1")
    shop.script.on_create = Outcome(status=OutcomeStatus.PENDING, next_action=action)
    body = {"packId": shop.pack, "currency": "EUR", "provider": "scripted"}
    async with await web.player(mine) as me, await web.player(other) as them:
        bought = await me.post("/v1/payments", json=body, headers=keyed())
        assert bought.status_code == 201, bought.text
        payment = bought.json()
        assert payment["state"] == "requires_action"
        assert payment["nextAction"]["url"] == "https://pay.example/1"
        path = f"/v1/payments/{payment['id']}"
        assert (await me.get(path)).status_code == 200
        assert (await them.get(path)).status_code == 404
        assert (await them.post(f"{path}/cancel")).status_code == 404
        assert (await them.get("/v1/payments")).json()["items"] == []
        foreign = await them.post("/v1/payments", json={**body, "playerId": mine}, headers=keyed())
        assert foreign.status_code == 404
        assert (await me.post(f"{path}/refunds", json={}, headers=keyed())).status_code == 403
        canceled = await me.post(f"{path}/cancel")
        assert (canceled.status_code, canceled.json()["state"]) == (200, "canceled")


@pytest.mark.parametrize(
    ("signed", "named", "price"),
    [
        (None, None, "4.99"),
        ("TR", None, "1.00"),
        ("TR", "TR", "1.00"),
        ("DE", None, "4.99"),
    ],
)
async def test_a_player_pays_the_price_of_the_country_in_its_token(
    web: Web, signed: str | None, named: str | None, price: str
):
    pack = await web.shop.save(prices=(Price(499, "EUR"), Price(100, "EUR", "TR")))
    body = {"packId": pack.id, "currency": "EUR", "provider": "scripted", "country": named}
    async with await web.player(await web.shop.player(), signed) as me:
        bought = await me.post("/v1/payments", json=body, headers=keyed())
    assert bought.status_code == 201, bought.text
    assert bought.json()["amount"] == {"amount": price, "currency": "EUR"}
    (request,) = web.shop.script.requests
    assert request.amount_minor == int(price.replace(".", ""))


@pytest.mark.parametrize("signed", [None, "DE"])
async def test_a_player_cannot_name_another_country(web: Web, signed: str | None):
    pack = await web.shop.save(prices=(Price(499, "EUR"), Price(100, "EUR", "TR")))
    body = {"packId": pack.id, "currency": "EUR", "provider": "scripted", "country": "TR"}
    async with await web.player(await web.shop.player(), signed) as me:
        answer = await me.post("/v1/payments", json=body, headers=keyed())
    assert answer.status_code == 403, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == ("country_not_allowed", "country")
    assert await web.shop.kinds() == []
    assert web.shop.script.requests == []


async def test_a_machine_names_any_country(web: Web):
    pack = await web.shop.save(prices=(Price(499, "EUR"), Price(100, "EUR", "TR")))
    body = {
        "packId": pack.id, "currency": "EUR", "provider": "scripted",
        "playerId": await web.shop.player(), "country": "TR",
    }  # fmt: skip
    async with await web.machine() as server:
        bought = await server.post("/v1/payments", json=body, headers=keyed())
    assert bought.json()["amount"] == {"amount": "1.00", "currency": "EUR"}


async def test_an_unknown_outcome_is_202_with_advice(web: Web):
    web.shop.script.on_create = Lost()
    player = await web.shop.player()
    async with await web.player(player) as me:
        body = {"packId": web.shop.pack, "currency": "EUR", "provider": "scripted"}
        bought = await me.post("/v1/payments", json=body, headers=keyed())
        assert bought.status_code == 202
        assert bought.json()["state"] == "unknown"
        assert "do not pay twice" in bought.json()["advice"]
        shop = web.shop
        (attempt,) = shop.script.requests
        shop.script.stands[attempt.attempt_id] = Outcome(
            status=OutcomeStatus.PROCESSED, amount_minor=499, currency="EUR", reference="pi_1"
        )
        read = await me.get(f"/v1/payments/{bought.json()['id']}")
        assert read.json()["state"] == "credited"


async def test_a_declined_payment_is_tried_again_with_another_method(web: Web):
    web.shop.script.on_create = DECLINED
    async with await web.player(await web.shop.player()) as me:
        body = {"packId": web.shop.pack, "currency": "EUR", "provider": "scripted"}
        bought = (await me.post("/v1/payments", json=body, headers=keyed())).json()
        assert (bought["state"], bought["problem"]) == ("requires_payment_method", "declined")
        assert bought["problemDetail"].startswith("The payment was declined. Nothing was charged.")
        assert [one["code"] for one in bought["attempts"]] == ["declined"]
        web.shop.script.on_create = None
        path = f"/v1/payments/{bought['id']}/attempts"
        key = keyed()
        again = await me.post(path, json={"method": "other"}, headers=key)
        assert (again.status_code, again.json()["state"]) == (201, "credited")
        same = await me.post(path, json={"method": "other"}, headers=key)
        assert same.json() == again.json()
        assert len(web.shop.script.requests) == 2
        over = await me.post(path, json={}, headers=keyed())
        assert (over.status_code, over.json()["code"]) == (409, "payment_not_retryable")


async def test_a_player_reads_of_suspected_fraud_what_is_read_of_any_decline(web: Web):
    told = []
    for outcome in (DECLINED, STOLEN):
        web.shop.script.on_create = outcome
        async with await web.player(await web.shop.player()) as me, await web.machine() as server:
            body = {"packId": web.shop.pack, "currency": "EUR", "provider": "scripted"}
            bought = (await me.post("/v1/payments", json=body, headers=keyed())).json()
            path = f"/v1/payments/{bought['id']}"
            assert (await me.get(path)).json() == bought
            codes = [one["code"] for one in bought["attempts"]]
            told.append((bought["problem"], bought["problemDetail"], codes))
            read = (await server.get(path)).json()
    assert told[0] == told[1] == ("declined", told[0][1], ["declined"])
    assert read["problem"] == "fraud_suspected"
    assert [one["code"] for one in read["attempts"]] == ["stolen_card"]


async def test_the_fixed_endpoint_names_the_problem_and_no_word_of_a_bank(web: Web):
    told = []
    for outcome in (DECLINED, STOLEN, EMPTY):
        web.shop.script.on_create = outcome
        async with await web.player(await web.shop.player()) as me:
            body = {"amount": 500, "currency": "GEM", "paymentMethod": "scripted"}
            refused = await me.post("/wallet/buy", json=body)
            assert (refused.status_code, refused.json()["code"]) == (402, "payment_declined")
            told.append(refused.json()["detail"].partition(" did not go through")[2])
    after = ". Nothing was bought: try another payment method."
    assert told == [f" ({one}){after}" for one in ("declined", "declined", "insufficient_funds")]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"packId": "pack_none"}, 422, "unknown_pack"),
        ({"currency": "USD"}, 422, "pack_not_for_sale_in_currency"),
        ({"currency": "eur"}, 422, "invalid_value"),
        ({"country": "ZZ"}, 422, "unknown_country"),
        ({"provider": "paypal"}, 422, "unknown_provider"),
        ({"playerId": "player_none"}, 404, "unknown_player"),
        ({"coins": 7}, 422, "amount_out_of_range"),
        ({"coins": 0}, 422, "out_of_range"),
        ({"coins": 1.5}, 422, "wrong_type"),
        ({"coins": 2**60}, 422, "out_of_range"),
        ({"more": 1}, 422, "unknown_field"),
        ({"returnUrl": "javascript:alert(1)"}, 422, "invalid_value"),
        ({"packId": "a\x00b"}, 422, "invalid_value"),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    web: Web, change: dict[str, object], status: int, code: str
):
    player = await web.shop.player()
    body = {"packId": web.shop.pack, "currency": "EUR", "provider": "scripted", "playerId": player}
    async with await web.machine() as server:
        answer = await server.post("/v1/payments", json={**body, **change}, headers=keyed())
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await web.shop.kinds() == []


async def test_a_payment_needs_its_key_and_a_machine_its_scope(web: Web):
    body = {"packId": web.shop.pack, "currency": "EUR", "provider": "scripted"}
    async with await web.machine("payments:read") as server:
        answer = await server.post("/v1/payments", json=body, headers=keyed())
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with await web.player(await web.shop.player()) as me:
        answer = await me.post("/v1/payments", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


async def test_providers_are_configured_and_their_secrets_never_shown(web: Web):
    async with await web.machine() as server:
        path = "/v1/providers/scripted"
        saved = await server.put(path, json={"settings": {"secret": "deep-secret", "shop": "a"}})
        assert saved.status_code == 200, saved.text
        assert saved.json()["settings"] == {"shop": "a"}
        assert saved.json()["secretsSet"] == ["secret"]
        kept = await server.put(path, json={"settings": {"shop": "b"}})
        assert kept.json()["secretsSet"] == ["secret"]
        for answer in (await server.get(path), await server.get("/v1/providers")):
            assert answer.status_code == 200
            assert "deep-secret" not in answer.text
        wrong = await server.put(path, json={"settings": {"secret": "x", "shop": "b"}})
        assert (wrong.json()["code"], wrong.json()["field"]) == (
            "invalid_settings", "settings.secret",
        )  # fmt: skip
        extra = await server.put(path, json={"settings": {"colour": 1}})
        assert extra.json()["code"] == "invalid_settings"
        assert (await server.put("/v1/providers/none", json={"settings": {}})).status_code == 422
        plugins = (await server.get("/v1/plugins")).json()["items"]
        assert [(one["id"], one["problem"]) for one in plugins] == [("scripted", None)]
    async with web.shop.house.db.begin(web.shop.tenant.schema) as tx:
        row = await tx.driver.fetchrow("SELECT settings, sealed FROM payments_provider")
    assert b"deep-secret" not in row["sealed"]
    assert "deep-secret" not in row["settings"]


async def test_a_provider_that_is_switched_off_takes_no_new_payments(web: Web):
    player = await web.shop.player()
    web.shop.script.on_create = PENDING
    intent = await web.shop.buy(player)
    async with await web.machine() as server:
        await server.put("/v1/providers/scripted", json={"settings": {}, "enabled": False})
        body = {
            "packId": web.shop.pack, "currency": "EUR", "provider": "scripted", "playerId": player,
        }  # fmt: skip
        answer = await server.post("/v1/payments", json=body, headers=keyed())
        assert answer.json()["code"] == "unknown_provider"
    (attempt,) = (await web.shop.dossier(intent)).attempts
    web.shop.script.stands[attempt.id] = Outcome(
        status=OutcomeStatus.PROCESSED, amount_minor=499, currency="EUR"
    )
    await web.shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await web.shop.state(intent) == "credited"


async def test_webhooks_are_believed_by_signature_alone_and_kept_once(web: Web):
    event = ProviderEvent(external_id="evt_1", kind=EventKind.IGNORED)
    raw = msgspec.json.encode(event)
    path = f"/v1/webhooks/{web.shop.tenant.slug}/scripted"
    async with web.client() as provider:
        forged = await provider.post(path, content=raw, headers={"x-sign": "no"})
        assert (forged.status_code, forged.json()["code"]) == (400, "bad_signature")
        good = {"x-sign": SECRET}
        first = await provider.post(path, content=raw, headers=good)
        second = await provider.post(path, content=raw, headers=good)
        assert (first.status_code, first.json()["duplicate"]) == (200, False)
        assert (second.status_code, second.json()["duplicate"]) == (200, True)
        for elsewhere in (f"{path}x", "/v1/webhooks/nobody/scripted"):
            answer = await provider.post(elsewhere, content=raw, headers=good)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        large = await provider.post(path, content=b"x" * 300_000, headers=good)
        assert large.status_code == 413
    await web.shop.payments.drain()
    async with web.shop.house.db.begin(web.shop.tenant.schema) as tx:
        rows = await tx.driver.fetch("SELECT external_id, body FROM payments_webhook")
    assert [(row["external_id"], row["body"]) for row in rows] == [("evt_1", b"")]


@pytest.mark.parametrize("event", [{"external_id": "evt\x00"}, {"external_id": ""}])
async def test_an_event_that_cannot_be_stored_is_refused(web: Web, event: dict[str, str]):
    raw = msgspec.json.encode({"kind": "ignored", **event})
    path = f"/v1/webhooks/{web.shop.tenant.slug}/scripted"
    async with web.client() as provider:
        answer = await provider.post(path, content=raw, headers={"x-sign": SECRET})
    assert answer.status_code == 400, answer.text


async def test_ids_that_no_one_made_are_not_found(web: Web):
    async with await web.machine() as server:
        for id_ in ("nope", "pay_%00", "pay_01m7yvaesse7jtknp3bwgn7vvn", "%F0%9F%92%8E"):
            for path in (
                f"/v1/payments/{id_}",
                f"/v1/payments/{id_}/refunds",
                f"/v1/refunds/{id_}",
            ):
                answer = await server.get(path)
                assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
            for path, body in (("cancel", None), ("attempts", {}), ("refunds", {})):
                answer = await server.post(f"/v1/payments/{id_}/{path}", json=body, headers=keyed())
                assert answer.status_code == 404, path
            answer = await server.get(f"/v1/packs/{id_}")
            assert answer.status_code == 404
    async with web.client() as provider:
        answer = await provider.post("/v1/webhooks/a%00b/scripted", content=b"{}")
        assert answer.status_code == 404
