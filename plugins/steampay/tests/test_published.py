"""Valve's own examples are read as Valve means them.

They stand at https://partner.steamgames.com/doc/webapi/ISteamMicroTxn ; those in XML are written
here in JSON, in which Steam answers unless it is asked for XML.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Confirmation,
    Context,
    Decline,
    EventKind,
    HttpAnswer,
    Method,
    OutcomeStatus,
    Payer,
    PaymentRequest,
)
from guildbank_steampay.errors import TABLE, row_of
from guildbank_steampay.orders import order_id_of
from guildbank_steampay.plugin import SteamWalletProvider

REPORT = {
    "response": {
        "result": "OK",
        "params": {
            "count": 4,
            "orders": [
                {
                    "orderid": "1233", "transid": "1234567890123456788",
                    "steamid": "76561197972751825", "status": "PartialRefund", "currency": "USD",
                    "time": "2024-01-23T18:30:00Z", "country": "US", "usstate": "WA",
                    "timecreated": "2024-01-23T18:15:00Z",
                    "items": [
                        {"itemid": 100, "qty": 1, "amount": 99, "vat": 9, "itemstatus": "Refunded"},
                        {"itemid": 101, "qty": 1, "amount": 1299, "vat": 116,
                         "itemstatus": "Succeeded"},
                    ],
                },
                {
                    "orderid": "1234", "transid": "1234567890123456789",
                    "steamid": "76561197972751825", "status": "Failed", "currency": "USD",
                    "time": "2024-01-23T18:40:30Z", "country": "US", "usstate": "WA",
                    "timecreated": "2024-01-23T18:39:00Z",
                    "items": [
                        {"itemid": 100, "qty": 1, "amount": 99, "vat": 9, "itemstatus": "Failed"},
                    ],
                },
                {
                    "orderid": "1235", "transid": "1234567890123456790",
                    "steamid": "76561197972751825", "status": "Succeeded", "currency": "USD",
                    "time": "2024-01-23T18:40:40Z", "country": "US", "usstate": "WA",
                    "timecreated": "2024-01-23T18:39:30Z",
                    "items": [
                        {"itemid": 101, "qty": 1, "amount": 1299, "vat": 116,
                         "itemstatus": "Succeeded"},
                    ],
                },
                {
                    "orderid": "1236", "transid": "1234567890123456791",
                    "steamid": "76561197972751825", "status": "Chargedback", "currency": "USD",
                    "time": "2024-01-23T19:55:00Z", "country": "US", "usstate": "WA",
                    "timecreated": "2024-01-23T18:40:00Z",
                    "items": [
                        {"itemid": 102, "qty": 1, "amount": 999, "vat": 89,
                         "itemstatus": "Chargedback"},
                    ],
                },
            ],
        },
    }
}  # fmt: skip
USER = {"response": {"result": "OK", "params": {"state": "WA", "country": "US", "currency": "USD"}}}
NOT_ALLOWED = {
    "response": {
        "result": "Failure",
        "params": {"orderid": "938474"},
        "error": {"errorcode": "1001", "errordesc": "Action not allowed"},
    }
}


class Answers:
    """Answers each verb with what is written for it, and remembers what was asked."""

    def __init__(self, **by_verb: Any) -> None:
        self.by_verb = by_verb
        self.asked: list[tuple[str, str, str, Mapping[str, str]]] = []

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        self.asked.append((method, url, (body or b"").decode(), headers or {}))
        answer = self.by_verb[url.split("/")[4]]
        return HttpAnswer(status=200, headers={}, body=msgspec.json.encode(answer))


def context(http: Answers, mode: str = "live") -> Context:
    return Context(
        tenant="moonlit",
        mode=mode,
        settings={"publisher_key": "ab" * 16, "app_id": "480"},
        now=datetime.now(UTC),
        webhook_url="https://shop.example/v1/webhooks/moonlit/steam_wallet",
        http=http,
    )


def request(method: str | None = None, amount: int = 999) -> PaymentRequest:
    attempt = new_id("att")
    return PaymentRequest(
        attempt_id=attempt, idempotency_key=f"{attempt}:create:1", amount_minor=amount,
        currency="USD", description="Chest of gems", player_id=new_id("player"), method=method,
        return_url="https://game.example/shop?a=1",
        payer=Payer(subject="76561197972751825", address="203.0.113.7"),
    )  # fmt: skip


def shown(wanted: PaymentRequest, **changes: Any) -> Any:
    """Return the example of QueryTxn as it would be of this request."""
    order = {
        "orderid": order_id_of(wanted.attempt_id), "transid": "374839", "steamid": "48392063",
        "status": "Succeeded", "currency": "USD", "time": "2010-01-01T00:23:45Z",
        "items": [{"itemid": wanted.amount_minor, "qty": 1, "amount": 999, "vat": 0,
                   "itemstatus": "Succeeded"}],
    }  # fmt: skip
    return {"response": {"result": "OK", "params": {**order, **changes}}}


async def test_the_example_of_a_report_tells_of_a_chargeback_and_of_no_cart_of_others() -> None:
    http = Answers(GetReport=REPORT)
    since = datetime(2024, 1, 23, tzinfo=UTC)
    page = await SteamWalletProvider().report(context(http), since, None)
    (event,) = page.events
    assert (event.kind, event.payment_reference) == (EventKind.DISPUTE_LOST, "1236")
    method, url, _, _ = http.asked[0]
    assert method == "GET"
    assert url.startswith("https://partner.steam-api.com/ISteamMicroTxn/GetReport/v5/?")
    assert "time=2024-01-22T23%3A45%3A00Z" in url
    assert page.more


async def test_the_example_of_a_report_is_lines_to_hold_the_books_against() -> None:
    http = Answers(GetReport=REPORT)
    since, until = datetime(2024, 1, 23, tzinfo=UTC), datetime(2024, 1, 24, tzinfo=UTC)
    page = await SteamWalletProvider().settlements(context(http), since, until, None)
    told = {(one.transaction, one.kind.value, one.gross_minor) for one in page.lines}
    assert {name for name, kind, _ in told if kind == "capture"} >= {"1235/sold", "1236/sold"}
    assert ("1236/charged_back", "dispute") in {(name, kind) for name, kind, _ in told}
    # The order that failed moved nothing.
    assert not any(name.startswith("1234/") for name, _, _ in told)
    assert page.next is not None


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [("2010-01-01T00:30:00Z", []), ("2010-02-01T00:00:00Z", [EventKind.DISPUTE_TAKEN_BACK])],
    ids=["sold", "charged back and not any more"],
)
async def test_a_paid_order_that_changed_long_after_its_sale_was_charged_back(
    changed: str, kinds: list[EventKind]
) -> None:
    order = shown(request(), time=changed, timecreated="2010-01-01T00:20:00Z")
    line = order["response"]["params"]
    http = Answers(GetReport={"response": {"result": "OK", "params": {"orders": [line]}}})
    page = await SteamWalletProvider().report(context(http), datetime(2010, 1, 1, tzinfo=UTC), None)
    assert [event.kind for event in page.events] == kinds


async def test_a_code_that_valve_does_not_document_is_no_decline() -> None:
    gone = {"response": {"result": "Failure", "params": {}, "error": {"errorcode": 3}}}
    http = Answers(GetUserInfo=USER, InitTxn=NOT_ALLOWED, QueryTxn=gone)
    with pytest.raises(RuntimeError, match="error_1001"):
        await SteamWalletProvider().create_payment(context(http), request())


async def test_an_order_is_asked_for_as_the_page_on_inittxn_says() -> None:
    made = {"response": {"result": "OK", "params": {"orderid": "938473", "transid": "374839"}}}
    http, wanted = Answers(GetUserInfo=USER, InitTxn=made), request()
    said = await SteamWalletProvider().create_payment(context(http), wanted)
    assert said.status is OutcomeStatus.PENDING
    assert said.next_action is not None
    assert said.next_action.kind == "steam_overlay"
    order = order_id_of(wanted.attempt_id)
    assert said.next_action.details == {"orderId": order, "transactionId": "374839"}
    method, url, body, headers = http.asked[1]
    assert (method, url) == ("POST", "https://partner.steam-api.com/ISteamMicroTxn/InitTxn/v3/")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    for part in (
        f"orderid={order}", "steamid=76561197972751825", "appid=480", "itemcount=1",
        "language=en", "currency=USD", "usersession=client", "qty%5B0%5D=1", "amount%5B0%5D=999",
        "description%5B0%5D=Chest+of+gems",
    ):  # fmt: skip
        assert part in body.split("&")
    assert not any("ab" * 16 in url + body for _, url, body, _ in http.asked)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (
            "https://store.steampowered.com/checkout/approvetxn/1/?returnurl=",
            "https://store.steampowered.com/checkout/approvetxn/1/"
            "?returnurl=https%3A%2F%2Fgame.example%2Fshop%3Fa%3D1",
        ),
        (
            "https://checkout.steampowered.com/checkout/approvetxn/1/",
            "https://checkout.steampowered.com/checkout/approvetxn/1/"
            "?returnurl=https%3A%2F%2Fgame.example%2Fshop%3Fa%3D1",
        ),
    ],
)
async def test_the_web_leads_to_steam_s_page_and_back(url: str, page: str) -> None:
    params = {"orderid": "1", "transid": "374839", "steamurl": url}
    http = Answers(GetUserInfo=USER, InitTxn={"response": {"result": "OK", "params": params}})
    said = await SteamWalletProvider().create_payment(context(http), request("web"))
    assert said.next_action is not None
    assert (said.next_action.kind, said.next_action.url) == ("redirect", page)
    assert "ipaddress=203.0.113.7" in http.asked[1][2]


async def test_a_page_that_is_not_steam_s_is_not_shown_to_the_player() -> None:
    params = {"orderid": "1", "transid": "2", "steamurl": "https://steampowered.com.evil.example/"}
    http = Answers(GetUserInfo=USER, InitTxn={"response": {"result": "OK", "params": params}})
    with pytest.raises(RuntimeError, match="no page of its own"):
        await SteamWalletProvider().create_payment(context(http), request("web"))


async def test_a_test_tenant_reaches_the_sandbox_and_nothing_else() -> None:
    http = Answers(GetReport={"response": {"result": "OK", "params": {"count": 0, "orders": []}}})
    said = await SteamWalletProvider().test_connection(context(http, "test"))
    assert "ISteamMicroTxnSandbox" in said
    assert http.asked[0][1].startswith("https://partner.steam-api.com/ISteamMicroTxnSandbox/")


async def test_a_live_tenant_s_lab_is_refused() -> None:
    live = context(Answers())
    live = msgspec.structs.replace(live, settings={**live.settings, "lab_url": "http://127.0.0.1"})
    with pytest.raises(ValueError, match="test mode"):
        await SteamWalletProvider().create_payment(live, request())


@pytest.mark.parametrize(
    ("items", "currency", "says"),
    [
        ([(999, 0)], "USD", 999),
        ([(999, 89)], "USD", 999),  # a sales tax on top
        ([(840, 159)], "USD", 999),  # a value-added tax within
        ([(500, 0)], "USD", 500),
        ([(840, 100)], "USD", 940),
        ([(999, 0)], "GBP", 999),
    ],
)
async def test_what_was_paid_is_held_against_the_price(
    items: list[tuple[int, int]], currency: str, says: int
) -> None:
    wanted = request()
    lines = [{"itemid": 999, "qty": 1, "amount": net, "vat": vat} for net, vat in items]
    http = Answers(QueryTxn=shown(wanted, items=lines, currency=currency))
    said = await SteamWalletProvider().fetch_payment(context(http), wanted.attempt_id, None)
    assert said.status is OutcomeStatus.PROCESSED
    assert (said.amount_minor, said.currency) == (says, currency)


async def test_a_wallet_in_another_currency_is_not_asked_to_pay() -> None:
    user = {"response": {"result": "OK", "params": {"country": "GB", "currency": "GBP"}}}
    gone = {"response": {"result": "Failure", "error": {"errorcode": 3}}}
    http = Answers(GetUserInfo=user, QueryTxn=gone)
    said = await SteamWalletProvider().create_payment(context(http), request())
    assert (said.status, said.decline) == (OutcomeStatus.DECLINED, Decline.CURRENCY_NOT_SUPPORTED)
    assert "GBP" in (said.message or "")


@pytest.mark.parametrize("status", ["Init", "Failed", "Succeeded", "Refunded", "Reviewed"])
async def test_only_an_approved_order_is_ever_finished(status: str) -> None:
    wanted = request()
    http = Answers(QueryTxn=shown(wanted, status=status))
    heard = {"order_id": order_id_of(wanted.attempt_id), "authorized": "1"}
    given = Confirmation(request=wanted, reference=heard["order_id"], data=heard, by="buyer")
    await SteamWalletProvider().confirm(context(http), given)
    assert [url.split("/")[4] for _, url, _, _ in http.asked] == ["QueryTxn"]


async def test_another_order_than_the_one_asked_for_is_not_believed() -> None:
    wanted = request()
    http = Answers(QueryTxn=shown(wanted, orderid="7"))
    with pytest.raises(RuntimeError, match="another order"):
        await SteamWalletProvider().fetch_payment(context(http), wanted.attempt_id, None)


def test_an_attempt_has_one_number_and_no_two_have_the_same() -> None:
    attempts = [new_id("att") for _ in range(10_000)]
    numbers = {order_id_of(one) for one in attempts}
    assert numbers == {order_id_of(one) for one in attempts}
    assert len(numbers) == 10_000
    assert all(0 < int(one) < 2**63 for one in numbers)


def test_the_table_has_valves_codes_and_no_others() -> None:
    assert set(TABLE) == {*range(2, 17), *range(100, 107)}


def test_after_an_error_of_steams_own_nothing_is_certain() -> None:
    assert {code for code, row in TABLE.items() if row.decline is None} == {2, 4, 5, 6}
    assert row_of(999).decline is None


def test_of_suspected_fraud_a_player_is_told_no_more_than_no() -> None:
    assert TABLE[104].decline is Decline.FRAUD_SUSPECTED
