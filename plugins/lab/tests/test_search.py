"""The lab's transaction search shows each movement of money once, as PayPal's pages say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from plugins.lab.tests.merchant import Merchant, issue

DAY = timedelta(days=1)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


async def found(merchant: Merchant, **query: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    span = {"start_date": text(now - DAY), "end_date": text(now + DAY)}
    path = "&".join(f"{name}={value}" for name, value in {**span, **query}.items())
    return dict((await merchant.call("GET", f"/v1/reporting/transactions?{path}")).json())


def infos(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return code, id and amount of each transaction."""
    shown = [one["transaction_info"] for one in answer["transaction_details"]]
    return [
        (one["transaction_event_code"], one["transaction_id"], one["transaction_amount"]["value"])
        for one in shown
    ]


async def test_a_capture_its_refund_and_a_lost_dispute_are_each_a_movement(
    merchant: Merchant,
) -> None:
    assert infos(await found(merchant)) == []
    order, capture = await merchant.captured()
    refund = (await merchant.refund(capture, "1.00")).json()["id"]
    case = (await merchant.at_lab("/lab/paypal/disputes", order=order))["dispute_id"]
    open_ = infos(await found(merchant))
    assert set(open_) == {("T0006", capture, "4.99"), ("T1107", refund, "-1.00")}
    await merchant.at_lab(
        f"/lab/paypal/disputes/{case}/resolve", outcome="RESOLVED_BUYER_FAVOUR", refunded="3.99"
    )
    after = infos(await found(merchant))
    assert set(open_) < set(after)
    assert sorted((code, value) for code, _, value in after if code in ("T1201", "T0106")) == [
        ("T0106", "-16.00"),
        ("T1201", "-3.99"),
    ]


async def test_a_payment_shows_its_fee_and_what_the_merchant_wrote_on_it(
    merchant: Merchant,
) -> None:
    await merchant.captured()
    (one,) = (await found(merchant))["transaction_details"]
    info = one["transaction_info"]
    assert info["fee_amount"] == {"currency_code": "EUR", "value": "-0.47"}
    assert info["custom_field"] == info["invoice_id"]


async def test_pages_are_cut_as_asked_and_more_than_31_days_are_refused(
    merchant: Merchant,
) -> None:
    for _ in range(3):
        await merchant.captured()
    pages = [await found(merchant, page_size=2, page=number) for number in (1, 2, 3)]
    assert [len(page["transaction_details"]) for page in pages] == [2, 1, 0]
    assert {page["total_pages"] for page in pages} == {2}
    now = datetime.now(UTC)
    path = f"/v1/reporting/transactions?start_date={text(now - 32 * DAY)}&end_date={text(now)}"
    refused = await merchant.call("GET", path)
    assert (refused.status_code, issue(refused)) == (400, "INVALID_REQUEST")
