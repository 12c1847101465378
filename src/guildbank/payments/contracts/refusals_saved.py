"""What saved methods refuse, each with its stable code."""

from guildbank.kernel import Refusal
from guildbank.payments.contracts.saved import MAX_METHODS

NO_PLAYER = Refusal(code="not_found", detail="There is no such player.")
NO_METHOD = Refusal(code="not_found", detail="There is no such payment method.")
UNKNOWN_METHOD = Refusal(
    code="unknown_payment_method",
    detail="The player has no such saved payment method. GET /v1/players/{id}/payment-methods "
    "lists those that there are.",
    field="methodId",
)
METHOD_GONE = Refusal(
    code="payment_method_removed",
    detail="The saved payment method was removed, so nothing was charged. Choose another one.",
    field="methodId",
)
METHOD_EXPIRED = Refusal(
    code="payment_method_expired",
    detail="The saved card has expired, so nothing was charged. Choose another one.",
    field="methodId",
)
METHOD_ELSEWHERE = Refusal(
    code="payment_method_elsewhere",
    detail="The method was saved with another account at the provider than the one in use, so "
    "nothing was charged. Pay another way; it can be saved anew.",
    field="methodId",
)
METHODS_FULL = Refusal(
    code="payment_methods_full",
    detail=f"A player saves at most {MAX_METHODS} payment methods. Remove one first, or buy "
    "without saving.",
    field="saveMethod",
)
NOT_SAVED_HERE = Refusal(
    code="payment_methods_not_saved",
    detail="The provider keeps no payment methods. Nothing was charged: buy without saveMethod, or "
    "choose a provider whose capabilities name saved_methods.",
    field="saveMethod",
)
CUSTOMER_SILENT = Refusal(
    code="provider_silent",
    detail="The provider did not say for whom it keeps payment methods. Nothing was charged; try "
    "again shortly, or pay without a saved method.",
)
SAVED_OR_NAMED = Refusal(
    code="invalid_value",
    detail="methodId names a method that is saved. Leave out method and saveMethod beside it.",
    field="methodId",
)


def kept_by(provider: str) -> Refusal:
    """Return the refusal of a saved method with another provider than the one that keeps it."""
    return Refusal(
        code="payment_method_elsewhere",
        detail=f"The method is kept by {provider}, which alone can charge it. Leave the provider "
        "out, or name that one.",
        field="provider",
    )
