"""How payments, refunds, disputes and payouts look in answers and events: JSON in snake case."""

from guildbank_sandbox.server.records import Account, Dispute, Payment, Payout, Refund

View = dict[str, str | int | bool | None]


def payment_view(payment: Payment, public_url: str) -> View:
    """Return a payment as merchants see it. Amounts are minor units, times milliseconds."""
    return {
        "object": "payment",
        "id": payment.id,
        "reference": payment.reference,
        "state": payment.state,
        "code": payment.code,
        "method": payment.method,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "captured_minor": payment.captured_minor,
        "captured_currency": payment.captured_currency,
        "refunded_minor": payment.refunded_minor,
        "disputed_minor": payment.disputed_minor,
        "description": payment.description,
        "customer": payment.customer,
        "checkout_url": f"{public_url}/checkout/{payment.id}",
        "created_ms": payment.created_ms,
        "updated_ms": payment.updated_ms,
    }


def refund_view(refund: Refund) -> View:
    """Return a refund as merchants see it."""
    return {
        "object": "refund",
        "id": refund.id,
        "payment": refund.payment_id,
        "reference": refund.reference,
        "state": refund.state,
        "code": refund.code,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "created_ms": refund.created_ms,
    }


def dispute_view(dispute: Dispute) -> View:
    """Return a dispute as merchants see it."""
    return {
        "object": "dispute",
        "id": dispute.id,
        "payment": dispute.payment_id,
        "state": dispute.state,
        "withdrawn": dispute.withdrawn,
        "amount_minor": dispute.amount_minor,
        "currency": dispute.currency,
        "reason": dispute.reason,
        "created_ms": dispute.created_ms,
    }


def account_view(account: Account) -> View:
    """Return an account without its secrets."""
    return {
        "object": "account",
        "id": account.id,
        "name": account.name,
        "refund_switch": account.refund_switch,
    }


def payout_view(payout: Payout) -> View:
    """Return a payout as merchants see it."""
    return {
        "object": "payout",
        "id": payout.id,
        "reference": payout.reference,
        "state": payout.state,
        "code": payout.code,
        "amount_minor": payout.amount_minor,
        "currency": payout.currency,
        "created_ms": payout.created_ms,
    }
