"""A refund waits with its coins put aside, and its provider is asked only once it is agreed to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.approvals.office import Office, ask, decide, open_office, read, waits
from tests.payments.scripted import Scripted
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_approvals_refunds")
    plugins = [("scripted", Scripted())]
    async with open_city(url, tmp_path_factory.mktemp("refunds"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        yield office


async def bought(office: Office) -> str:
    """Let the player buy 500 coins for 4.99 EUR; return the payment's id."""
    http, studio = office.studio.http, office.studio
    settings = {"settings": {"secret": "shh-quiet"}, "enabled": True}
    done(await http.put("/v1/providers/scripted", json=settings))
    price = {"amount": "4.99", "currency": "EUR"}
    pack = {"name": "Chest", "currency": "GEM", "coins": 500, "prices": [{"price": price}]}
    sold = done(await studio.post("/v1/packs", pack))
    buy = {
        "packId": sold["id"], "playerId": office.player, "currency": "EUR", "provider": "scripted",
    }  # fmt: skip
    return str(done(await studio.post("/v1/payments", buy))["id"])


async def refund(office: Office, payment: str, amount: str, **more: Any) -> Any:
    body = {"amount": {"amount": amount, "currency": "EUR"}, **more}
    return await ask(office.olga.http, f"/v1/payments/{payment}/refunds", body)


async def refunds(office: Office, payment: str) -> list[dict[str, Any]]:
    path = f"/v1/payments/{payment}/refunds"
    found: list[dict[str, Any]] = done(await office.olga.http.get(path))["items"]
    return found


async def test_a_refund_waits_with_its_coins_held_and_is_then_paid(office: Office) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 199})
    asked = waits(await refund(office, payment, "2.00", reason="bought by the little brother"))
    assert asked["amounts"] == [{"asset": "EUR", "amount": 200}]
    assert asked["command"]["said"] == {"reason": "bought by the little brother"}
    wallet = await office.studio.wallet(office.player)
    assert (wallet["total"], wallet["available"]) == (500, 500 - 200)
    assert await refunds(office, payment) == []
    agreed = done(await decide(office.pavel, asked))
    (made,) = await refunds(office, payment)
    assert made["id"] == agreed["answer"]["id"]
    assert (made["state"], made["coins"]) == ("succeeded", 200)
    assert made["reason"] == "bought by the little brother"
    wallet = await office.studio.wallet(office.player)
    assert (wallet["total"], wallet["available"]) == (300, 300)
    assert done(await office.studio.http.get("/v1/proof"))["ok"]


async def test_small_refunds_of_a_day_add_up(office: Office) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 100})
    assert (await refund(office, payment, "0.60")).status_code == 201
    asked = waits(await refund(office, payment, "0.60"))
    done(await decide(office.pavel, asked, "reject", reason="once is enough"))
    assert (await read(office.olga, asked))["note"] == "once is enough"
    assert (await refund(office, payment, "0.40")).status_code == 201
    assert len(await refunds(office, payment)) == 2


async def test_coins_that_wait_for_one_refund_are_there_for_no_other(office: Office) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 199})
    asked = waits(await refund(office, payment, "4.99"))
    answer = await refund(office, payment, "1.00")
    assert refused(answer) == (422, "refund_exceeds_unspent")
    done(await decide(office.olga, asked, "cancel"))
    waits(await refund(office, payment, "4.99"))


async def test_a_refund_that_cannot_be_made_any_more_still_waits(office: Office) -> None:
    payment = await bought(office)
    await office.policy({"verb": "payments.refund", "asset": "EUR", "above": 199})
    first = waits(await refund(office, payment, "4.00"))
    second = waits(await refund(office, payment, "1.00"))
    done(await decide(office.pavel, first))
    assert refused(await decide(office.pavel, second)) == (422, "exceeds_refundable")
    assert (await read(office.olga, second))["state"] == "pending"
    assert len(await refunds(office, payment)) == 1
