"""Orders, captures and refunds at the lab's PayPal go as PayPal's pages say."""

import pytest
from plugins.lab.tests.merchant import MARK, Merchant, issue

DAY = 86_400


async def test_an_order_waits_for_the_player_then_for_the_capture(merchant: Merchant) -> None:
    order = await merchant.order()
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    (page,) = (link["href"] for link in order["links"] if link["rel"] == "payer-action")
    assert page == f"{merchant.lab.url}/checkoutnow?token={order['id']}"
    early = await merchant.capture(order["id"])
    assert (early.status_code, issue(early)) == (422, "ORDER_NOT_APPROVED")
    assert len(early.headers["paypal-debug-id"]) == 13
    await merchant.at_lab("/lab/paypal/approve", order=order["id"])
    assert (await merchant.show(order["id"]))["status"] == "APPROVED"
    done = (await merchant.capture(order["id"])).json()
    (capture,) = done["purchase_units"][0]["payments"]["captures"]
    assert (done["status"], capture["status"]) == ("COMPLETED", "COMPLETED")
    assert capture["amount"] == {"currency_code": "EUR", "value": "4.99"}
    twice = await merchant.capture(order["id"])
    assert (twice.status_code, issue(twice)) == (422, "ORDER_ALREADY_CAPTURED")


async def test_a_request_id_makes_one_order_for_six_hours(merchant: Merchant) -> None:
    first = await merchant.try_order("once", key="k1")
    again = await merchant.try_order("once", key="k1")
    assert first.json()["id"] == again.json()["id"]
    other = await merchant.try_order("another", key="k1")
    assert other.status_code == 422
    await merchant.at_lab("/lab/clock", seconds=6 * 3600 + 1)
    try:
        late = await merchant.try_order("once", key="k1")
        assert late.json()["id"] != first.json()["id"]
    finally:
        await merchant.at_lab("/lab/clock", seconds=-6 * 3600 - 1)


async def test_a_request_id_makes_one_refund_for_forty_five_days(merchant: Merchant) -> None:
    _, capture = await merchant.captured()
    first = await merchant.refund(capture, "1.00", key="r1")
    await merchant.at_lab("/lab/clock", seconds=44 * DAY)
    try:
        merchant.http.headers["authorization"] = f"Bearer {await merchant.token()}"
        again = await merchant.refund(capture, "1.00", key="r1")
    finally:
        await merchant.at_lab("/lab/clock", seconds=-44 * DAY)
    assert first.json()["id"] == again.json()["id"]


async def test_no_more_is_given_back_than_was_taken(merchant: Merchant) -> None:
    order, capture = await merchant.captured()
    assert (await merchant.refund(capture, "2.00")).status_code == 201
    assert issue(await merchant.refund(capture, "3.00")) == "REFUND_AMOUNT_EXCEEDED"
    assert (await merchant.refund(capture)).json()["amount"]["value"] == "2.99"
    assert issue(await merchant.refund(capture)) == "CAPTURE_FULLY_REFUNDED"
    payments = (await merchant.show(order))["purchase_units"][0]["payments"]
    assert payments["captures"][0]["status"] == "REFUNDED"
    assert [one["amount"]["value"] for one in payments["refunds"]] == ["2.00", "2.99"]


async def test_what_is_written_on_an_order_can_change_until_its_capture(
    merchant: Merchant,
) -> None:
    order = await merchant.approved()
    path = f"/v2/checkout/orders/{order}"
    change = [{"op": "replace", "path": MARK, "value": "it is over"}]
    assert (await merchant.call("PATCH", path, change)).status_code == 204
    assert (await merchant.show(order))["purchase_units"][0]["custom_id"] == "it is over"
    await merchant.capture(order)
    assert issue(await merchant.call("PATCH", path, change)) == "ORDER_ALREADY_COMPLETED"


@pytest.mark.parametrize(
    ("value", "currency", "word"),
    [
        ("4.999", "EUR", "DECIMAL_PRECISION"),
        ("4.50", "JPY", "DECIMALS_NOT_SUPPORTED"),
        ("4.50", "HUF", "DECIMALS_NOT_SUPPORTED"),
        ("4.99", "KWD", "CURRENCY_NOT_SUPPORTED"),
        ("0.00", "EUR", "AMOUNT_MISMATCH"),
        ("-1", "EUR", "AMOUNT_MISMATCH"),
        ("NaN", "EUR", "INVALID_PARAMETER_SYNTAX"),
        ("much", "EUR", "INVALID_PARAMETER_SYNTAX"),
    ],
)
async def test_an_amount_that_paypal_does_not_take_makes_no_order(
    value: str, currency: str, word: str, merchant: Merchant
) -> None:
    assert issue(await merchant.try_order("bad", value, currency)) == word


async def test_an_invoice_is_paid_once(merchant: Merchant) -> None:
    first = await merchant.approved(custom_id="invoice-7")
    second = await merchant.order(custom_id="invoice-7")
    await merchant.at_lab("/lab/paypal/approve", order=second["id"])
    assert (await merchant.capture(first)).status_code == 201
    assert issue(await merchant.capture(second["id"])) == "DUPLICATE_INVOICE_ID"


async def test_another_merchant_sees_and_takes_nothing(merchant: Merchant) -> None:
    order, capture = await merchant.captured()
    async with Merchant(merchant.lab, merchant.ears) as other:
        for method, path in (
            ("GET", f"/v2/checkout/orders/{order}"),
            ("POST", f"/v2/checkout/orders/{order}/capture"),
            ("GET", f"/v2/payments/captures/{capture}"),
            ("POST", f"/v2/payments/captures/{capture}/refund"),
            ("GET", f"/v1/notifications/webhooks/{merchant.settings['webhook_id']}"),
        ):
            answer = await other.call(method, path, {} if method == "POST" else None)
            assert answer.status_code == 404, path


@pytest.mark.parametrize("header", ["", "Bearer A21AAnobody", "Basic Og=="])
async def test_nobody_is_let_in_without_a_token(header: str, merchant: Merchant) -> None:
    merchant.http.headers["authorization"] = header
    assert (await merchant.try_order("mine")).status_code == 401


async def test_a_wrong_secret_gets_no_token(merchant: Merchant) -> None:
    pair = merchant.settings["client_id"], "another-secret"
    answer = await merchant.http.post("/v1/oauth2/token", auth=pair)
    assert answer.status_code == 401


@pytest.mark.parametrize("body", [None, [], {}, {"intent": "CAPTURE", "purchase_units": []}, 7])
async def test_nonsense_is_told_as_nonsense(body: object, merchant: Merchant) -> None:
    answer = await merchant.call("POST", "/v2/checkout/orders", body)
    assert answer.status_code == 400
    assert answer.json()["name"] == "INVALID_REQUEST"
