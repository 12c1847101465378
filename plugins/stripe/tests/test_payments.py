"""What the player and the merchant live through with real intents, on localstripe."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from stripe import StripeError
from tests.servers.localstripe import LocalStripe

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, Outcome, OutcomeStatus, PaymentRequest, RefundRequest
from guildbank_stripe.plugin import StripeProvider


def request_for(method: str | None, amount_minor: int = 499) -> PaymentRequest:
    attempt_id = new_id("att")
    return PaymentRequest(
        attempt_id=attempt_id,
        idempotency_key=f"{attempt_id}:create:1",
        amount_minor=amount_minor,
        currency="EUR",
        description="500 coins",
        player_id=new_id("player"),
        method=method,
    )


async def confirm(
    localstripe: LocalStripe,
    provider: StripeProvider,
    context: Context,
    card: str,
    *,
    success: bool,
) -> tuple[PaymentRequest, Outcome]:
    """Pay by a card that the player must confirm, confirm or fail, and look."""
    request = request_for(localstripe.card(card))
    asked = await provider.create_payment(context, request)
    assert asked.status is OutcomeStatus.PENDING
    assert asked.reference
    assert asked.next_action
    assert asked.next_action.client_secret
    localstripe.authenticate(asked.reference, asked.next_action.client_secret, success=success)
    return request, await provider.fetch_payment(context, request.attempt_id, asked.reference)


async def test_a_confirmed_card_pays(
    localstripe: LocalStripe, provider: StripeProvider, context: Context
) -> None:
    _, paid = await confirm(localstripe, provider, context, "4000002500003155", success=True)
    assert paid.status is OutcomeStatus.PROCESSED
    assert (paid.amount_minor, paid.currency) == (499, "EUR")


@pytest.mark.parametrize(
    ("card", "success"),
    [
        pytest.param("4000002500003155", False, id="the player fails to confirm"),
        pytest.param("4000008400001629", True, id="the card is refused after the player confirmed"),
    ],
)
async def test_a_decline_is_final_even_for_who_holds_the_client_secret(
    card: str,
    success: bool,
    localstripe: LocalStripe,
    provider: StripeProvider,
    context: Context,
) -> None:
    request, looked = await confirm(localstripe, provider, context, card, success=success)
    assert looked.status is OutcomeStatus.DECLINED
    assert looked.code
    intent = localstripe.get(f"/v1/payment_intents/{looked.reference}")
    assert intent["status"] == "canceled"
    again = await provider.fetch_payment(context, request.attempt_id, looked.reference)
    assert again == looked
    canceled = await provider.cancel_payment(context, request.attempt_id, looked.reference)
    assert canceled.status is OutcomeStatus.DECLINED


async def test_without_a_method_the_player_chooses_in_stripes_form(
    provider: StripeProvider, context: Context
) -> None:
    request = request_for(None)
    asked = await provider.create_payment(context, request)
    assert asked.status is OutcomeStatus.PENDING
    assert asked.next_action
    assert asked.next_action.kind == "client_secret"
    assert asked.next_action.client_secret
    canceled = await provider.cancel_payment(context, request.attempt_id, asked.reference)
    assert canceled.status is OutcomeStatus.CANCELED


async def test_a_method_that_stripe_does_not_know_is_declined(
    provider: StripeProvider, context: Context
) -> None:
    refused = await provider.create_payment(context, request_for("pm_nobody_has_this"))
    assert refused.status is OutcomeStatus.DECLINED


async def test_an_attempt_of_a_moment_ago_that_stripe_does_not_show_is_unknown(
    provider: StripeProvider, context: Context
) -> None:
    attempt_id = new_id("att")
    now = msgspec.structs.replace(context, now=datetime.now(UTC))
    early = await provider.fetch_payment(now, attempt_id, None)
    assert (early.status, early.code) == (OutcomeStatus.UNKNOWN, "too_early")
    later = msgspec.structs.replace(now, now=now.now + timedelta(minutes=3))
    certain = await provider.fetch_payment(later, attempt_id, None)
    assert (certain.status, certain.code) == (OutcomeStatus.CANCELED, "not_found")


async def test_a_reference_that_stripe_does_not_know_is_no_proof_that_nothing_happened(
    provider: StripeProvider, context: Context
) -> None:
    outcome = await provider.fetch_payment(context, new_id("att"), "pi_of_another_account")
    assert outcome.status is OutcomeStatus.UNKNOWN


async def test_another_attempts_payment_is_never_taken_for_ours(
    provider: StripeProvider, context: Context
) -> None:
    paid = await provider.create_payment(context, request_for("pm_card_visa"))
    with pytest.raises(LookupError):
        await provider.fetch_payment(context, new_id("att"), paid.reference)


async def test_a_refund_sent_again_days_later_pays_nothing(
    provider: StripeProvider, context: Context
) -> None:
    """The server forgets idempotency keys at once, as Stripe does after a day."""
    payment = request_for("pm_card_visa")
    paid = await provider.create_payment(context, payment)
    refund = RefundRequest(
        refund_id=new_id("ref"),
        idempotency_key="key",
        attempt_id=payment.attempt_id,
        payment_reference=paid.reference or "",
        amount_minor=100,
        currency="EUR",
        reason="The player asked",
    )
    first = await provider.refund(context, refund)
    assert (first.status, first.amount_minor) == (OutcomeStatus.PROCESSED, 100)
    assert await provider.refund(context, refund) == first


async def test_the_connection_test_says_who_answered(
    provider: StripeProvider, context: Context
) -> None:
    assert "test mode" in await provider.test_connection(context)


async def test_the_connection_test_fails_when_nobody_answers(
    provider: StripeProvider, context: Context
) -> None:
    settings = {**context.settings, "api_base": "http://127.0.0.1:9"}
    with pytest.raises(StripeError, match="did not answer"):
        await provider.test_connection(msgspec.structs.replace(context, settings=settings))
