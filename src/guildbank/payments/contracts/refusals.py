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
NO_CALLBACK = Refusal(
    code="not_found",
    detail="No callback step of this purpose and name was to be told anything yet. "
    "GET /v1/callbacks lists those that were.",
)
CALLBACK_NOT_DISABLED = Refusal(
    code="callback_not_disabled",
    detail="The step is tried on, and only what waits for a disabled one can be given up.",
)
TENANT_SUSPENDED = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)
NOTHING_TOLD = Refusal(
    code="not_found",
    detail="The step was told nothing of this payment that is still known. The payment's timeline "
    "shows what was told to whom, for 90 days.",
)
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
SETTINGS_UNREAD = Refusal(
    code="settings_unread",
    detail="The provider's plugin cannot use the settings that an older version of it stored, so "
    "it rests. Nothing was sent. Somebody of the tenant has to save them anew.",
    field="provider",
)
ACCOUNT_CHANGED = Refusal(
    code="account_changed",
    detail="The provider's account was set anew while this began. Nothing was sent. Begin again.",
    field="provider",
)
STATE_UNREAD = Refusal(
    code="provider_state_unread",
    detail="No installed version of the provider's plugin reads what the one that began this "
    "payment left behind. Nothing was sent. Whoever runs the host has to install one that does.",
    field="provider",
)
SANDBOX_REFUSED = Refusal(
    code="sandbox_refused",
    detail="A sandbox provider moves no real money; only tenants of mode test may use it.",
    field="provider",
)
SOLD_BY_STORE = Refusal(
    code="provider_not_offered",
    detail="The payment was begun in a store, which sets its own price. To pay elsewhere, begin "
    "another payment.",
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
TAKES_NO_CONFIRMATION = Refusal(
    code="payment_not_confirmable",
    detail="The payment's provider takes nobody's word: it says itself how the payment stands.",
)
NOT_AWAITED = Refusal(
    code="payment_not_confirmable",
    detail="The payment does not wait for a confirmation: it has ended, or its provider was not "
    "asked yet.",
)
CAPTURED_BEFORE = Refusal(
    code="payment_not_confirmable",
    detail="The attempt was confirmed before, and takes one transaction only. Money that came "
    "besides is not booked here: send it back where it came from.",
)
REFUND_NOT_AWAITED = Refusal(
    code="refund_not_confirmable",
    detail="The refund does not wait for anybody to confirm that it was sent.",
)
TRANSACTION_USED = Refusal(
    code="transaction_used",
    detail="This transaction was given for another payment or refund; each counts once.",
    field="data.transaction",
)
NOT_BY_YOU = Refusal(
    code="forbidden", detail="Operators who signed in confirm payments of this provider."
)
BUYERS_CONFIRM = Refusal(
    code="forbidden", detail="The buyer confirms payments of this provider, or a game server."
)
HANDED_IN_BEFORE = Refusal(
    code="payment_not_confirmable",
    detail="Something else was handed in for this payment and is being looked at. Wait for that: "
    "where it is rejected, the payment can be tried again.",
)
NOTHING_HANDED_IN = Refusal(
    code="not_found",
    detail="Nothing that a buyer handed in for this payment waits for an operator.",
)
NO_REPORTS = Refusal(
    code="reports_not_supported",
    detail="The provider's plugin does not report what it settled, so there is nothing to hold "
    "against the books. Choose a provider whose capabilities name settlements.",
    field="provider",
)
BAD_PERIOD = Refusal(
    code="bad_period",
    detail="A period begins before it ends, ends by now, and is of at most 366 days.",
    field="until",
)
NO_DISPUTE = Refusal(code="not_found", detail="There is no such dispute.")
NOT_ANSWERED_HERE = Refusal(
    code="dispute_not_answerable",
    detail="The provider of this payment takes no evidence from here. Answer the dispute at the "
    "provider.",
)
NOT_ANSWERABLE = Refusal(
    code="dispute_not_answerable",
    detail="The dispute takes no evidence: it is decided or under review, or the buyer's bank "
    "takes none. Nothing was sent.",
)
ANSWERED_BEFORE = Refusal(
    code="dispute_answered",
    detail="Evidence was handed in for this dispute, here or at the provider, and that can be done "
    "once. Nothing was sent.",
)
ANSWERED_LATE = Refusal(
    code="dispute_answer_late",
    detail="The time to answer this dispute is over, so evidence would not be looked at. Nothing "
    "was sent.",
)
PROVIDER_SILENT = Refusal(
    code="provider_silent",
    detail="The provider did not say how the dispute stands. Nothing was sent; try again shortly.",
)
NO_RECONCILIATION = Refusal(code="not_found", detail="There is no such reconciliation.")
NO_REQUEST = Refusal(code="not_found", detail="There is no such refund request.")
NO_CURRENCY = Refusal(
    code="not_found",
    detail="There is no such currency in this tenant; create it first.",
    field="code",
)
NO_POLICY = Refusal(code="not_found", detail="There is no such version of the refund policy.")
EXCEEDS_REQUEST = Refusal(
    code="exceeds_request",
    detail="More than the player asked for. Grant what was asked for or less; more than that is a "
    "refund of your own, POST /v1/payments/{id}/refunds.",
    field="amount",
)
LEFT_CHANGED = Refusal(
    code="changed_meanwhile",
    detail="Another refund or dispute of the payment came in between, so less of it is left than a "
    "moment ago. Nothing was done: look at the payment and decide again.",
)


def bad_evidence(name: str | None, detail: str) -> Refusal:
    """Return the refusal of texts that the provider would not take."""
    field = "evidence" if name is None else f"evidence.{name}"
    return Refusal(code="bad_evidence", detail=detail, field=field)


def asked_already(request_id: str) -> Refusal:
    """Return the refusal of a second open request for one payment."""
    return Refusal(
        code="refund_requested",
        detail="A refund of this payment was asked for already and waits for its answer. Withdraw "
        "that request to ask in another way.",
        extra={"refundRequestId": request_id},
    )


def request_closed(state: str, refund_id: str | None) -> Refusal:
    """Return the refusal of a decision on what is decided or withdrawn."""
    return Refusal(
        code="refund_request_closed",
        detail=f"The request is {state} already: nothing was changed.",
        extra={"state": state, "refundId": refund_id},
    )
