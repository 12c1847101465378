"""Tables of payments, in each tenant's schema: of money, and of what passes to and fro."""

from guildbank.payments.tables.money import attempt, check, dispute, intent, refund, refund_request
from guildbank.payments.tables.others import provider, reconciliation
from guildbank.payments.tables.payouts import payout, payout_destination, payout_terms
from guildbank.payments.tables.saved import customer, method
from guildbank.payments.tables.subscriptions import subscription

__all__ = [
    "attempt",
    "check",
    "customer",
    "dispute",
    "intent",
    "method",
    "payout",
    "payout_destination",
    "payout_terms",
    "provider",
    "reconciliation",
    "refund",
    "refund_request",
    "subscription",
]
