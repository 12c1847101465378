"""A period of a subscription is what Google says of its order, and pushes name both."""

from typing import Any

import pytest
from plugins.googleplay.tests.google import (
    NOW,
    ORDER,
    REVIEWER,
    TOKEN,
    Google,
    bearer,
    confirm,
    context,
    order,
    push,
    request,
)

from guildbank.plugin_api import (
    EventKind,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    SubscriptionState,
)
from guildbank_googleplay.plugin import GooglePlayProvider
from guildbank_googleplay.purchases import account_of
from guildbank_googleplay.rehearsal import PACK, PRODUCT
from guildbank_googleplay.subscriptions import orders_of
from guildbank_googleplay.tokens import GoogleFailed

RENEWAL = f"{ORDER}..1"
BEGAN, ENDS = "2026-10-01T00:00:00Z", "2026-11-01T00:00:00.123456789Z"
FREE = {"currencyCode": "EUR"}


class Subscribed(Google):
    """A Google that knows one subscription, renewed twice."""

    def __init__(self, wanted: PaymentRequest, **changes: Any) -> None:
        super().__init__()
        plan = {"autoRenewEnabled": changes.pop("renews", True)}
        item = {
            "productId": PRODUCT, "expiryTime": ENDS, "latestSuccessfulOrderId": RENEWAL,
            "autoRenewingPlan": plan,
        }  # fmt: skip
        self.subscription: dict[str, Any] = {
            "subscriptionState": "SUBSCRIPTION_STATE_ACTIVE",
            "startTime": BEGAN,
            "lineItems": [item],
            "externalAccountIdentifiers": {
                "obfuscatedExternalAccountId": account_of(wanted.player_id),
                "obfuscatedExternalProfileId": wanted.attempt_id,
            },
            **changes,
        }
        period = {"servicePeriodStartTime": BEGAN, "servicePeriodEndTime": ENDS}
        items = [{"productId": PRODUCT, "subscriptionDetails": period}]
        for name in (ORDER, f"{ORDER}..0", RENEWAL):
            self.orders[name] = order(orderId=name, lineItems=items)

    async def send(self, method: Any, url: str, **more: Any) -> Any:
        self.purchases = {TOKEN: self.subscription} if "/subscriptionsv2/" in url else {}
        return await super().send(method, url, **more)


async def told(http: Google, kind: int) -> ProviderEvent:
    told = {"version": "1.0", "notificationType": kind, "purchaseToken": TOKEN}
    headers = {"authorization": f"Bearer {bearer()}"}
    body = push({"subscriptionNotification": told})
    said = await GooglePlayProvider().read_webhook(context(http), headers, body)
    assert isinstance(said, ProviderEvent)
    return said


@pytest.mark.parametrize(("name", "of"), [(RENEWAL, RENEWAL), (ORDER, ORDER), (TOKEN, RENEWAL)])
async def test_a_period_is_found_by_its_order_and_the_newest_by_the_token(
    name: str, of: str
) -> None:
    wanted = request()
    said = await confirm(context(Subscribed(wanted)), wanted, {"transaction": name})
    assert isinstance(said, Outcome)
    assert (said.status, said.reference) == (OutcomeStatus.PROCESSED, of)
    assert (said.amount_minor, said.conflict) == (499, None)
    period = said.period
    assert period is not None
    assert (period.subscription, period.product_id, period.credits) == (ORDER, PACK, True)
    assert (period.ends_at - period.began_at).days == 31


@pytest.mark.parametrize("credited", [False, True])
async def test_a_trial_credits_as_the_setting_says(credited: bool) -> None:
    wanted = request()
    http = Subscribed(wanted)
    http.orders[ORDER] |= {"total": FREE}
    said = await confirm(
        context(http, credit_free_periods=credited), wanted, {"transaction": ORDER}
    )
    assert isinstance(said, Outcome)
    assert said.period is not None
    assert (said.amount_minor, said.period.credits) == (0, credited)


async def test_a_reviewer_s_period_is_a_test_that_credits_and_nobody_else_s_is_taken() -> None:
    for player, taken in ((REVIEWER, True), (None, False)):
        wanted = request(player)
        http = Subscribed(wanted, testPurchase={})
        here = context(http, reviewers=[REVIEWER])
        said = await confirm(here, wanted, {"transaction": RENEWAL})
        assert isinstance(said, Outcome if taken else NotConfirmed)
        if isinstance(said, Outcome):
            assert said.period is not None
            assert (said.amount_minor, said.is_test, said.period.credits) == (0, True, True)


async def test_what_is_not_paid_yet_waits_and_what_went_back_credits_nothing() -> None:
    wanted = request()
    pending = Subscribed(wanted, subscriptionState="SUBSCRIPTION_STATE_PENDING")
    said = await confirm(context(pending), wanted, {"transaction": TOKEN})
    assert isinstance(said, Outcome)
    assert said.status is OutcomeStatus.PENDING
    back = Subscribed(wanted)
    back.orders[RENEWAL] |= {"state": "REFUNDED"}
    said = await confirm(context(back), wanted, {"transaction": RENEWAL})
    assert isinstance(said, Outcome)
    assert said.status is OutcomeStatus.DECLINED


async def test_an_order_of_another_token_is_not_believed() -> None:
    wanted = request()
    http = Subscribed(wanted)
    http.orders[RENEWAL] |= {"purchaseToken": "x" * 24}
    with pytest.raises(GoogleFailed):
        await confirm(context(http), wanted, {"transaction": TOKEN})


# https://developer.android.com/google/play/billing/rtdn-reference#sub , and one of next year.
OF_MONEY = {
    1: "RECOVERED", 2: "RENEWED", 4: "PURCHASED", 20: "PENDING_PURCHASE_CANCELED",
}  # fmt: skip
OF_ALL_ELSE = {
    3: "CANCELED", 5: "ON_HOLD", 6: "IN_GRACE_PERIOD", 7: "RESTARTED",
    8: "PRICE_CHANGE_CONFIRMED", 9: "DEFERRED", 10: "PAUSED", 11: "PAUSE_SCHEDULE_CHANGED",
    12: "REVOKED", 13: "EXPIRED", 17: "ITEMS_CHANGED", 18: "CANCELLATION_SCHEDULED",
    19: "PRICE_CHANGE_UPDATED", 22: "PRICE_STEP_UP_CONSENT_UPDATED", 99: "NOT_PUBLISHED",
}  # fmt: skip


@pytest.mark.parametrize("kind", OF_MONEY, ids=OF_MONEY.values())
async def test_money_for_a_period_is_told_of_by_its_attempt_and_its_order(kind: int) -> None:
    wanted = request()
    said = await told(Subscribed(wanted), kind)
    assert (said.kind, said.attempt_id) == (EventKind.PAYMENT, wanted.attempt_id)
    assert said.payment_reference == RENEWAL


@pytest.mark.parametrize("kind", OF_ALL_ELSE, ids=OF_ALL_ELSE.values())
async def test_all_else_is_told_of_by_the_subscription(kind: int) -> None:
    said = await told(Subscribed(request()), kind)
    assert (said.kind, said.subscription_reference) == (EventKind.SUBSCRIPTION, ORDER)


async def test_a_voided_period_is_told_of_by_its_order_alone() -> None:
    headers = {"authorization": f"Bearer {bearer()}"}
    voided = {"purchaseToken": TOKEN, "orderId": RENEWAL, "productType": 1, "refundType": 1}
    read = GooglePlayProvider().read_webhook
    http = Subscribed(request())
    said = await read(context(http), headers, push({"voidedPurchaseNotification": voided}))
    assert isinstance(said, ProviderEvent)
    assert (said.kind, said.payment_reference) == (EventKind.REFUND, RENEWAL)
    assert said.subscription_reference == ORDER
    del voided["orderId"]
    said = await read(context(http), headers, push({"voidedPurchaseNotification": voided}))
    assert isinstance(said, ProviderEvent)
    assert said.kind is EventKind.IGNORED


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ("ACTIVE", SubscriptionState.ACTIVE),
        ("CANCELED", SubscriptionState.ACTIVE),
        ("IN_GRACE_PERIOD", SubscriptionState.GRACE),
        ("ON_HOLD", SubscriptionState.RETRYING),
        ("PAUSED", SubscriptionState.PAUSED),
        ("EXPIRED", SubscriptionState.EXPIRED),
    ],
)
async def test_how_it_stands_is_told_with_all_of_its_orders(
    says: str, state: SubscriptionState
) -> None:
    wanted = request()
    http = Subscribed(wanted, renews=False, subscriptionState=f"SUBSCRIPTION_STATE_{says}")
    said = await GooglePlayProvider().fetch_subscription(context(http), ORDER, NOW)
    assert said is not None
    assert (said.state, said.renews) == (state, False)
    assert [one.payment_reference for one in said.events] == [ORDER, f"{ORDER}..0", RENEWAL]
    assert {one.attempt_id for one in said.events} == {wanted.attempt_id}


def test_the_orders_of_a_long_subscription_are_bounded() -> None:
    assert list(orders_of("GPA.1")) == ["GPA.1"]
    assert list(orders_of("GPA.1..1")) == ["GPA.1", "GPA.1..0", "GPA.1..1"]
    many = list(orders_of("GPA.1..5000"))
    assert (len(many), many[-1]) == (1_000, "GPA.1..5000")
