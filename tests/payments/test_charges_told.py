"""Players, operators and drafts see what a payment is charged, and what another draft would."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.charging import Charging, fee, sales_tax, vat
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web

from guildbank.kernel import Refusal, new_id
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.pipelines import Route, Stages, Step
from guildbank.pipelines.contracts import Share, Span, When
from guildbank.pipelines.usecases.dry_run import Replayed, dry_run
from guildbank.plugin_api import Charged, Veto


@pytest.fixture
def levy() -> Charging:
    return Charging()


@pytest.fixture
def far() -> Charging:
    """A step that asks a tax service, and so is not asked again in a dry run."""
    return Charging("far", egress_hosts=("taxes.example",))


@pytest.fixture
async def shop(house: House, levy: Charging, far: Charging) -> Shop:
    shop = await open_shop(house, plugins=(("vat", levy), ("far", far)))
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    return shop


async def run(shop: Shop, **slots: Any) -> list[Replayed]:
    found = await dry_run(shop.payments.pipelines, shop.tenant, "packs", Stages(**slots), 50)
    assert not isinstance(found, Refusal), found
    return found


async def test_a_payment_shows_its_lines_its_price_and_what_is_asked_in_all(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(30)))
    player = await shop.player()
    body = {"packId": shop.pack, "currency": "EUR", "provider": "scripted"}
    web = Web(shop)
    async with await web.player(player) as client:
        made = await client.post("/v1/payments", json=body, headers={"idempotency-key": "k"})
        assert made.status_code == 201, made.text
        read = await client.get(f"/v1/payments/{made.json()['id']}")
    assert read.json()["amount"] == {"amount": "5.29", "currency": "EUR"}
    assert read.json()["price"] == {"amount": "4.99", "currency": "EUR"}
    tax, service = read.json()["charges"]
    assert tax == {
        "kind": "tax", "label": "VAT", "amount": {"amount": "0.80", "currency": "EUR"},
        "included": True, "rate": "19", "of": "price", "step": "vat",
    }  # fmt: skip
    assert (service["kind"], service["rate"], service["included"]) == ("fee", None, False)
    async with await web.machine() as machine:
        refund = {"amount": {"amount": "2.00", "currency": "EUR"}}
        path = f"/v1/payments/{made.json()['id']}/refunds"
        back = await machine.post(path, json=refund, headers={"idempotency-key": "r"})
        assert back.json()["taxes"] == {"amount": "0.30", "currency": "EUR"}
        assert back.json()["fees"] == {"amount": "0.11", "currency": "EUR"}


async def test_a_quote_says_the_total_before_anything_is_made(shop: Shop, levy: Charging) -> None:
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(30)))
    player = await shop.player()
    body = {"packId": shop.pack, "currency": "EUR", "provider": "scripted"}
    web = Web(shop)
    async with await web.player(player) as client:
        told = await client.post("/v1/payments/quote", json=body)
        assert told.status_code == 200, told.text
        listed = await client.get("/v1/payments")
        none = await client.post("/v1/payments/quote", json={**body, "currency": "USD"})
        levy.says = lambda _: Veto(code="country_unknown", detail="Say where you are.")
        refused = await client.post("/v1/payments/quote", json=body)
    assert (told.json()["price"]["amount"], told.json()["amount"]["amount"]) == ("4.99", "5.29")
    assert [one["label"] for one in told.json()["charges"]] == ["VAT", "Service"]
    assert (listed.json()["items"], await shop.kinds()) == ([], [])
    assert none.json()["code"] == "pack_not_for_sale_in_currency"
    assert (refused.json()["code"], refused.json()["detail"]) == (
        "purchase_vetoed", "Say where you are.",
    )  # fmt: skip
    async with await web.machine() as machine:
        nobody = {**body, "playerId": new_id("player")}
        assert (await machine.post("/v1/payments/quote", json=nobody)).status_code == 404


async def test_the_timeline_tells_the_lines_without_the_words_of_plugins(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor), fee(30)))
    bought = await shop.buy(await shop.player())
    await shop.payments.drain()
    found = await read_timeline(shop.payments, shop.tenant, bought.id)
    assert not isinstance(found, Refusal)
    [check] = [one for one in found if one.kind == "check.passed"]
    assert (check.facts["step"], check.facts["slot"]) == ("vat", "charge")
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        entries = await tx.driver.fetch(
            "SELECT kind, data FROM journal_entry "
            "WHERE kind IN ('payments.created', 'payments.credited') ORDER BY seq"
        )
    created, credited = [row["data"] for row in entries]
    assert '"price":499' in created
    assert '"rate":"8.25"' in created
    assert "Sales tax" not in created
    assert '"taxes":41' in credited
    assert '"fees":30' in credited


async def test_a_dry_run_tells_the_difference_in_what_is_asked(shop: Shop, levy: Charging) -> None:
    await shop.buy(await shop.player())
    assert [one.changed for one in await run(shop, charges=(Step("vat", "vat"),))] == [()]
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor), fee(30)))
    [one] = await run(shop, charges=(Step("vat", "vat"),))
    assert one.changed == ("postings", "amount_minor", "charges")
    assert (one.before.amount_minor, one.after.amount_minor) == (499, 570)
    moved = {line.credit: line.amount for line in one.after.postings if line.asset == "EUR"}
    assert moved == {"house/backing": 499, "house/taxes": 41, "house/surcharges": 30}
    levy.says = lambda _: Veto(code="country_unknown", detail="Where?")
    [one] = await run(shop, charges=(Step("vat", "vat"),))
    assert (one.after.outcome, one.after.refused_by) == ("failed", "vat")


async def test_a_dry_run_takes_the_lines_of_then_of_who_asks_elsewhere(
    shop: Shop, far: Charging
) -> None:
    steps = (Step("far", "far"),)
    await shop.publish_stages(Stages(charges=steps))
    await shop.buy(await shop.player())
    far.seen.clear()
    assert [one.changed for one in await run(shop, charges=steps)] == [()]
    [one] = await run(shop, charges=(*steps, Step("again", "far")))
    assert one.unknown == ("again was never asked: it is taken to charge nothing",)
    assert far.seen == []


async def test_routes_go_by_the_price_also_when_it_is_tried_again(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda _: Charged(charges=(fee(400),))
    cheap = When(amounts=(Span("EUR", below_minor=500),))
    route = Route("cheap", (Share("scripted"),), cheap)
    await shop.publish_stages(Stages(charges=(Step("fee", "vat"),), routes=(route,)))
    shop.script.on_create = DECLINED
    waits = await shop.buy(await shop.player(), provider=None)
    assert waits.amount_minor == 899
    shop.script.on_create = None
    again = await shop.retry(waits)
    assert not isinstance(again, Refusal)
    assert again.state == "credited"


async def test_a_draft_over_http_charges_and_shows_it(shop: Shop) -> None:
    await shop.buy(await shop.player())
    step = {"id": "vat", "plugin": "vat", "settings": {}}
    async with await Web(shop).machine() as machine:
        sent = {"stages": {"charges": [step]}}
        saved = await machine.post(
            "/v1/pipelines/packs/revisions", json=sent, headers={"idempotency-key": "one"}
        )
        assert saved.status_code == 201, saved.text
        number = saved.json()["revision"]
        read = await machine.get(f"/v1/pipelines/packs/revisions/{number}")
        assert read.json()["stages"]["charges"] == [step]
        told = await machine.post("/v1/pipelines/packs/dry-run", json={"stages": {}})
        assert told.status_code == 422
        draft = {"stages": {"charges": [step, {**step, "id": "twice"}]}}
        told = await machine.post("/v1/pipelines/packs/dry-run", json=draft)
    [item] = told.json()["items"]
    assert item["changed"] == ["postings", "charges"]
    assert [one["amountMinor"] for one in item["after"]["charges"]] == [80, 67]
