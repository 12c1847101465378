"""The lab's Google is one to Google's own client library, and tells no app of another's."""

import json
from collections.abc import Iterator
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from tests.servers.lab import LabServer

SCOPE = "https://www.googleapis.com/auth/androidpublisher"


class Developer:
    """A developer whose app is in the lab's store, and who calls by Google's library."""

    def __init__(self, lab: LabServer) -> None:
        self.lab = lab
        self.settings = lab.open_google(None, [])
        self.package = self.settings["package_name"]
        self.account = json.loads(self.settings["service_account"])
        self._api = self.signed_in(self.account)

    def signed_in(self, account: dict[str, Any]) -> Any:
        credentials = service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=10))
        return build(
            "androidpublisher", "v3", http=http, static_discovery=True,
            client_options={"api_endpoint": self.lab.url},
        )  # fmt: skip

    @property
    def purchases(self) -> Any:
        return self._api.purchases()

    @property
    def orders(self) -> Any:
        return self._api.orders()

    def close(self) -> None:
        self._api.close()

    def do(self, path: str, **body: object) -> dict[str, Any]:
        return self.lab.do(f"/lab/google{path}", package_name=self.package, **body)

    def buy(self, **changes: object) -> tuple[str, str]:
        sold = self.do("/buy", product="example.gems", **changes)
        return sold["transaction"], sold["order"]

    def purchase(self, token: str) -> dict[str, Any]:
        wanted = {"packageName": self.package, "token": token}
        return self.purchases.productsv2().getproductpurchasev2(**wanted).execute()

    def order(self, order: str) -> dict[str, Any]:
        return self.orders.get(packageName=self.package, orderId=order).execute()

    def voided(self, **page: object) -> dict[str, Any]:
        listing = self.purchases.voidedpurchases()
        return listing.list(packageName=self.package, **page).execute()


@pytest.fixture
def developer(lab: LabServer) -> Iterator[Developer]:
    made = Developer(lab)
    yield made
    made.close()


def refused(error: pytest.ExceptionInfo[HttpError]) -> int:
    return int(error.value.resp.status)


def test_google_s_library_sees_a_purchase_and_its_order(developer: Developer) -> None:
    token, order = developer.buy(account="a" * 64, profile="p", price="4.99", region="FR")
    found = developer.purchase(token)
    assert found["purchaseStateContext"]["purchaseState"] == "PURCHASED"
    assert (found["orderId"], found["regionCode"]) == (order, "FR")
    assert found["obfuscatedExternalProfileId"] == "p"
    assert found["testPurchaseContext"] == {"fopType": "TEST"}
    shown = developer.order(order)
    assert (shown["purchaseToken"], shown["state"]) == (token, "PROCESSED")
    assert shown["total"] == {"currencyCode": "EUR", "units": "4", "nanos": 990_000_000}


def test_google_s_library_sees_a_subscription_and_the_order_of_each_period(
    developer: Developer,
) -> None:
    token, first = developer.buy(subscription=True, profile="p", days=30)
    renewal = developer.do("/renew", transaction=token, price="5.99")["order"]
    assert renewal == f"{first}..0"
    wanted = {"packageName": developer.package, "token": token}
    found = developer.purchases.subscriptionsv2().get(**wanted).execute()
    (item,) = found["lineItems"]
    assert found["subscriptionState"] == "SUBSCRIPTION_STATE_ACTIVE"
    assert item["latestSuccessfulOrderId"] == renewal
    assert found["externalAccountIdentifiers"]["obfuscatedExternalProfileId"] == "p"
    shown, before = developer.order(renewal), developer.order(first)
    assert shown["total"] == {"currencyCode": "EUR", "units": "5", "nanos": 990_000_000}
    (period,) = (line["subscriptionDetails"] for line in shown["lineItems"])
    (ended,) = (line["subscriptionDetails"] for line in before["lineItems"])
    assert period["servicePeriodStartTime"] == ended["servicePeriodEndTime"]
    acknowledging = developer.purchases.subscriptions()
    acknowledging.acknowledge(subscriptionId="example.gems", body={}, **wanted).execute()
    found = developer.purchases.subscriptionsv2().get(**wanted).execute()
    assert found["acknowledgementState"] == "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"
    developer.do("/void", transaction=renewal)
    assert "voidedPurchases" not in developer.voided() or not developer.voided()["voidedPurchases"]
    (voided,) = developer.voided(type=1)["voidedPurchases"]
    assert voided["orderId"] == renewal


def test_google_s_library_consumes_once(developer: Developer) -> None:
    token, _ = developer.buy()
    consuming = developer.purchases.products().consume(
        packageName=developer.package, productId="example.gems", token=token
    )
    consuming.execute()
    assert developer.do("/heard", transaction=token) == {"state": "PURCHASED", "consumed": True}
    (item,) = developer.purchase(token)["productLineItem"]
    assert item["productOfferDetails"]["consumptionState"] == "CONSUMPTION_STATE_CONSUMED"
    with pytest.raises(HttpError) as error:
        consuming.execute()
    assert refused(error) == 400


def test_google_s_library_refunds_an_order_and_finds_it_voided(developer: Developer) -> None:
    token, order = developer.buy()
    developer.orders.refund(packageName=developer.package, orderId=order, revoke=True).execute()
    assert developer.order(order)["state"] == "REFUNDED"
    (voided,) = developer.voided()["voidedPurchases"]
    assert (voided["purchaseToken"], voided["orderId"], voided["voidedSource"]) == (token, order, 1)
    assert developer.purchase(token)["purchaseStateContext"]["purchaseState"] == "CANCELLED"


def test_voided_purchases_come_by_pages_the_oldest_first(developer: Developer) -> None:
    orders = [developer.buy()[1] for _ in range(5)]
    for order in orders:
        developer.do("/void", transaction=order, reason=7)
    page, told = developer.voided(maxResults=2), list[str]()
    while True:
        told += [one["orderId"] for one in page["voidedPurchases"]]
        following = page.get("tokenPagination", {}).get("nextPageToken")
        if following is None:
            break
        page = developer.voided(maxResults=2, token=following)
    assert told == orders


def test_another_app_s_purchase_is_not_shown(lab: LabServer, developer: Developer) -> None:
    other = Developer(lab)
    token, order = other.buy()
    other.close()
    for ask in (lambda: developer.purchase(token), lambda: developer.order(order)):
        with pytest.raises(HttpError) as error:
            ask()
        assert refused(error) == 404
    developer.package = other.package
    with pytest.raises(HttpError) as error:
        developer.purchase(token)
    assert refused(error) == 403


def test_a_stranger_s_key_gets_no_token(lab: LabServer, developer: Developer) -> None:
    other = Developer(lab)
    forged = developer.signed_in({**developer.account, "private_key": other.account["private_key"]})
    with pytest.raises(Exception, match="invalid_grant"):
        forged.orders().get(packageName=developer.package, orderId="GPA.1").execute()
    forged.close()
    other.close()


def test_a_pending_purchase_ends_as_it_is_settled(developer: Developer) -> None:
    for paid, state in ((True, "PURCHASED"), (False, "CANCELLED")):
        token, _ = developer.buy(pending=True)
        assert developer.purchase(token)["purchaseStateContext"]["purchaseState"] == "PENDING"
        assert developer.do("/settle", transaction=token, paid=paid) == {"state": state}


def test_what_nobody_consumes_for_three_days_is_voided(developer: Developer) -> None:
    token, _ = developer.buy()
    kept, _ = developer.buy()
    developer.purchases.products().consume(
        packageName=developer.package, productId="example.gems", token=kept
    ).execute()
    try:
        developer.lab.do("/lab/clock", seconds=3 * 86_400)
        assert developer.do("/heard", transaction=token)["state"] == "CANCELLED"
        assert developer.do("/heard", transaction=kept)["state"] == "PURCHASED"
    finally:
        developer.lab.do("/lab/clock", seconds=-3 * 86_400)


def test_a_purchase_is_made_once_for_a_profile_if_it_is_wanted_so(developer: Developer) -> None:
    first, same = (developer.buy(profile="p", once=True) for _ in "12")
    assert first == same
    assert developer.buy(profile="p") != first
