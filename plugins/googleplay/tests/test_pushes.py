"""A push is believed by Google's token alone, and is a hint about an attempt."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from plugins.googleplay.tests.google import (
    ORDER,
    TOKEN,
    Google,
    bearer,
    context,
    later,
    push,
    request,
)

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_googleplay.plugin import GooglePlayProvider

BOUGHT = {
    "oneTimeProductNotification": {
        "version": "1.0", "notificationType": 1, "purchaseToken": TOKEN, "sku": "example.gems",
    }
}  # fmt: skip
VOIDED = {
    "voidedPurchaseNotification": {
        "purchaseToken": TOKEN, "orderId": ORDER, "productType": 2, "refundType": 1,
    }
}  # fmt: skip
WANTED = request()


def with_bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def read(
    http: Google, body: bytes, headers: dict[str, str] | None = None, **settings: Any
) -> ProviderEvent | WebhookRejected:
    given = with_bearer(bearer()) if headers is None else headers
    return await GooglePlayProvider().read_webhook(context(http, **settings), given, body)


async def test_a_purchase_is_told_of_by_its_attempt_and_its_order() -> None:
    http = Google()
    http.sell(WANTED)
    assert await read(http, push(BOUGHT)) == ProviderEvent(
        external_id="136969346945",
        kind=EventKind.PAYMENT,
        attempt_id=WANTED.attempt_id,
        payment_reference=ORDER,
    )


@pytest.mark.parametrize(("listed", "reason"), [(ORDER, "chargeback"), ("GPA.2", None)])
async def test_money_that_went_back_is_told_of_by_its_order_and_why_where_the_list_says(
    listed: str, reason: str | None
) -> None:
    http = Google()
    at = str(later(minutes=-1) * 1_000)
    http.voided = [{"orderId": listed, "voidedTimeMillis": at, "voidedReason": 7}]
    assert await read(http, push(VOIDED)) == ProviderEvent(
        external_id="136969346945",
        kind=EventKind.REFUND,
        payment_reference=ORDER,
        refund_reference=f"{ORDER}/refund",
        reason=reason,
    )


async def test_money_that_went_back_is_told_of_without_the_list_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    http = Google()
    monkeypatch.setattr(http, "_voided", lambda wanted: {"voidedPurchases": "nonsense"})
    said = await read(http, push(VOIDED))
    assert isinstance(said, ProviderEvent)
    assert (said.kind, said.reason) == (EventKind.REFUND, None)


@pytest.mark.parametrize(
    "told",
    [
        {"testNotification": {"version": "1.0"}},
        {"pendingRefundReviewNotification": {"orderId": ORDER}},
        {"voidedPurchaseNotification": {"orderId": ORDER, "productType": 1, "refundType": 2}},
        {"voidedPurchaseNotification": {"orderId": ORDER, "productType": 3, "refundType": 1}},
        {"voidedPurchaseNotification": {"orderId": ORDER, "productType": 2, "refundType": 2}},
        {"voidedPurchaseNotification": {"productType": 2, "refundType": 1}},
        {},
    ],
)
async def test_of_all_else_nothing_follows(told: dict[str, Any]) -> None:
    http = Google()
    said = await read(http, push(told))
    assert isinstance(said, ProviderEvent)
    assert said.kind is EventKind.IGNORED
    assert http.asked == []


async def test_a_purchase_that_names_no_attempt_is_none_of_ours() -> None:
    http = Google()
    http.sell(WANTED, obfuscatedExternalProfileId="")
    said = await read(http, push(BOUGHT))
    assert isinstance(said, ProviderEvent)
    assert said.kind is EventKind.IGNORED


async def test_a_purchase_that_google_does_not_show_yet_is_to_be_pushed_again() -> None:
    with pytest.raises(RuntimeError, match="does not show"):
        await read(Google(), push(BOUGHT))


UNBELIEVED = {
    "by a stranger": (lambda: bearer("stranger"), "bad_signature"),
    "by a key that is not there": (lambda: bearer(kid="two"), "bad_signature"),
    "by another algorithm": (lambda: bearer(alg="PS256"), "bad_signature"),
    "for another audience": (lambda: bearer(aud="https://other.example"), "wrong_account"),
    "for several": (lambda: bearer(aud=["https://a.example"]), "wrong_account"),
    "of another account": (lambda: bearer(email="x@example.com"), "wrong_account"),
    "of an unverified account": (lambda: bearer(email_verified=False), "wrong_account"),
    "of another issuer": (lambda: bearer(iss="https://evil.example"), "wrong_account"),
    "expired": (lambda: bearer(exp=later(minutes=-2)), "too_old"),
    "of the future": (lambda: bearer(iat=later(minutes=2)), "too_old"),
    "without an end": (lambda: bearer(exp=None), "too_old"),
    "of another form": (lambda: "a.b.c", "bad_signature"),
    "of none": (lambda: "", "bad_signature"),
    "too long": (lambda: "x" * 5_000, "bad_signature"),
    "not of ASCII": (lambda: "ü.ü.ü", "bad_signature"),
}


@pytest.mark.parametrize(("make", "code"), UNBELIEVED.values(), ids=UNBELIEVED.keys())
async def test_what_is_not_believed_asks_nothing_about_purchases(make: Any, code: str) -> None:
    http = Google()
    http.sell(WANTED)
    said = await read(http, push(BOUGHT), with_bearer(make()))
    assert isinstance(said, WebhookRejected)
    assert said.code == code
    assert http.asked == []


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic eDp5"}, {"authorization": ""}])
async def test_without_a_bearer_nobody_is_believed(headers: dict[str, str]) -> None:
    http = Google()
    said = await read(http, push(BOUGHT), headers)
    assert isinstance(said, WebhookRejected)
    assert (said.code, http.key_asked) == ("bad_signature", 0)


async def test_without_the_pusher_s_account_in_the_settings_nobody_is_believed() -> None:
    http = Google()
    here = context(http)
    without = {name: value for name, value in here.settings.items() if name != "push_email"}
    told = msgspec.structs.replace(here, settings=without)
    said = await GooglePlayProvider().read_webhook(told, with_bearer(bearer()), push(BOUGHT))
    assert isinstance(said, WebhookRejected)


async def test_another_audience_may_be_set() -> None:
    http = Google()
    told = with_bearer(bearer(aud="games"))
    said = await read(http, push(VOIDED), told, push_audience="games")
    assert isinstance(said, ProviderEvent)


async def test_another_app_s_notification_is_refused_without_a_call() -> None:
    http = Google()
    said = await read(http, push(BOUGHT, package="example.other"))
    assert isinstance(said, WebhookRejected)
    assert (said.code, http.asked) == ("wrong_account", [])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"[" * 50_000, b'{"message": 7}', b'{"message": {"data": "x"}}',
        b'{"message": {"data": "???", "messageId": "1"}}',
        b'{"message": {"data": "e30=", "messageId": "1"}}',
        b'{"message": {"data": "W10=", "messageId": "1"}}',
    ],
)  # fmt: skip
async def test_a_believed_push_of_nonsense_is_refused(body: bytes) -> None:
    said = await read(Google(), body)
    assert isinstance(said, WebhookRejected)
    assert said.code == "malformed"


async def test_google_s_keys_are_kept_and_a_stranger_s_cost_one_call_a_minute() -> None:
    http, provider = Google(), GooglePlayProvider()
    here = context(http)
    for token in (bearer(), bearer(), bearer(kid="two"), bearer(kid="three")):
        await provider.read_webhook(here, with_bearer(token), push(VOIDED))
    assert http.key_asked == 1
    a_minute_on = msgspec.structs.replace(here, now=here.now + timedelta(minutes=1))
    for token in (bearer(kid="two"), bearer(kid="two")):
        await provider.read_webhook(a_minute_on, with_bearer(token), push(VOIDED))
    assert http.key_asked == 2
