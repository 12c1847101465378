"""A notification is believed by its signature, and is a hint about an attempt."""

from typing import Any

import msgspec
import pytest
from appstoreserverlibrary.models.NotificationTypeV2 import NotificationTypeV2
from plugins.appstore.tests import apple
from plugins.appstore.tests.apple import (
    BUNDLE,
    CHAIN,
    NUMBER,
    REVIEWER,
    SANDBOX,
    STRANGER,
    Apple,
    context,
    later,
    request,
    transaction,
)

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_appstore.plugin import AppStoreProvider

WANTED = request()
ID = "f5e1c0b2-0000-4000-8000-0123456789ab"


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    apple.trust_the_lab(monkeypatch)


def notification(kind: str = "ONE_TIME_CHARGE", **changes: Any) -> dict[str, Any]:
    data = {
        "appAppleId": NUMBER, "bundleId": BUNDLE, "bundleVersion": "1",
        "environment": "Production", "signedTransactionInfo": transaction(WANTED),
    }  # fmt: skip
    data |= changes.pop("data", {})
    return {
        "notificationType": kind, "notificationUUID": ID, "version": "2.0",
        "signedDate": later(), "data": data, **changes,
    }  # fmt: skip


async def read(payload: dict[str, Any] | str, **settings: Any) -> ProviderEvent | WebhookRejected:
    signed = payload if isinstance(payload, str) else CHAIN.sign(payload)
    body = msgspec.json.encode({"signedPayload": signed})
    return await AppStoreProvider().read_webhook(context(Apple(), **settings), {}, body)


async def test_a_charge_names_its_attempt_and_its_transaction() -> None:
    said = await read(notification())
    assert said == ProviderEvent(
        external_id=ID,
        kind=EventKind.PAYMENT,
        attempt_id=WANTED.attempt_id,
        payment_reference="2000000123",
    )


async def test_a_refund_is_named_by_when_it_was_made() -> None:
    signed = transaction(WANTED, revocationDate=later(), revocationReason=1)
    said = await read(notification("REFUND", data={"signedTransactionInfo": signed}))
    assert isinstance(said, ProviderEvent)
    assert (said.kind, said.refund_reference, said.reason) == (
        EventKind.REFUND, f"2000000123/{later()}", "refunded_due_to_issue",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("REFUND_REVERSED", EventKind.REFUND),
        ("CONSUMPTION_REQUEST", EventKind.USAGE_ASKED),
        ("REFUND_DECLINED", EventKind.IGNORED),
        ("TEST", EventKind.IGNORED),
        ("REVOKE", EventKind.IGNORED),
        ("PRICE_INCREASE", EventKind.IGNORED),
        ("SUBSCRIBED", EventKind.PAYMENT),
        ("DID_RENEW", EventKind.PAYMENT),
        ("OFFER_REDEEMED", EventKind.PAYMENT),
        ("EXPIRED", EventKind.SUBSCRIPTION),
        ("GRACE_PERIOD_EXPIRED", EventKind.SUBSCRIPTION),
        ("DID_CHANGE_RENEWAL_PREF", EventKind.SUBSCRIPTION),
        ("SOMETHING_NEW", EventKind.IGNORED),
    ],
)
async def test_each_kind_means_what_it_means(kind: str, meant: EventKind) -> None:
    said = await read(notification(kind))
    assert isinstance(said, ProviderEvent)
    assert (said.kind, said.refund_reference) == (meant, None)


UNBELIEVED = [
    (notification(data={"bundleId": "example.other"}), "wrong_account"),
    (notification(data={"appAppleId": 7}), "wrong_account"),
    (notification(data={"environment": "Sandbox"}), "wrong_account"),
    (notification(data={"environment": "Xcode"}), "wrong_account"),
    (notification(signedDate=later(minutes=10)), "too_old"),
    (notification(signedDate=later(days=-9)), "too_old"),
    (notification(signedDate=None), "malformed"),
    (notification(notificationUUID=None), "malformed"),
    (notification(data={"signedTransactionInfo": None}), "malformed"),
    (notification(data={"signedTransactionInfo": "a.b.c"}), "bad_signature"),
    (notification(data={"signedTransactionInfo": transaction(WANTED, by=STRANGER)}),
     "bad_signature"),
    (notification(data={"signedTransactionInfo": transaction(WANTED, bundleId="x.y")}),
     "wrong_account"),
    (STRANGER.sign(notification()), "bad_signature"),
    (STRANGER.sign(notification(), x5c=CHAIN.x5c), "bad_signature"),
    (CHAIN.sign(notification(), x5c=CHAIN.x5c[:2]), "bad_signature"),
    ({"x": 1}, "wrong_account"),
    ({**notification(), "signedDate": "yesterday"}, "bad_signature"),
    ("a.b.c", "bad_signature"),
    ("nothing", "malformed"),
]  # fmt: skip
IDS = [str(number) for number in range(len(UNBELIEVED))]
"""Signed texts differ in each process, so that no test can be named by them."""


@pytest.mark.parametrize(("payload", "code"), UNBELIEVED, ids=IDS)
async def test_what_is_not_believed(payload: dict[str, Any] | str, code: str) -> None:
    said = await read(payload)
    assert isinstance(said, WebhookRejected)
    assert said.code == code


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"signedPayload": 7}', b"[" * 50_000])
async def test_a_body_that_is_no_notification_is_refused(body: bytes) -> None:
    said = await AppStoreProvider().read_webhook(context(Apple()), {}, body)
    assert isinstance(said, WebhookRejected)
    assert said.code == "malformed"


@pytest.mark.parametrize("environment", ["Production", "Xcode", "LocalTesting"])
async def test_a_test_tenant_hears_of_the_sandbox_alone(environment: str) -> None:
    said = await read(notification(data={"environment": environment}), mode="test")
    assert isinstance(said, WebhookRejected)
    assert said.code == "wrong_account"


async def test_a_live_tenant_with_reviewers_hears_of_the_sandbox() -> None:
    told = notification(
        data={
            "environment": "Sandbox",
            "signedTransactionInfo": transaction(request(REVIEWER), at=SANDBOX),
        }
    )
    assert isinstance(await read(told), WebhookRejected)
    said = await read(told, reviewers=[REVIEWER])
    assert isinstance(said, ProviderEvent)
    assert said.kind is EventKind.PAYMENT


async def test_a_purchase_without_our_token_is_found_by_its_number_alone() -> None:
    signed = transaction(WANTED, appAccountToken=None)
    said = await read(notification("REFUND", data={"signedTransactionInfo": signed}))
    assert isinstance(said, ProviderEvent)
    assert (said.attempt_id, said.payment_reference) == (None, "2000000123")


NOTHING_FOLLOWS = {
    # Of nothing that was sold here, or of what costs nobody anything yet.
    "EXTERNAL_PURCHASE_TOKEN", "METADATA_UPDATE", "MIGRATION", "PRICE_CHANGE", "PRICE_INCREASE",
    "REFUND_DECLINED", "RENEWAL_EXTENSION", "RESCIND_CONSENT", "REVOKE", "TEST",
}  # fmt: skip
OF_MONEY = {
    "DID_RENEW": EventKind.PAYMENT,
    "OFFER_REDEEMED": EventKind.PAYMENT,
    "ONE_TIME_CHARGE": EventKind.PAYMENT,
    "SUBSCRIBED": EventKind.PAYMENT,
    "REFUND": EventKind.REFUND,
    "REFUND_REVERSED": EventKind.REFUND,
    "CONSUMPTION_REQUEST": EventKind.USAGE_ASKED,
}


@pytest.mark.parametrize("kind", [one.value for one in NotificationTypeV2])
async def test_each_type_of_apples_own_library_is_sorted(kind: str) -> None:
    said = await read(notification(kind))
    assert isinstance(said, ProviderEvent)
    otherwise = EventKind.IGNORED if kind in NOTHING_FOLLOWS else EventKind.SUBSCRIPTION
    assert said.kind is OF_MONEY.get(kind, otherwise)
