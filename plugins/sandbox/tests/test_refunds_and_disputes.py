"""Money going back: by refund, by the provider's own staff, and by dispute, never twice."""

import pytest
from plugins.sandbox.tests.shop import Shop, eventually

from guildbank.plugin_api import EventKind, PaymentRequest
from guildbank_sandbox.plugin import PLUGIN


async def paid(shop: Shop) -> tuple[PaymentRequest, str]:
    request = shop.request()
    outcome = await PLUGIN.create_payment(shop.context(), request)
    assert outcome.reference is not None
    return request, outcome.reference


async def test_parts_are_refunded_until_nothing_is_left(shop: Shop):
    request, reference = await paid(shop)
    for amount, status in ((300, "processed"), (200, "declined"), (199, "processed")):
        refund = shop.refund_request(request, reference, amount)
        assert (await PLUGIN.refund(shop.context(), refund)).status == status
    assert shop.payment(reference)["refunded_minor"] == 499
    eventually(lambda: shop.kinds().count("refund.updated") == 2)


async def test_a_refund_sent_twice_pays_once_and_is_found_by_our_reference(shop: Shop):
    request, reference = await paid(shop)
    refund = shop.refund_request(request, reference, 100)
    first = await PLUGIN.refund(shop.context(), refund)
    assert await PLUGIN.refund(shop.context(), refund) == first
    assert await PLUGIN.fetch_refund(shop.context(), refund, None) == first
    assert await PLUGIN.fetch_refund(shop.context(), refund, first.reference) == first
    assert shop.payment(reference)["refunded_minor"] == 100
    eventually(lambda: "refund.updated" in shop.kinds())
    event = dict(shop.events())["refund.updated"]
    assert (event.refund_id, event.refund_reference) == (refund.refund_id, first.reference)
    assert (event.amount_minor, event.currency) == (100, "EUR")


@pytest.mark.parametrize(
    ("succeeded", "status", "left"), [(True, "processed", 99), (False, "declined", 499)]
)
async def test_a_pending_refund_holds_its_money_until_it_ends(
    shop: Shop, succeeded: bool, status: str, left: int
):
    request, reference = await paid(shop)
    shop.post("/refund_switch", {"refunds": "pending"})
    refund = shop.refund_request(request, reference, 400)
    pending = await PLUGIN.refund(shop.context(), refund)
    assert pending.status == "pending"
    too_much = shop.refund_request(request, reference, 100)
    assert (await PLUGIN.refund(shop.context(), too_much)).code == "exceeds_refundable"
    shop.post(f"/refunds/{pending.reference}/settle", {"succeeded": succeeded})
    ended = await PLUGIN.fetch_refund(shop.context(), refund, pending.reference)
    assert ended.status == status
    again = shop.post(f"/refunds/{pending.reference}/settle", {"succeeded": True})
    assert again.json()["error"]["code"] == "refund_finished"
    assert 499 - shop.payment(reference)["refunded_minor"] == left


async def test_a_declined_refund_moves_nothing(shop: Shop):
    request, reference = await paid(shop)
    shop.post("/refund_switch", {"refunds": "decline"})
    outcome = await PLUGIN.refund(shop.context(), shop.refund_request(request, reference, 100))
    assert (outcome.status, outcome.code) == ("declined", "refund_declined")
    assert shop.payment(reference)["refunded_minor"] == 0


async def test_a_refund_behind_a_time_out_is_found_by_asking(shop: Shop):
    request, reference = await paid(shop)
    shop.post("/refund_switch", {"refunds": "timeout"})
    refund = shop.refund_request(request, reference, 100)
    context = shop.context(timeout_seconds=1)
    with pytest.raises(TimeoutError):
        await PLUGIN.refund(context, refund)
    assert (await PLUGIN.fetch_refund(context, refund, None)).status == "processed"


async def test_what_was_never_captured_or_is_in_another_currency_is_not_refunded(shop: Shop):
    open_request = shop.request("checkout")
    outcome = await PLUGIN.create_payment(shop.context(), open_request)
    refund = shop.refund_request(open_request, outcome.reference or "", 1)
    assert (await PLUGIN.refund(shop.context(), refund)).code == "not_captured"
    _, reference = await paid(shop)
    in_dollars = shop.refund_request(shop.request(currency="USD"), reference, 1)
    assert (await PLUGIN.refund(shop.context(), in_dollars)).code == "currency_mismatch"


def dispute(shop: Shop, **body: object) -> dict[str, object]:
    answer: dict[str, object] = shop.post("/disputes", body).json()
    return answer


@pytest.mark.parametrize(
    ("won", "kinds", "disputed"),
    [
        (True, ["dispute.funds_reinstated", "dispute.closed"], 0),
        (False, ["dispute.closed"], 300),
    ],
)
async def test_a_dispute_takes_the_money_and_gives_it_back_only_when_won(
    shop: Shop, won: bool, kinds: list[str], disputed: int
):
    request, reference = await paid(shop)
    opened = dispute(shop, payment=reference, amount_minor=300)
    assert (opened["state"], opened["withdrawn"]) == ("open", True)
    too_much = shop.refund_request(request, reference, 200)
    assert (await PLUGIN.refund(shop.context(), too_much)).code == "exceeds_refundable"
    shop.post(f"/disputes/{opened['id']}/close", {"won": won})
    expected = ["dispute.opened", "dispute.funds_withdrawn", *kinds]
    eventually(lambda: [k for k in shop.kinds() if k.startswith("dispute")] == expected)
    assert shop.payment(reference)["disputed_minor"] == disputed
    closed = dict(shop.events())["dispute.closed"]
    assert (closed.kind, closed.won) == (EventKind.DISPUTE_CLOSED, won)
    assert (closed.dispute_reference, closed.amount_minor) == (opened["id"], 300)
    again = shop.post(f"/disputes/{opened['id']}/close", {"won": True})
    assert again.json()["error"]["code"] == "dispute_closed"


async def test_a_dispute_without_withdrawal_takes_the_money_when_it_is_lost(shop: Shop):
    _, reference = await paid(shop)
    opened = dispute(shop, payment=reference, withdraw=False)
    assert shop.payment(reference)["disputed_minor"] == 0
    shop.post(f"/disputes/{opened['id']}/close", {"won": False})
    assert shop.payment(reference)["disputed_minor"] == 499


async def test_no_more_is_disputed_than_is_left(shop: Shop):
    request, reference = await paid(shop)
    await PLUGIN.refund(shop.context(), shop.refund_request(request, reference, 400))
    refused = shop.post("/disputes", {"payment": reference, "amount_minor": 100})
    assert refused.json()["error"]["code"] == "exceeds_disputable"
    assert dispute(shop, payment=reference, withdraw=False)["amount_minor"] == 99
    refused = shop.post("/disputes", {"payment": reference, "amount_minor": 1})
    assert refused.json()["error"]["code"] == "exceeds_disputable"


@pytest.mark.parametrize(
    ("method", "refunded", "disputed", "kinds"),
    [
        ("instant_refunded", 499, 0, ["refund.updated"]),
        ("instant_disputed", 0, 499, ["dispute.opened", "dispute.funds_withdrawn"]),
        (
            "instant_dispute_won",
            0,
            0,
            ["dispute.opened", "dispute.funds_withdrawn", "dispute.funds_reinstated",
             "dispute.closed"],
        ),
        (
            "instant_dispute_lost",
            0,
            499,
            ["dispute.opened", "dispute.funds_withdrawn", "dispute.closed"],
        ),
    ],
)  # fmt: skip
async def test_what_follows_by_itself_is_told(
    shop: Shop, method: str, refunded: int, disputed: int, kinds: list[str]
):
    outcome = await PLUGIN.create_payment(shop.context(), shop.request(method))
    assert outcome.status == "processed"
    assert outcome.reference is not None
    payment = shop.payment(outcome.reference)
    assert (payment["refunded_minor"], payment["disputed_minor"]) == (refunded, disputed)
    eventually(lambda: set(kinds) <= set(shop.kinds()))


async def test_a_payment_whose_refunds_are_declined_keeps_its_money(shop: Shop):
    request = shop.request("instant_refund_declined")
    outcome = await PLUGIN.create_payment(shop.context(), request)
    assert outcome.reference is not None
    refund = shop.refund_request(request, outcome.reference, 100)
    assert (await PLUGIN.refund(shop.context(), refund)).status == "declined"
    assert shop.payment(outcome.reference)["refunded_minor"] == 0
