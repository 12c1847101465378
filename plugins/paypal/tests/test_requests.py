"""What leaves for PayPal, byte by byte where it matters, and what its answers are taken for."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from plugins.paypal.tests import published
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Context,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    RefundRequest,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.client import PayPalFailed
from guildbank_paypal.plugin import PayPalProvider
from guildbank_paypal.settings import BadSettings, read_settings

SECRET = "quiet-secret-of-a-tenant"
TOKEN = {"access_token": "A21AA", "token_type": "Bearer", "expires_in": 32_400}
FINAL = {"details": [{"issue": "TRANSACTION_REFUSED"}]}


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def context(canned: Canned) -> Context:
    settings = {
        "client_id": "client-1",
        "client_secret": SECRET,
        "webhook_id": "5WA53290LR5218401",
        "lab_url": canned.url,
        "brand_name": "Ember Isle",
    }
    return Context(
        tenant="demo",
        mode="test",
        settings=settings,
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1/",
        http=DirectHttp(),
    )


@pytest.fixture
def provider() -> PayPalProvider:
    return PayPalProvider(timeout_seconds=2)


def purchase(**changes: Any) -> PaymentRequest:
    attempt_id = new_id("att")
    request = PaymentRequest(
        attempt_id=attempt_id,
        idempotency_key=f"{attempt_id}:create:1",
        amount_minor=499,
        currency="EUR",
        description="Chest",
        player_id="player_1",
        return_url="https://game.example/back",
    )
    return msgspec.structs.replace(request, **changes)


def order_of(attempt_id: str, mark: str = "", **changes: object) -> dict[str, object]:
    unit = {"reference_id": "default", "custom_id": attempt_id + mark}
    return {"id": "ORDER1", "status": "APPROVED", "purchase_units": [unit], "links": [], **changes}


async def look(
    provider: PayPalProvider, context: Context, canned: Canned, *answers: tuple[int, object]
) -> Outcome:
    """Capture an order that PayPal shows as approved; then it gives these answers."""
    attempt_id = new_id("att")
    canned.answer(200, TOKEN)
    canned.answer(200, order_of(attempt_id))
    for status, body in answers:
        marked = body({"attempt": attempt_id}) if callable(body) else body
        canned.answer(status, marked)
    return await provider.capture_payment(context, attempt_id, "ORDER1")


async def test_an_order_is_made_once_for_each_key_and_names_our_attempt(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    request = purchase()
    canned.answer(200, TOKEN)
    canned.answer(201, published.CREATED)
    outcome = await provider.create_payment(context, request)
    assert outcome.reference == "5O190127TN364715T"
    token, made = canned.asked
    pair = b64encode(f"client-1:{SECRET}".encode()).decode()
    assert (token.path, token.headers["authorization"]) == ("/v1/oauth2/token", f"Basic {pair}")
    assert token.form == {"grant_type": "client_credentials"}
    assert (made.method, made.path) == ("POST", "/v2/checkout/orders")
    assert made.headers["paypal-request-id"] == f"{request.attempt_id}:create:1"
    assert made.headers["authorization"] == "Bearer A21AA"
    assert json.loads(made.body) == {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": "default",
                "custom_id": request.attempt_id,
                "invoice_id": request.attempt_id,
                "description": "Chest",
                "amount": {"currency_code": "EUR", "value": "4.99"},
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                    "brand_name": "Ember Isle",
                    "return_url": "https://game.example/back",
                    "cancel_url": "https://game.example/back",
                }
            }
        },
    }
    canned.answer(201, published.CREATED)
    await provider.create_payment(context, request)
    assert canned.asked[2].body == made.body
    assert len(canned.asked) == 3, "the access token is kept"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "HUF", "amount_minor": 50_050}, "amount_not_expressible"),
        ({"currency": "KWD"}, "currency_not_taken"),
        ({"method": "card"}, "unknown_method"),
    ],
)
async def test_what_paypal_cannot_take_is_declined_without_asking(
    changes: Mapping[str, object],
    code: str,
    provider: PayPalProvider,
    context: Context,
    canned: Canned,
) -> None:
    outcome = await provider.create_payment(context, purchase(**changes))
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, code)
    assert canned.asked == []


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500, 503])
async def test_only_a_no_to_this_very_request_is_a_decline(
    status: int, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    canned.answer(200, TOKEN)
    for _ in range(3):
        canned.answer(status, {"name": "SOME_ERROR", "details": [{"issue": "SOME_ISSUE"}]})
    with pytest.raises(PayPalFailed) as failed:
        await provider.create_payment(context, purchase())
    assert SECRET not in str(failed.value)


async def test_a_declined_instrument_leads_the_player_back_to_paypal(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    outcome = await look(provider, context, canned, (422, published.DECLINED))
    assert (outcome.status, outcome.code) == (OutcomeStatus.PENDING, "INSTRUMENT_DECLINED")
    assert outcome.next_action is not None
    assert outcome.next_action.url == f"{canned.url}/checkoutnow?token=ORDER1"


async def test_a_capture_refused_for_good_is_written_on_the_order_before_it_is_believed(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    def marked(known: Mapping[str, str]) -> object:
        return order_of(known["attempt"], "/declined/TRANSACTION_REFUSED")

    outcome = await look(provider, context, canned, (422, FINAL), (204, None), (200, marked))
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, "TRANSACTION_REFUSED")
    patched = canned.asked[3]
    assert patched.method == "PATCH"
    assert json.loads(patched.body)[0]["value"].endswith("/declined/TRANSACTION_REFUSED")


async def test_a_refusal_that_could_not_be_written_down_is_not_believed(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    def unmarked(known: Mapping[str, str]) -> object:
        return order_of(known["attempt"])

    with pytest.raises(PayPalFailed):
        await look(provider, context, canned, (422, FINAL), (422, FINAL), (200, unmarked))


@pytest.mark.parametrize("issue", ["DUPLICATE_INVOICE_ID", "PERMISSION_DENIED", "SOMETHING_NEW"])
async def test_an_issue_that_may_be_ours_to_mend_leaves_the_payment_as_it_is(
    issue: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    with pytest.raises(PayPalFailed, match=issue):
        await look(provider, context, canned, (422, {"details": [{"issue": issue}]}))


async def test_a_capture_that_another_look_made_first_is_read(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    def captured(known: Mapping[str, str]) -> object:
        text = json.dumps(published.ORDER).replace(published.ATTEMPT, known["attempt"])
        return json.loads(text)

    first = {"details": [{"issue": "ORDER_ALREADY_CAPTURED"}]}
    outcome = await look(provider, context, canned, (422, first), (200, captured))
    assert (outcome.status, outcome.amount_minor) == (OutcomeStatus.PROCESSED, 10_000)


@pytest.mark.parametrize("mark", ["/canceled", "/declined/TRANSACTION_REFUSED"])
async def test_an_order_that_is_marked_as_over_is_never_captured(
    mark: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    attempt_id = new_id("att")
    canned.answer(200, TOKEN)
    canned.answer(200, order_of(attempt_id, mark))
    outcome = await provider.fetch_payment(context, attempt_id, "ORDER1")
    assert outcome.status in (OutcomeStatus.CANCELED, OutcomeStatus.DECLINED)
    assert [asked.method for asked in canned.asked[1:]] == ["GET"]


async def test_an_order_of_another_attempt_is_not_taken_for_ours(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    canned.answer(200, TOKEN)
    canned.answer(200, order_of(new_id("att")))
    with pytest.raises(LookupError):
        await provider.fetch_payment(context, new_id("att"), "ORDER1")


@pytest.mark.parametrize(
    ("hours", "meant"), [(1, OutcomeStatus.UNKNOWN), (25, OutcomeStatus.CANCELED)]
)
async def test_an_order_that_paypal_has_forgotten_is_over_after_a_day(
    hours: int, meant: OutcomeStatus, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    later = msgspec.structs.replace(context, now=context.now + timedelta(hours=hours))
    canned.answer(200, TOKEN)
    canned.answer(404, {"name": "RESOURCE_NOT_FOUND"})
    assert (await provider.fetch_payment(later, new_id("att"), "ORDER1")).status is meant


async def test_a_refund_names_itself_and_goes_to_the_capture(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    request = RefundRequest(
        refund_id=new_id("ref"),
        idempotency_key="ref:refund:1",
        attempt_id=new_id("att"),
        payment_reference="5O190127TN364715T",
        amount_minor=250,
        currency="USD",
    )
    canned.answer(200, TOKEN)
    canned.answer(200, published.ORDER)
    amount = {"currency_code": "USD", "value": "2.50"}
    canned.answer(201, {"id": "1JU08902781691411", "status": "COMPLETED", "amount": amount})
    outcome = await provider.refund(context, request)
    assert (outcome.status, outcome.amount_minor) == (OutcomeStatus.PROCESSED, 250)
    made = canned.asked[2]
    assert made.path == "/v2/payments/captures/3C679366HH908993F/refund"
    assert made.headers["paypal-request-id"] == "ref:refund:1"
    mark = f"{request.attempt_id}/{request.refund_id}"
    assert json.loads(made.body) == {"amount": amount, "custom_id": mark}


@pytest.mark.parametrize("name", ["lab_url", "trust_root"])
async def test_a_live_tenant_makes_no_call_with_a_setting_of_the_lab(
    name: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    settings = {k: v for k, v in context.settings.items() if k != "lab_url"}
    value = canned.url if name == "lab_url" else "-----BEGIN CERTIFICATE-----"
    live = msgspec.structs.replace(context, mode="live", settings={**settings, name: value})
    with pytest.raises(BadSettings) as refused:
        await provider.create_payment(live, purchase())
    assert SECRET not in str(refused.value)
    assert isinstance(await provider.read_webhook(live, {}, b""), WebhookRejected)
    assert canned.asked == []


@pytest.mark.parametrize(
    ("mode", "base"),
    [("test", "https://api-m.sandbox.paypal.com"), ("live", "https://api-m.paypal.com")],
)
def test_each_mode_has_its_own_paypal(mode: str, base: str, context: Context) -> None:
    plain = {k: v for k, v in context.settings.items() if k != "lab_url"}
    settings = read_settings(msgspec.structs.replace(context, mode=mode, settings=plain))
    assert settings.base == base
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://127.0.0.1/", "leads here"), ("https://other.example/", "leads elsewhere")],
)
async def test_the_connection_test_says_where_paypals_webhook_leads(
    url: str, told: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    canned.answer(200, TOKEN)
    canned.answer(200, {"id": "5WA53290LR5218401", "url": url})
    try:
        said = await provider.test_connection(context)
    except PayPalFailed as failed:
        said = str(failed)
    assert told in said
