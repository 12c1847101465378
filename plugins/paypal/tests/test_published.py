"""The messages that PayPal's pages show are understood, field by field."""

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from plugins.paypal.tests import published
from plugins.paypal.tests.published import ATTEMPT, REFUND
from tests.servers.canned import Canned

from guildbank.plugin_api import (
    Context,
    DisputeStatus,
    EventKind,
    Outcome,
    OutcomeStatus,
    ProviderEvent,
    WebhookRejected,
)
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.client import Client, Tokens
from guildbank_paypal.events import read_event
from guildbank_paypal.objects import Order
from guildbank_paypal.orders import outcome_of
from guildbank_paypal.settings import read_settings


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def client(canned: Canned) -> Client:
    context = Context(
        tenant="demo",
        mode="test",
        settings={
            "client_id": "client-1",
            "client_secret": "quiet-secret-of-a-tenant",
            "webhook_id": "5WA53290LR5218401",
            "lab_url": canned.url,
        },
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1/",
        http=DirectHttp(),
    )
    return Client(context, read_settings(context), Tokens())


def shows_capture(canned: Canned, custom_id: str | None) -> None:
    """Let PayPal show the capture to which an event leads."""
    canned.answer(200, {"access_token": "A21AA", "expires_in": 32_400})
    canned.answer(
        200,
        {
            "id": "00D10444LD479031K",
            "status": "COMPLETED",
            "amount": {"currency_code": "USD", "value": "3.00"},
            "custom_id": custom_id,
            "supplementary_data": {"related_ids": {"order_id": "1W5313654M9708630"}},
        },
    )


async def read(client: Client, event: dict[str, Any]) -> ProviderEvent:
    found = await read_event(client, json.dumps(event).encode())
    assert isinstance(found, ProviderEvent), found
    return found


def order(**changes: object) -> Order:
    return msgspec.convert({**published.ORDER, **changes}, Order)


def test_a_captured_order_is_processed_with_what_was_captured() -> None:
    assert outcome_of(order()) == Outcome(
        status=OutcomeStatus.PROCESSED,
        reference="5O190127TN364715T",
        amount_minor=10_000,
        currency="USD",
    )


def test_a_new_order_says_where_the_player_goes() -> None:
    outcome = outcome_of(msgspec.convert(published.CREATED, Order))
    assert outcome.status is OutcomeStatus.PENDING
    assert outcome.next_action is not None
    assert outcome.next_action.url == "https://www.paypal.com/checkoutnow?token=5O190127TN364715T"


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("COMPLETED", OutcomeStatus.PROCESSED),
        ("PARTIALLY_REFUNDED", OutcomeStatus.PROCESSED),
        ("REFUNDED", OutcomeStatus.PROCESSED),
        ("PENDING", OutcomeStatus.PENDING),
        ("DECLINED", OutcomeStatus.DECLINED),
        ("FAILED", OutcomeStatus.DECLINED),
        ("SOMETHING_NEW", OutcomeStatus.UNKNOWN),
    ],
)
def test_each_state_of_a_capture_has_its_meaning(status: str, meant: OutcomeStatus) -> None:
    units = deepcopy(published.ORDER["purchase_units"])
    units[0]["payments"]["captures"][0]["status"] = status
    assert outcome_of(order(purchase_units=units)).status is meant


async def test_an_approval_names_our_attempt(client: Client) -> None:
    assert await read(client, published.APPROVED) == ProviderEvent(
        external_id="WH-COC11055RA711503B-4YM959094A144403T",
        kind=EventKind.PAYMENT,
        attempt_id=ATTEMPT,
        payment_reference="5O190127TN364715T",
    )


async def test_a_capture_names_our_attempt_and_its_order(client: Client) -> None:
    assert await read(client, published.CAPTURED) == ProviderEvent(
        external_id="WH-58D329510W468432D-8HN650336L201105X",
        kind=EventKind.PAYMENT,
        attempt_id=ATTEMPT,
        payment_reference="1W5313654M9708630",
    )


async def test_a_refund_of_ours_is_told_by_what_we_wrote_on_it(client: Client) -> None:
    event = deepcopy(published.REFUNDED)
    event["resource"]["custom_id"] = f"{ATTEMPT}/{REFUND}"
    found = await read(client, event)
    assert (found.kind, found.attempt_id) == (EventKind.REFUND, ATTEMPT)
    assert (found.refund_id, found.refund_reference) == (REFUND, "1Y107995YT783435V")


async def test_a_refund_made_at_paypal_is_told_by_its_capture(
    client: Client, canned: Canned
) -> None:
    shows_capture(canned, ATTEMPT)
    found = await read(client, published.REFUNDED)
    assert canned.asked[-1].path == "/v2/payments/captures/0JF852973C016714D"
    assert (found.attempt_id, found.refund_id) == (ATTEMPT, None)
    assert found.refund_reference == "1Y107995YT783435V"


async def test_a_dispute_is_told_by_its_capture_with_its_amount(
    client: Client, canned: Canned
) -> None:
    shows_capture(canned, ATTEMPT)
    assert await read(client, published.DISPUTED) == ProviderEvent(
        external_id="WH-4M0448861G563140B-9EX36365822141321",
        kind=EventKind.DISPUTE_OPENED,
        attempt_id=ATTEMPT,
        payment_reference="1W5313654M9708630",
        dispute_reference="PP-000-042-663-135",
        amount_minor=300,
        currency="USD",
        reason="MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        dispute_status=DisputeStatus.NEEDS_RESPONSE,
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("WAITING_FOR_SELLER_RESPONSE", DisputeStatus.NEEDS_RESPONSE),
        ("WAITING_FOR_BUYER_RESPONSE", DisputeStatus.UNDER_REVIEW),
        ("UNDER_REVIEW", DisputeStatus.UNDER_REVIEW),
        ("OTHER", DisputeStatus.UNDER_REVIEW),
        ("SOMETHING_NEW", None),
    ],
)
async def test_a_changed_dispute_tells_whose_turn_it_is_and_until_when(
    status: str, told: DisputeStatus | None, client: Client
) -> None:
    event = deepcopy(published.UPDATED)
    event["resource"]["disputed_transactions"][0]["custom"] = ATTEMPT
    event["resource"] |= {
        "status": status, "seller_response_due_date": "2018-07-11T13:35:44.000Z",
        "dispute_amount": {"currency_code": "USD", "value": "2.50"},
    }  # fmt: skip
    found = await read(client, event)
    assert (found.kind, found.dispute_status) == (EventKind.DISPUTE_UPDATED, told)
    assert found.answer_by == datetime(2018, 7, 11, 13, 35, 44, tzinfo=UTC)
    assert (found.amount_minor, found.won) == (250, None)


async def test_a_change_that_says_how_it_ended_ends_it(client: Client) -> None:
    event = deepcopy(published.RESOLVED)
    event["event_type"] = "CUSTOMER.DISPUTE.UPDATED"
    event["resource"]["disputed_transactions"][0]["custom"] = ATTEMPT
    found = await read(client, event)
    assert (found.kind, found.won, found.amount_minor) == (EventKind.DISPUTE_LOST, False, 300)


@pytest.mark.parametrize(
    ("outcome", "kind", "won"),
    [
        ("RESOLVED_BUYER_FAVOUR", EventKind.DISPUTE_LOST, False),
        ("ACCEPTED", EventKind.DISPUTE_LOST, False),
        ("RESOLVED_SELLER_FAVOUR", EventKind.DISPUTE_CLOSED, True),
        ("RESOLVED_WITH_PAYOUT", EventKind.DISPUTE_CLOSED, True),
        ("CANCELED_BY_BUYER", EventKind.DISPUTE_CLOSED, True),
        ("DENIED", EventKind.DISPUTE_CLOSED, True),
    ],
)
async def test_a_resolved_dispute_says_who_bears_it(
    outcome: str, kind: EventKind, won: bool, client: Client
) -> None:
    event = deepcopy(published.RESOLVED)
    event["resource"]["disputed_transactions"][0]["custom"] = ATTEMPT
    event["resource"]["dispute_outcome"]["outcome_code"] = outcome
    found = await read(client, event)
    assert (found.kind, found.won, found.amount_minor) == (kind, won, 300)


@pytest.mark.parametrize("event", [published.APPROVED, published.CAPTURED])
async def test_payments_of_another_shop_on_the_same_account_are_ignored(
    event: dict[str, Any], client: Client
) -> None:
    other = json.loads(json.dumps(event).replace(ATTEMPT, "order-7"))
    assert (await read(client, other)).kind is EventKind.IGNORED


@pytest.mark.parametrize(
    "event", [published.REFUNDED, published.DISPUTED, published.UPDATED, published.RESOLVED]
)
async def test_so_are_their_refunds_and_disputes(
    event: dict[str, Any], client: Client, canned: Canned
) -> None:
    shows_capture(canned, "order-7")
    assert (await read(client, event)).kind is EventKind.IGNORED


async def test_events_of_other_products_are_ignored(client: Client) -> None:
    event = {"id": "WH-1", "event_type": "BILLING.PLAN.CREATED", "resource": {"id": 7}}
    assert (await read(client, event)).kind is EventKind.IGNORED


@pytest.mark.parametrize(
    "change",
    [
        {"dispute_amount": {"currency_code": "USD", "value": "3.005"}},
        {"dispute_amount": {"currency_code": "ZZZ", "value": "3.00"}},
        {"dispute_amount": None},
        {"dispute_outcome": None},
        {"dispute_id": 7},
        {"seller_response_due_date": "soon"},
        {"seller_response_due_date": "2018-07-11T13:35:44"},
    ],
)
async def test_a_dispute_that_makes_no_sense_is_malformed(
    change: dict[str, Any], client: Client
) -> None:
    event = deepcopy(published.RESOLVED)
    del event["resource"]["dispute_outcome"]["amount_refunded"]
    event["resource"]["disputed_transactions"][0]["custom"] = ATTEMPT
    event["resource"] |= change
    found = await read_event(client, json.dumps(event).encode())
    assert isinstance(found, WebhookRejected)
    assert found.code == "malformed"
