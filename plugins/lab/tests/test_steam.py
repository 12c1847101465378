"""Steam at the lab goes as Valve's pages say: begun, approved, ended, given back, reported."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
from tests.servers.lab import LabServer

from guildbank_lab.effects import KNOWN

GAMER = "76561197972751825"


class Publisher:
    """Somebody who sells items of a game, and whoever else has a part in it."""

    def __init__(self, lab: LabServer) -> None:
        self.lab = lab
        self.settings = lab.open_steam()
        self.http = httpx.AsyncClient(
            base_url=f"{lab.url}/ISteamMicroTxnSandbox", trust_env=False,
            headers={"x-webapi-key": self.settings["publisher_key"]}, timeout=10,
        )  # fmt: skip
        self._numbers = count(int(self.settings["app_id"]) * 1_000)

    async def get(self, verb: str, **query: object) -> httpx.Response:
        wanted = {"appid": self.settings["app_id"], **{k: str(v) for k, v in query.items()}}
        return await self.http.get(f"/{verb}/", params=wanted)

    async def post(self, verb: str, **form: object) -> httpx.Response:
        wanted = {"appid": self.settings["app_id"], **{k: str(v) for k, v in form.items()}}
        return await self.http.post(f"/{verb}/", data=wanted)

    async def begin(self, order: str | None = None, **changes: object) -> httpx.Response:
        form: dict[str, object] = {
            "orderid": order or next(self._numbers), "steamid": GAMER, "itemcount": 1,
            "language": "en", "currency": "EUR", "itemid[0]": 100, "qty[0]": 1,
            "amount[0]": 499, "description[0]": "Chest <b>",
        }  # fmt: skip
        return await self.post("InitTxn/v3", **{**form, **changes})

    async def approved(self) -> str:
        order = str(params(await self.begin())["orderid"])
        await self.at_lab("approve", order=order)
        return order

    async def paid(self) -> str:
        order = await self.approved()
        params(await self.post("FinalizeTxn/v2", orderid=order))
        return order

    async def show(self, order: str) -> dict[str, Any]:
        return params(await self.get("QueryTxn/v3", orderid=order))

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        return await asyncio.to_thread(lambda: self.lab.do(f"/lab/steam/{path}", **body))

    async def turn(self, order: str, at: str, effect: str) -> None:
        await asyncio.to_thread(self.lab.turn, order, at, effect)


def params(answer: httpx.Response) -> dict[str, Any]:
    response = answer.json()["response"]
    assert response["result"] == "OK", answer.text
    return dict(response["params"])


def code(answer: httpx.Response) -> int:
    response = answer.json()["response"]
    assert (answer.status_code, response["result"]) == (200, "Failure"), answer.text
    return int(response["error"]["errorcode"])


@pytest.fixture
async def publisher(lab: LabServer) -> AsyncIterator[Publisher]:
    one = await asyncio.to_thread(Publisher, lab)
    yield one
    await one.http.aclose()


async def test_an_order_waits_for_the_player_then_for_its_end(publisher: Publisher) -> None:
    made = params(await publisher.begin("4711"))
    assert made["orderid"] == "4711"
    assert "steamurl" not in made
    assert code(await publisher.post("FinalizeTxn/v2", orderid="4711")) == 5
    heard = await publisher.at_lab("approve", order="4711")
    assert heard == {"order_id": "4711", "authorized": "1"}
    assert (await publisher.show("4711"))["status"] == "Approved"
    params(await publisher.post("FinalizeTxn/v2", orderid="4711"))
    shown = await publisher.show("4711")
    assert (shown["status"], shown["transid"]) == ("Succeeded", made["transid"])
    assert shown["items"] == [
        {"itemid": 100, "qty": 1, "amount": 499, "vat": 0, "itemstatus": "Succeeded"}
    ]
    assert code(await publisher.post("FinalizeTxn/v2", orderid="4711")) == 6
    by_steams = params(await publisher.get("QueryTxn/v3", transid=made["transid"]))
    assert by_steams == shown


async def test_who_says_no_pays_nothing(publisher: Publisher) -> None:
    order = str(params(await publisher.begin())["orderid"])
    assert (await publisher.at_lab("deny", order=order))["authorized"] == "0"
    assert code(await publisher.post("FinalizeTxn/v2", orderid=order)) == 10
    await publisher.at_lab("approve", order=order)
    assert (await publisher.show(order))["status"] == "Failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"orderid": "0x7"}, {"steamid": ""}, {"currency": "SEK"}, {"amount[0]": 0},
        {"amount[0]": "-1"}, {"currency": "UAH", "amount[0]": 1050}, {"itemid[0]": 2**32},
        {"description[0]": "x" * 129}, {"usersession": "web"}, {"orderid": 2**64},
    ],
)  # fmt: skip
async def test_what_steam_does_not_take_makes_no_order(
    changes: dict[str, object], publisher: Publisher
) -> None:
    assert code(await publisher.begin(None, **changes)) == 3


async def test_an_order_s_number_is_taken_once(publisher: Publisher) -> None:
    params(await publisher.begin("77"))
    assert code(await publisher.begin("77")) == 3


async def test_a_stranger_s_key_gets_nothing(publisher: Publisher) -> None:
    order = await publisher.paid()
    publisher.http.headers["x-webapi-key"] = "0" * 32
    for answer in (
        await publisher.get("QueryTxn/v3", orderid=order),
        await publisher.post("RefundTxn/v2", orderid=order),
        await publisher.get("GetReport/v5", time="2026-01-01T00:00:00Z"),
    ):
        assert answer.status_code == 403


async def test_another_game_does_not_see_the_order(lab: LabServer, publisher: Publisher) -> None:
    order = await publisher.paid()
    other = await asyncio.to_thread(Publisher, lab)
    assert code(await other.get("QueryTxn/v3", orderid=order)) == 3
    report = params(await other.get("GetReport/v5", time="2026-01-01T00:00:00Z"))
    assert report["orders"] == []
    await other.http.aclose()


async def test_a_refund_is_of_the_whole_and_once(publisher: Publisher) -> None:
    order = await publisher.paid()
    params(await publisher.post("RefundTxn/v2", orderid=order))
    assert (await publisher.show(order))["status"] == "Refunded"
    assert code(await publisher.post("RefundTxn/v2", orderid=order)) == 2


async def test_a_report_lists_what_ended_from_its_time_on(publisher: Publisher) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    orders = [await publisher.paid() for _ in range(3)]
    await publisher.begin()
    await publisher.at_lab("reverse", order=orders[1], status="Chargedback")
    report = params(await publisher.get("GetReport/v5", time=before, type="GAMESALES"))
    assert report["count"] == 3
    assert {one["orderid"]: one["status"] for one in report["orders"]} == {
        orders[0]: "Succeeded", orders[1]: "Chargedback", orders[2]: "Succeeded",
    }  # fmt: skip
    back = params(await publisher.get("GetReport/v5", time=before, type="CHARGEBACK"))
    assert [one["orderid"] for one in back["orders"]] == [orders[1]]
    few = params(await publisher.get("GetReport/v5", time=before, maxresults=2))
    assert few["count"] == 2
    assert code(await publisher.get("GetReport/v5", time="yesterday")) == 3


async def test_a_part_that_goes_back_shows_as_an_item(publisher: Publisher) -> None:
    order = await publisher.paid()
    shown = await publisher.at_lab("reverse", order=order, status="PartialRefund", part=199)
    assert [(one["amount"], one["itemstatus"]) for one in shown["items"]] == [
        (199, "Refunded"), (300, "Succeeded"),
    ]  # fmt: skip
    rest = await publisher.at_lab("reverse", order=order, status="Refunded")
    assert {one["itemstatus"] for one in rest["items"]} == {"Refunded"}


async def test_switches_do_what_they_say_once(publisher: Publisher) -> None:
    order = await publisher.approved()
    await publisher.turn(order, "capture", "ERROR_104")
    assert code(await publisher.post("FinalizeTxn/v2", orderid=order)) == 104
    await publisher.turn(order, "capture", "error_before")
    assert (await publisher.post("FinalizeTxn/v2", orderid=order)).status_code == 500
    assert (await publisher.show(order))["status"] == "Approved"
    await publisher.turn(order, "capture", "error_after")
    assert (await publisher.post("FinalizeTxn/v2", orderid=order)).status_code == 500
    assert (await publisher.show(order))["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("effect", "amount", "vat"), [("SALES_TAX", 499, 44), ("VAT_INCLUDED", 457, 42)]
)
async def test_taxes_come_on_top_or_within(
    effect: str, amount: int, vat: int, publisher: Publisher
) -> None:
    order = await publisher.approved()
    await publisher.turn(order, "capture", effect)
    params(await publisher.post("FinalizeTxn/v2", orderid=order))
    (item,) = (await publisher.show(order))["items"]
    assert (item["amount"], item["vat"]) == (amount, vat)


async def test_the_page_lets_a_player_decide_and_nothing_of_the_shop_run(
    publisher: Publisher,
) -> None:
    made = params(await publisher.begin(None, usersession="web", ipaddress="203.0.113.7"))
    page = await publisher.http.get(f"{made['steamurl']}?returnurl=http%3A%2F%2Flocalhost%2Fback")
    assert "Chest &lt;b&gt;" in page.text
    assert "4.99" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    form = {"choice": "approve", "returnurl": "http://localhost/back"}
    done = await publisher.http.post(made["steamurl"], data=form)
    assert (done.status_code, done.headers["location"]) == (303, "http://localhost/back")
    assert (await publisher.show(made["orderid"]))["status"] == "Approved"
    strange = {"choice": "approve", "returnurl": "javascript:alert(1)"}
    stays = await publisher.http.post(made["steamurl"], data=strange)
    assert stays.status_code == 200


async def test_wallets_are_told(publisher: Publisher) -> None:
    told = params(await publisher.get("GetUserInfo/v2", steamid=GAMER))
    assert (told["currency"], told["status"]) == ("EUR", "Active")
    other = "76561197000000001"
    locked = "Locked from purchasing"
    await publisher.at_lab("wallets", steam_id=other, currency="JPY", country="JP", status=locked)
    told = params(await publisher.get("GetUserInfo/v2", steamid=other))
    assert (told["currency"], told["country"], told["status"]) == ("JPY", "JP", locked)


# https://partner.steamgames.com/doc/features/microtransactions/implementation#error_codes
CODES = {*range(2, 17), *range(100, 107)}


def test_it_refuses_by_valves_codes_and_one_that_is_nobodys() -> None:
    words = {f"ERROR_{code}" for code in (*CODES, 999)}
    for at in ("user", "create", "get", "refund", "report"):
        assert KNOWN["steam"][at] == words
    assert {word for word in KNOWN["steam"]["capture"] if word.startswith("ERROR_")} == words
