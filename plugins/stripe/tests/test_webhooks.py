"""Webhooks are believed when Stripe signed them lately for this mode, and only then."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from stripe import WebhookSignature
from tests.servers.canned import Canned
from tests.servers.localstripe import WEBHOOK_SECRET, LocalStripe

from guildbank.plugin_api import (
    Context,
    DisputeStatus,
    EventKind,
    ProviderEvent,
    WebhookRejected,
)
from guildbank_stripe.disputes import STATUSES
from guildbank_stripe.plugin import StripeProvider

INTENT = {"id": "pi_1", "object": "payment_intent", "metadata": {"guildbank_attempt": "att_1"}}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "payment_intent": "pi_1",
    "metadata": {"guildbank_refund": "ref_1", "guildbank_attempt": "att_1"},
    "reason": "requested_by_customer",
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "payment_intent": "pi_1",
    "metadata": {"guildbank_attempt": "att_1"},
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "payment_intent": "pi_1",
    "amount": 499,
    "currency": "eur",
    "reason": "fraudulent",
    "status": "needs_response",
}
DISPUTED = ProviderEvent(
    external_id="evt_1",
    kind=EventKind.DISPUTE_OPENED,
    payment_reference="pi_1",
    dispute_reference="dp_1",
    amount_minor=499,
    currency="EUR",
    reason="fraudulent",
    dispute_status=DisputeStatus.NEEDS_RESPONSE,
)


def body_of(kind: str, subject: Mapping[str, object], *, livemode: bool = False) -> str:
    return json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": kind,
            "livemode": livemode,
            "data": {"object": subject},
        }
    )


def signature_of(body: str, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> str:
    at = int(time.time()) - age_seconds
    return WebhookSignature.generate_signature_header(body, secret, at)


def read(context: Context, body: str, signature: str) -> ProviderEvent | WebhookRejected:
    headers = {"stripe-signature": signature}
    return asyncio.run(StripeProvider().read_webhook(context, headers, body.encode("utf-8")))


def code_of(read: ProviderEvent | WebhookRejected) -> str:
    return read.code if isinstance(read, WebhookRejected) else "believed"


@pytest.mark.parametrize(
    "what", ["succeeded", "payment_failed", "canceled", "processing", "requires_action"]
)
def test_an_event_of_a_payment_names_our_attempt(what: str, context: Context) -> None:
    body = body_of(f"payment_intent.{what}", INTENT)
    assert read(context, body, signature_of(body)) == ProviderEvent(
        external_id="evt_1",
        kind=EventKind.PAYMENT,
        attempt_id="att_1",
        payment_reference="pi_1",
    )


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed"])
def test_an_event_of_a_refund_names_our_refund(kind: str, context: Context) -> None:
    body = body_of(kind, REFUND)
    assert read(context, body, signature_of(body)) == ProviderEvent(
        external_id="evt_1",
        kind=EventKind.REFUND,
        attempt_id="att_1",
        payment_reference="pi_1",
        refund_id="ref_1",
        refund_reference="re_1",
        reason="requested_by_customer",
    )


def test_a_refund_made_in_stripes_dashboard_is_told_without_an_id_of_ours(context: Context) -> None:
    body = body_of("refund.created", {**REFUND, "metadata": {}})
    event = read(context, body, signature_of(body))
    assert isinstance(event, ProviderEvent)
    assert event.kind is EventKind.REFUND
    assert (event.refund_id, event.refund_reference) == (None, "re_1")
    assert event.payment_reference == "pi_1"


def test_a_refunded_charge_does_not_pass_for_a_refund_of_that_id(context: Context) -> None:
    body = body_of("charge.refunded", CHARGE)
    event = read(context, body, signature_of(body))
    assert isinstance(event, ProviderEvent)
    assert (event.kind, event.payment_reference) == (EventKind.REFUND, "pi_1")
    assert event.refund_reference is None


@pytest.mark.parametrize(
    ("kind", "status", "meant", "won"),
    [
        ("charge.dispute.created", "needs_response", EventKind.DISPUTE_OPENED, None),
        ("charge.dispute.created", "warning_needs_response", EventKind.DISPUTE_OPENED, None),
        ("charge.dispute.updated", "under_review", EventKind.DISPUTE_UPDATED, None),
        ("charge.dispute.updated", "appeal_under_review", EventKind.DISPUTE_UPDATED, None),
        ("charge.dispute.funds_withdrawn", "lost", EventKind.DISPUTE_FUNDS_WITHDRAWN, None),
        ("charge.dispute.funds_reinstated", "won", EventKind.DISPUTE_FUNDS_REINSTATED, None),
        ("charge.dispute.closed", "won", EventKind.DISPUTE_CLOSED, True),
        ("charge.dispute.closed", "lost", EventKind.DISPUTE_CLOSED, False),
        ("charge.dispute.closed", "warning_closed", EventKind.DISPUTE_CLOSED, True),
    ],
)
def test_a_dispute_tells_its_amount_and_how_it_ended(
    kind: str, status: str, meant: EventKind, won: bool | None, context: Context
) -> None:
    body = body_of(kind, {**DISPUTE, "status": status})
    expected = msgspec.structs.replace(
        DISPUTED, kind=meant, won=won, dispute_status=STATUSES.get(status)
    )
    assert read(context, body, signature_of(body)) == expected


def test_a_dispute_tells_until_when_it_is_answered(context: Context) -> None:
    details = {"due_by": 1_800_000_000, "submission_count": 0, "past_due": False}
    body = body_of("charge.dispute.created", {**DISPUTE, "evidence_details": details})
    event = read(context, body, signature_of(body))
    assert isinstance(event, ProviderEvent)
    assert event.answer_by == datetime(2027, 1, 15, 8, tzinfo=UTC)
    body = body_of("charge.dispute.created", {**DISPUTE, "evidence_details": {"due_by": 0}})
    assert read(context, body, signature_of(body)) == DISPUTED


def test_an_expanded_payment_is_understood(context: Context) -> None:
    body = body_of("charge.dispute.created", {**DISPUTE, "payment_intent": INTENT})
    assert read(context, body, signature_of(body)) == DISPUTED


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        pytest.param("invoice.paid", {"id": 7, "odd": []}, id="an event of another product"),
        pytest.param("payment_intent.succeeded", {"id": "pi_2"}, id="somebody else's payment"),
        pytest.param("refund.created", {"id": "re_2"}, id="a refund of no intent"),
    ],
)
def test_what_is_not_ours_is_ignored(
    kind: str, subject: Mapping[str, object], context: Context
) -> None:
    body = body_of(kind, subject)
    event = read(context, body, signature_of(body))
    assert event == ProviderEvent(external_id="evt_1", kind=EventKind.IGNORED)


def test_while_a_secret_is_rolled_either_signature_will_do(context: Context) -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    at, old = signature_of(body, "whsec_the_old_one").split(",")
    new = signature_of(body).split(",")[1]
    assert code_of(read(context, body, f"{at},{old},{new}")) == "believed"
    assert code_of(read(context, body, f"{at},{old}")) == "bad_signature"


def test_a_signature_of_an_older_scheme_is_not_believed(context: Context) -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    assert code_of(read(context, body, signature_of(body).replace("v1=", "v0="))) == "bad_signature"


def test_a_replay_after_five_minutes_is_too_old(context: Context) -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    assert code_of(read(context, body, signature_of(body, age_seconds=290))) == "believed"
    assert code_of(read(context, body, signature_of(body, age_seconds=310))) == "too_old"


def test_a_live_event_at_a_test_tenant_is_of_the_wrong_account(context: Context) -> None:
    body = body_of("payment_intent.succeeded", INTENT, livemode=True)
    assert code_of(read(context, body, signature_of(body))) == "wrong_account"


def test_a_test_event_at_a_live_tenant_is_of_the_wrong_account(context: Context) -> None:
    settings = {"secret_key": "sk_live_1", "webhook_secret": WEBHOOK_SECRET}
    live = msgspec.structs.replace(context, mode="live", settings=settings)
    for livemode, expected in ((False, "wrong_account"), (True, "believed")):
        body = body_of("payment_intent.succeeded", INTENT, livemode=livemode)
        assert code_of(read(live, body, signature_of(body))) == expected


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param({**DISPUTE, "amount": None}, id="no amount"),
        pytest.param({**DISPUTE, "amount": 499.5}, id="a fraction of a cent"),
        pytest.param({**DISPUTE, "currency": "zzz"}, id="no currency"),
        pytest.param({**DISPUTE, "id": None}, id="no id"),
    ],
)
def test_a_dispute_that_makes_no_sense_is_malformed(
    subject: Mapping[str, object], context: Context
) -> None:
    body = body_of("charge.dispute.created", subject)
    assert code_of(read(context, body, signature_of(body))) == "malformed"


async def test_a_webhook_that_a_stripe_server_delivers_is_believed(
    localstripe: LocalStripe, context: Context
) -> None:
    paid = {
        "amount": 499,
        "currency": "eur",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "metadata": {"guildbank_attempt": "att_delivered"},
    }
    async with Canned() as endpoint:
        localstripe.deliver_webhooks_to(f"{endpoint.url}/hook")
        intent = localstripe.post("/v1/payment_intents", paid)
        delivered = await endpoint.wait_for(lambda asked: b"att_delivered" in asked.body)
    event = await StripeProvider().read_webhook(context, delivered.headers, delivered.body)
    assert isinstance(event, ProviderEvent)
    assert event.kind is EventKind.PAYMENT
    assert (event.attempt_id, event.payment_reference) == ("att_delivered", intent["id"])
    tampered = delivered.body.replace(b"att_delivered", b"att_delivereD")
    refused = await StripeProvider().read_webhook(context, delivered.headers, tampered)
    assert code_of(refused) == "bad_signature"
