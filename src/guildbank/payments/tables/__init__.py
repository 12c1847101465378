"""Tables of payments, in each tenant's schema: of money, and of what passes to and fro."""

from guildbank.payments.tables.money import attempt, check, dispute, intent, refund, refund_request
from guildbank.payments.tables.others import provider, reconciliation

__all__ = [
    "attempt",
    "check",
    "dispute",
    "intent",
    "provider",
    "reconciliation",
    "refund",
    "refund_request",
]
