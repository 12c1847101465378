"""A period of a subscription is what Apple says of it, and so is how the subscription stands."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from plugins.appstore.tests import apple
from plugins.appstore.tests.apple import (
    BUNDLE,
    CHAIN,
    NOW,
    PRODUCTION,
    REVIEWER,
    SANDBOX,
    STRANGER,
    Apple,
    confirm,
    context,
    later,
    payload,
    request,
)

from guildbank.plugin_api import (
    EventKind,
    HttpAnswer,
    Method,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    SubscriptionState,
)
from guildbank_appstore.api import AppleFailed
from guildbank_appstore.plugin import AppStoreProvider
from guildbank_appstore.rehearsal import PACK, SUBSCRIPTION
from guildbank_lab.apple.chain import Chain

FIRST, SECOND = "2000000123", "2000000124"
NAMED = {"transaction": FIRST}
PERIOD: Mapping[str, Any] = {
    "type": SUBSCRIPTION, "originalTransactionId": FIRST, "expiresDate": later(days=30),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    apple.trust_the_lab(monkeypatch)


class Subscribed(Apple):
    """An Apple that knows one subscription, of two periods, at one of its places."""

    def __init__(self, wanted: PaymentRequest, at: str = PRODUCTION, *, by: Chain = CHAIN) -> None:
        super().__init__()
        self.at, self.by = at, by
        self.status, self.renews = 1, 1
        self.first = self._period(wanted)
        self.second = self._period(wanted, transactionId=SECOND, expiresDate=later(days=60))

    def _period(self, wanted: PaymentRequest, **changes: Any) -> dict[str, Any]:
        return payload(wanted, at=self.at, **{**PERIOD, **changes})

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        answer = await super().send(method, url, headers=headers, body=body)
        host, _, path = url.partition("/inApps/")
        if host != self.at or path.startswith("v1/transactions"):
            return answer
        environment = self.first["environment"]
        if path.startswith("v2/history"):
            one = self.first if "revision" not in url else self.second
            page = {"signedTransactions": [self.by.sign(one)], "revision": "r"}
            said: dict[str, Any] = {**page, "hasMore": one is self.first}
        else:
            renewal = {
                "originalTransactionId": FIRST, "autoRenewStatus": self.renews,
                "environment": environment, "signedDate": later(),
            }  # fmt: skip
            last = {
                "originalTransactionId": FIRST, "status": self.status,
                "signedTransactionInfo": self.by.sign(self.second),
                "signedRenewalInfo": self.by.sign(renewal),
            }  # fmt: skip
            group = {"subscriptionGroupIdentifier": "1", "lastTransactions": [last]}
            said = {"bundleId": BUNDLE, "data": [group]}
        kind = {"content-type": "application/json"}
        return HttpAnswer(status=200, headers=kind, body=msgspec.json.encode(said))


async def test_a_period_is_of_its_subscription_and_its_pack() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, **PERIOD)
    said = await confirm(context(http), wanted, NAMED)
    assert isinstance(said, Outcome)
    assert (said.status, said.amount_minor, said.conflict) == (OutcomeStatus.PROCESSED, 499, None)
    period = said.period
    assert period is not None
    assert (period.subscription, period.product_id, period.credits) == (FIRST, PACK, True)
    assert (period.ends_at - period.began_at).days == 30


@pytest.mark.parametrize("credited", [False, True])
async def test_a_trial_credits_as_the_setting_says(credited: bool) -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, **{**PERIOD, "price": 0, "offerType": 1, "offerDiscountType": "FREE_TRIAL"})
    said = await confirm(context(http, credit_free_periods=credited), wanted, NAMED)
    assert isinstance(said, Outcome)
    assert said.period is not None
    assert (said.amount_minor, said.period.credits) == (0, credited)


async def test_a_reviewer_s_period_of_the_sandbox_is_a_test_that_credits() -> None:
    http, wanted = Apple(), request(REVIEWER)
    http.sell(wanted, at=SANDBOX, **PERIOD)
    said = await confirm(context(http, reviewers=[REVIEWER]), wanted, NAMED)
    assert isinstance(said, Outcome)
    assert said.period is not None
    assert (said.amount_minor, said.is_test, said.period.credits) == (0, True, True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"inAppOwnershipType": "FAMILY_SHARED"}, "family_shared"),
        ({"appAccountToken": None}, "other_payment"),
    ],
)
async def test_what_was_not_bought_under_the_payment_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, **{**PERIOD, **changes})
    said = await confirm(context(http), wanted, NAMED)
    assert isinstance(said, NotConfirmed)
    assert said.code == code


async def test_a_period_without_an_end_is_left_open() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, **{**PERIOD, "expiresDate": None})
    said = await confirm(context(http), wanted, NAMED)
    assert isinstance(said, Outcome)
    assert said.status is OutcomeStatus.UNKNOWN


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (1, SubscriptionState.ACTIVE),
        (2, SubscriptionState.EXPIRED),
        (3, SubscriptionState.RETRYING),
        (4, SubscriptionState.GRACE),
        (5, SubscriptionState.REVOKED),
    ],
)
async def test_how_it_stands_is_told_with_every_page_of_its_periods(
    status: int, state: SubscriptionState
) -> None:
    wanted = request()
    http = Subscribed(wanted)
    http.status, http.renews = status, 0
    http.second |= {"revocationDate": later(days=1), "revocationReason": 1}
    said = await AppStoreProvider().fetch_subscription(context(http), FIRST, NOW)
    assert said is not None
    assert (said.state, said.renews) == (state, False)
    assert [(one.kind, one.payment_reference) for one in said.events] == [
        (EventKind.PAYMENT, FIRST), (EventKind.PAYMENT, SECOND), (EventKind.REFUND, SECOND),
    ]  # fmt: skip
    assert {one.attempt_id for one in said.events} == {wanted.attempt_id}


@pytest.mark.parametrize(("reviewers", "found"), [([], False), ([REVIEWER], True)])
async def test_a_live_tenant_with_reviewers_alone_is_told_of_the_sandbox(
    reviewers: list[str], found: bool
) -> None:
    http = Subscribed(request(REVIEWER), at=SANDBOX)
    here = context(http, reviewers=reviewers)
    said = await AppStoreProvider().fetch_subscription(here, FIRST, NOW)
    assert (said is not None) is found


async def test_what_a_stranger_signed_is_not_believed() -> None:
    http = Subscribed(request(), by=STRANGER)
    with pytest.raises(AppleFailed):
        await AppStoreProvider().fetch_subscription(context(http), FIRST, NOW)


@pytest.mark.parametrize("name", ["../v1/transactions/1", "", "x"])
async def test_a_name_that_apple_never_gave_is_none_without_a_call(name: str) -> None:
    http = Subscribed(request())
    assert await AppStoreProvider().fetch_subscription(context(http), name, NOW) is None
    assert http.asked == []
