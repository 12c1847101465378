"""The door of payments: real money in and out, and the port by which products are sold.

The room above implements `Fulfilment`, and `Items` where it sells things for coins; the app plugs
both into `Payments`. Refusals:
unknown_provider, sandbox_refused, invalid_settings, unknown_player, limit_reached,
purchase_vetoed, gate_unavailable, payment_not_retryable, payment_not_cancelable,
payment_in_progress, payment_not_refundable, exceeds_refundable, currency_mismatch, dispute_open,
refund_exceeds_unspent, bad_signature, and those of the Fulfilment.
"""

from guildbank.payments.contracts.items import Item, Items
from guildbank.payments.contracts.refusals import AMOUNT_NOT_SOLD
from guildbank.payments.contracts.rows import OF_OPERATORS, Intent
from guildbank.payments.contracts.sale import (
    Fulfilment,
    Goods,
    LimitUse,
    Offer,
    Order,
    Quote,
    Wanted,
)
from guildbank.payments.usecases import Payments, Timing
from guildbank.payments.usecases.recall import PaymentHistories
from guildbank.payments.usecases.tell_record import PaymentRecord, PayoutRecord

__all__ = [
    "AMOUNT_NOT_SOLD",
    "OF_OPERATORS",
    "Fulfilment",
    "Goods",
    "Intent",
    "Item",
    "Items",
    "LimitUse",
    "Offer",
    "Order",
    "PaymentHistories",
    "PaymentRecord",
    "Payments",
    "PayoutRecord",
    "Quote",
    "Timing",
    "Wanted",
]
