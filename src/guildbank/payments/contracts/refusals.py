"""What payments refuse, each with its stable code."""

from guildbank.kernel import Refusal

NO_CHANGE = Refusal(code="no_change", detail="Nothing is to be done.")
"""What an act answers that finds its effect done already; never leaves the room."""

AMOUNT_NOT_SOLD = Refusal(
    code="amount_not_sold",
    detail="No pack on sale has exactly this many coins, and the currency has no unit price.",
    field="amount",
)
NO_PAYMENT = Refusal(code="not_found", detail="There is no such payment.")
NO_REFUND = Refusal(code="not_found", detail="There is no such refund.")
NO_PROVIDER = Refusal(
    code="unknown_provider",
    detail="This tenant has no such payment provider, or it is switched off.",
    field="provider",
)
PROVIDER_RESTING = Refusal(
    code="provider_resting",
    detail="The provider did not answer too often of late, so no payment is begun there for some "
    "two minutes. Nothing was charged. Choose another one, or try again later.",
    field="provider",
)
SANDBOX_REFUSED = Refusal(
    code="sandbox_refused",
    detail="A sandbox provider moves no real money; only tenants of mode test may use it.",
    field="provider",
)
NOT_RETRYABLE = Refusal(
    code="payment_not_retryable",
    detail="A new attempt needs a payment in the state requires_payment_method.",
)
NOT_CANCELABLE = Refusal(
    code="payment_not_cancelable", detail="The payment has ended or its money was captured."
)
IN_PROGRESS = Refusal(
    code="payment_in_progress",
    detail="The provider has not said yet how the payment stands. Ask again shortly.",
)
NOT_REFUNDABLE = Refusal(
    code="payment_not_refundable", detail="No captured money of this payment is left to refund."
)
DISPUTE_OPEN = Refusal(
    code="dispute_open",
    detail="The payment is disputed; it can be refunded once the dispute is closed.",
)
