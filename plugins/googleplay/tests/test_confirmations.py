"""What the app says of a purchase is held against what Google says, and nonsense costs no call."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from plugins.googleplay.tests.google import (
    NOW,
    ORDER,
    REVIEWER,
    TOKEN,
    Google,
    confirm,
    context,
    later,
    order,
    purchase,
    request,
)
from tests.servers.lab import LabServer

from guildbank.kernel import new_id
from guildbank.plugin_api import Confirmation, Context, NotConfirmed, Outcome, OutcomeStatus
from guildbank_googleplay.plugin import GooglePlayProvider
from guildbank_googleplay.purchases import account_of
from guildbank_googleplay.rehearsal import PACK, PRODUCT, buy

TEST = {"testPurchaseContext": {"fopType": "TEST"}}


def outcome(said: Outcome | NotConfirmed) -> Outcome:
    assert isinstance(said, Outcome), said
    return said


def refusal(said: Outcome | NotConfirmed) -> str:
    assert isinstance(said, NotConfirmed), said
    return said.code


@pytest.mark.parametrize("named", [TOKEN, ORDER])
async def test_a_live_tenant_books_what_the_order_says_under_its_name(named: str) -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    said = outcome(await confirm(context(http), wanted, {"transaction": named}))
    assert (said.status, said.amount_minor, said.currency) == (OutcomeStatus.PROCESSED, 499, "EUR")
    assert (said.reference, said.conflict, said.is_test) == (ORDER, None, False)


async def test_a_test_tenant_takes_test_purchases_at_their_price() -> None:
    http, wanted = Google(), request()
    http.sell(wanted, **TEST)
    said = outcome(await confirm(context(http, "test"), wanted, {"transaction": TOKEN}))
    assert (said.amount_minor, said.is_test) == (499, False)


async def test_a_test_without_an_order_is_for_nothing() -> None:
    http, wanted = Google(), request()
    http.purchases[TOKEN] = purchase(wanted, orderId="", **TEST)
    said = outcome(await confirm(context(http, "test"), wanted, {"transaction": TOKEN}))
    assert (said.status, said.amount_minor, said.currency) == (OutcomeStatus.PROCESSED, 0, "EUR")
    assert (said.reference, said.is_test) == (TOKEN, True)


async def test_a_reviewer_s_test_purchase_in_a_live_tenant_is_a_test_for_nothing() -> None:
    http, wanted = Google(), request(REVIEWER)
    http.sell(wanted, **TEST)
    here = context(http, reviewers=[REVIEWER])
    said = outcome(await confirm(here, wanted, {"transaction": TOKEN}))
    assert (said.status, said.amount_minor, said.is_test) == (OutcomeStatus.PROCESSED, 0, True)


async def test_a_reviewer_s_real_purchase_is_booked_as_real() -> None:
    http, wanted = Google(), request(REVIEWER)
    http.sell(wanted)
    here = context(http, reviewers=[REVIEWER])
    said = outcome(await confirm(here, wanted, {"transaction": TOKEN}))
    assert (said.amount_minor, said.is_test) == (499, False)


async def test_nobody_else_s_test_purchase_counts_in_a_live_tenant() -> None:
    http, wanted = Google(), request()
    http.sell(wanted, **TEST)
    here = context(http, reviewers=[REVIEWER])
    assert refusal(await confirm(here, wanted, {"transaction": TOKEN})) == "test_purchase"


async def test_real_money_buys_nothing_in_a_test_tenant() -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    said = await confirm(context(http, "test"), wanted, {"transaction": TOKEN})
    assert refusal(said) == "real_purchase"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"transaction": TOKEN, "price": "0"},
        {"token": TOKEN},
        {"transaction": ""},
        {"transaction": "short"},
        {"transaction": "../../../orders/GPA.1"},
        {"transaction": f"{TOKEN}?x=1"},
        {"transaction": f"{TOKEN}:consume"},
        {"transaction": "x" * 1_501},
        {"transaction": "GPA.٣٣٠٠-0001-5500-00001"},
        {"transaction": "ü" * 30},
    ],
)
async def test_nonsense_costs_no_call(data: dict[str, str]) -> None:
    http = Google()
    refusal(await confirm(context(http), request(), data))
    assert http.asked == []


@pytest.mark.parametrize("named", [TOKEN, ORDER])
async def test_a_purchase_of_another_app_or_none_is_unknown(named: str) -> None:
    said = await confirm(context(Google()), request(), {"transaction": named})
    assert refusal(said) == "unknown_purchase"


@pytest.mark.parametrize(
    "changes",
    [
        {"obfuscatedExternalProfileId": new_id("att")},
        {"obfuscatedExternalProfileId": ""},
        {"obfuscatedExternalProfileId": "att_nonsense"},
        {"obfuscatedExternalAccountId": account_of(new_id("player"))},
        {"obfuscatedExternalAccountId": ""},
    ],
)
async def test_a_purchase_under_other_names_is_another_payment_s(changes: dict[str, str]) -> None:
    http, wanted = Google(), request()
    http.sell(wanted, **changes)
    said = await confirm(context(http), wanted, {"transaction": TOKEN})
    assert refusal(said) == "other_payment"


@pytest.mark.parametrize(
    ("changes", "conflict"),
    [
        ({"product": "example.other"}, "product_differs"),
        ({"offer": {"quantity": 3}}, "quantity_differs"),
        ({"offer": {"rentOfferDetails": {}}}, "rented"),
        ({"productLineItem": []}, "products_differ"),
        ({"productLineItem": [{"productId": PRODUCT}, {"productId": "b"}]}, "products_differ"),
    ],
)
async def test_money_for_something_else_is_a_conflict(
    changes: dict[str, Any], conflict: str
) -> None:
    http, wanted = Google(), request()
    http.sell(wanted, **changes)
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert (said.status, said.conflict) == (OutcomeStatus.PROCESSED, conflict)


async def test_a_pack_that_is_sold_no_more_credits_no_other_product() -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    said = outcome(await confirm(context(http, products=[]), wanted, {"transaction": TOKEN}))
    assert said.conflict == "product_differs"


async def test_a_quantity_that_is_not_told_is_one() -> None:
    http, wanted = Google(), request()
    http.sell(wanted, productLineItem=[{"productId": PRODUCT}])
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert said.conflict is None


@pytest.mark.parametrize(
    ("state", "order_state", "status", "code"),
    [
        ("PENDING", "PENDING", OutcomeStatus.PENDING, "pending"),
        ("CANCELLED", "CANCELED", OutcomeStatus.DECLINED, "canceled"),
        ("CANCELLED", "REFUNDED", OutcomeStatus.DECLINED, "canceled"),
        ("PURCHASED", "REFUNDED", OutcomeStatus.DECLINED, "canceled"),
        ("PURCHASED", "PENDING_REFUND", OutcomeStatus.DECLINED, "canceled"),
        ("SOMETHING_NEW", "PROCESSED", OutcomeStatus.UNKNOWN, "state_unusable"),
        ("", "PROCESSED", OutcomeStatus.UNKNOWN, "state_unusable"),
    ],
)
async def test_only_what_was_purchased_is_paid(
    state: str, order_state: str, status: OutcomeStatus, code: str
) -> None:
    http, wanted = Google(), request()
    http.sell(wanted, state=state)
    http.orders[ORDER] = order(state=order_state)
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert (said.status, said.code, said.amount_minor) == (status, code, None)


async def test_an_order_of_which_a_part_is_back_is_a_conflict() -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    http.orders[ORDER] = order(state="PARTIALLY_REFUNDED")
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert said.conflict == "partly_refunded"


async def test_a_price_between_minor_units_is_booked_by_nobody() -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    http.orders[ORDER] = order(total={"currencyCode": "JPY", "units": "6", "nanos": 500_000_000})
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert (said.status, said.code) == (OutcomeStatus.UNKNOWN, "price_unusable")


async def test_a_real_purchase_without_an_order_is_booked_by_nobody() -> None:
    http, wanted = Google(), request()
    http.purchases[TOKEN] = purchase(wanted, orderId="")
    said = outcome(await confirm(context(http), wanted, {"transaction": TOKEN}))
    assert (said.status, said.code) == (OutcomeStatus.UNKNOWN, "order_missing")


@pytest.mark.parametrize(
    "changes", [{"purchaseToken": "another.AO-J1Oabcdefghijkl"}, {"orderId": "GPA.1-1-1-11111"}]
)
async def test_an_order_of_another_purchase_is_not_believed(changes: dict[str, str]) -> None:
    http, wanted = Google(), request()
    http.sell(wanted)
    http.orders[ORDER] = order(**changes)
    with pytest.raises(RuntimeError, match="Google"):
        await confirm(context(http), wanted, {"transaction": TOKEN})


async def test_an_access_token_is_kept_and_one_that_ended_is_renewed_once() -> None:
    http, wanted, provider = Google(), request(), GooglePlayProvider()
    http.sell(wanted)
    given = Confirmation(request=wanted, reference=None, data={"transaction": TOKEN}, by="buyer")
    for _ in range(2):
        outcome(await provider.confirm(context(http), given))
    assert http.given == 1
    http.good = "another"
    outcome(await provider.confirm(context(http), given))
    assert http.given == 2
    much_later = msgspec.structs.replace(
        context(http), now=datetime.fromtimestamp(later(minutes=59), UTC)
    )
    outcome(await provider.confirm(much_later, given))
    assert http.given == 3


async def test_a_live_tenant_s_lab_is_refused() -> None:
    here = context(Google(), lab_url="http://127.0.0.1")
    with pytest.raises(ValueError, match="test mode"):
        await GooglePlayProvider().create_payment(here, request())


async def test_a_payment_begins_without_a_call() -> None:
    http, wanted = Google(), request()
    said = await GooglePlayProvider().create_payment(context(http), wanted)
    assert (said.status, said.reference) == (OutcomeStatus.PENDING, wanted.attempt_id)
    action = said.next_action
    assert action is not None
    assert (action.kind, action.details) == (
        "play_billing",
        {
            "productId": PRODUCT,
            "obfuscatedAccountId": account_of(wanted.player_id),
            "obfuscatedProfileId": wanted.attempt_id,
        },
    )
    assert said.waits_until is not None
    assert said.waits_until.timestamp() == pytest.approx(NOW.timestamp() + 7 * 86_400)
    assert http.asked == []


def test_names_fit_what_google_takes_and_are_no_ids_of_ours() -> None:
    player = new_id("player")
    assert len(account_of(player)) == 64
    assert player not in account_of(player)
    assert account_of(player) == account_of(player) != account_of(new_id("player"))
    assert len(new_id("att")) <= 64


@pytest.mark.parametrize("product", [None, "pack_01kag3pyqmf9aag12vtrsy70pt"])
async def test_what_is_not_sold_there_is_declined(product: str | None) -> None:
    said = await GooglePlayProvider().create_payment(context(Google()), request(product=product))
    assert (said.status, said.code) == (OutcomeStatus.DECLINED, "product_unknown")


@pytest.mark.parametrize(
    "given", ["x" * 200, '{"type": "authorized_user"}', "{}", '{"type":"service_account"}']
)
def test_settings_name_a_key_file_that_is_none(given: str) -> None:
    (problem,) = GooglePlayProvider().check_settings({"service_account": given})
    assert problem.field == "service_account"


def test_settings_name_a_pack_with_two_products() -> None:
    rows = [{"pack": PACK, "product": "a"}, {"pack": PACK, "product": "b"}]
    (problem,) = GooglePlayProvider().check_settings({"products": rows})
    assert problem.field == "products.1.pack"


async def test_silence_is_raised_within_the_time(lab: LabServer, at_lab: Context) -> None:
    wanted = request(product=PACK)
    here = msgspec.structs.replace(at_lab, now=datetime.now(UTC))
    data = await buy(here, wanted)
    lab.turn(data["transaction"], "get", "silence")
    given = Confirmation(request=wanted, reference=None, data=data, by="buyer")
    with pytest.raises(TimeoutError):
        await GooglePlayProvider(timeout_seconds=0.5).confirm(here, given)
