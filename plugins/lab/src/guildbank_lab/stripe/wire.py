"""Objects as Stripe shows them, by the fields that are read of them.

Shapes: https://docs.stripe.com/api/payment_intents/object , .../checkout/sessions/object ,
.../refunds/object , .../disputes/object and .../errors .
"""

from typing import Any

from guildbank_lab.stripe.errors import page_of
from guildbank_lab.stripe.records import Card, Dispute, Failure, Intent, Refund, Session

Json = dict[str, Any]


def intent(one: Intent, url: str) -> Json:
    """Return a payment intent."""
    return {
        "id": one.id,
        "object": "payment_intent",
        "amount": one.amount,
        "amount_received": one.received,
        "currency": one.currency,
        "status": one.status,
        "client_secret": one.client_secret,
        "created": one.at,
        "customer": None if one.customer is None else one.customer.id,
        "description": one.description,
        "last_payment_error": None if one.failure is None else failure(one.failure),
        "livemode": False,
        "metadata": one.metadata,
        "next_action": _next_action(one, url),
        "payment_method": one.method,
    }


def failure(one: Failure) -> Json:
    """Return why a try failed; what has nothing to say is left out."""
    shown: Json = {
        "type": one.type,
        "code": one.code,
        "message": one.message,
        "doc_url": page_of(one.code),
        "decline_code": one.decline_code,
        "param": one.param,
        "advice_code": one.advice_code,
        "network_decline_code": one.network_decline_code,
        "charge": one.charge,
        "payment_method": None if one.card is None else shown_card(one.card),
    }
    return {name: value for name, value in shown.items() if value is not None}


def shown_card(one: Card) -> dict[str, Any]:
    """Return a payment method."""
    return {
        "id": one.id,
        "object": "payment_method",
        "billing_details": {"name": "Ada Buyer"},
        "card": {
            "brand": one.brand,
            "exp_month": one.exp_month,
            "exp_year": one.exp_year,
            "fingerprint": one.fingerprint,
            "last4": one.last4,
        },
        "created": one.at,
        "customer": None if one.customer is None else one.customer.id,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def refund(one: Intent, given: Refund) -> Json:
    """Return a refund."""
    return {
        "id": given.id,
        "object": "refund",
        "amount": given.amount,
        "currency": one.currency,
        "created": given.at,
        "metadata": given.metadata,
        "payment_intent": one.id,
        "reason": given.reason,
        "status": given.status,
    }


def session(one: Session, url: str) -> Json:
    """Return a Checkout Session; its address is there while it is open."""
    paid = one.intent is not None and one.intent.status == "succeeded"
    return {
        "id": one.id,
        "object": "checkout.session",
        "amount_total": one.amount,
        "client_reference_id": one.client_reference_id,
        "created": one.at,
        "currency": one.currency,
        "customer": None if one.customer is None else one.customer.id,
        "expires_at": one.expires_at,
        "livemode": False,
        "metadata": one.metadata,
        "mode": "payment",
        "payment_intent": None if one.intent is None else one.intent.id,
        "payment_status": "paid" if paid else "unpaid",
        "status": one.status,
        "success_url": one.success_url,
        "url": f"{url}/stripe/pay/{one.id}" if one.status == "open" else None,
    }


def dispute(one: Dispute) -> Json:
    """Return a dispute."""
    return {
        "id": one.id,
        "object": "dispute",
        "amount": one.amount,
        "balance_transactions": [
            {
                "id": f"txn_{one.id[3:]}{number}",
                "object": "balance_transaction",
                "amount": amount,
                "currency": one.intent.currency,
                "created": at,
                "reporting_category": category,
                "type": "adjustment",
            }
            for number, (category, amount, at) in enumerate(one.moved)
        ],
        "created": one.at,
        "currency": one.intent.currency,
        "evidence": one.evidence,
        "evidence_details": {
            "due_by": one.due_by,
            "has_evidence": bool(one.evidence),
            "past_due": False,
            "submission_count": one.submissions,
        },
        "livemode": False,
        "metadata": {},
        "payment_intent": one.intent.id,
        "reason": one.reason,
        "status": one.status,
    }


def a_list(url: str, items: list[Json]) -> Json:
    """Return a page that is the last."""
    return {"object": "list", "data": items, "has_more": False, "url": url}


def _next_action(one: Intent, url: str) -> Json | None:
    if one.status != "requires_action":
        return None
    if one.return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    page = {"url": f"{url}/stripe/authenticate/{one.id}", "return_url": one.return_url}
    return {"type": "redirect_to_url", "redirect_to_url": page}
