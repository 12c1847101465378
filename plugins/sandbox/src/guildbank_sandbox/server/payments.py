"""The life of a payment: create, decide, cancel, expire. Every step is one transaction."""

import sqlite3
from typing import Annotated

import iso4217
import msgspec

from guildbank.kernel import MAX_AMOUNT, Refusal, new_id
from guildbank_sandbox.server import events
from guildbank_sandbox.server.addresses import is_loopback, is_web_address
from guildbank_sandbox.server.database import Session, fetch_all, fetch_one, insert
from guildbank_sandbox.server.methods import DEFAULT_METHOD, METHODS, substitute
from guildbank_sandbox.server.records import FINAL, Account, Payment, PaymentState, WebhookMode

Reference = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,100}$")]
Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT)]
CurrencyCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
Address = Annotated[str, msgspec.Meta(min_length=8, max_length=2000)]


BAD_WEBHOOK_URL = Refusal(
    code="bad_webhook_url",
    detail="Webhooks go to loopback addresses only, unless the sandbox was started with"
    " --allow-remote-webhooks.",
    field="webhook_url",
)


class CreatePayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/payments. `reference` is the merchant's own, used once."""

    reference: Reference
    amount_minor: Amount
    currency: CurrencyCode
    description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    customer: Annotated[str, msgspec.Meta(max_length=200)] = ""
    method: Annotated[str, msgspec.Meta(max_length=50)] = DEFAULT_METHOD
    return_url: Address | None = None
    webhook_url: Address | None = None


def create(s: Session, account: Account, body: CreatePayment) -> Payment | Refusal:
    """Store a payment and, for the instant methods, decide it.

    Refuses `unknown_method`, `unknown_currency`, `bad_return_url`, `bad_webhook_url` and
    `reference_taken`.
    """
    refusal = _check(s, account, body)
    if refusal is not None:
        return refusal
    method = METHODS[body.method]
    opened = Payment(
        id=new_id("spay"),
        account_id=account.id,
        reference=body.reference,
        amount_minor=body.amount_minor,
        currency=body.currency,
        description=body.description,
        customer=body.customer,
        method=body.method,
        state=PaymentState.OPEN,
        code=None,
        captured_minor=0,
        captured_currency=body.currency,
        refunded_minor=0,
        refund_pending_minor=0,
        disputed_minor=0,
        return_url=body.return_url,
        webhook_url=body.webhook_url,
        webhook_mode=method.webhooks,
        due_ms=s.now_ms + int(s.config.checkout_lifetime_seconds * 1000),
        created_ms=s.now_ms,
        updated_ms=s.now_ms,
    )
    insert(s.tx, "payment", opened)
    if method.state is PaymentState.OPEN or method.webhooks is WebhookMode.REORDERED:
        events.payment_changed(s, opened)
    if method.state is PaymentState.OPEN:
        return opened
    if method.state is PaymentState.CAPTURED:
        return capture(
            s,
            opened,
            amount_minor=max(1, opened.amount_minor - method.short_by_minor),
            currency=substitute(opened.currency) if method.other_currency else opened.currency,
        )
    return move(s, opened, method.state, code=method.code)


def move(
    s: Session,
    payment: Payment,
    state: PaymentState,
    *,
    code: str | None = None,
    webhooks: WebhookMode | None = None,
) -> Payment | Refusal:
    """Bring a payment that is not final into another state. Refuses `payment_finished`."""
    if payment.state in FINAL:
        return _finished(payment)
    late = s.now_ms + s.config.late_ms
    due = {PaymentState.PROCESSING: late, PaymentState.CONFIRMING: payment.due_ms}
    changed = msgspec.structs.replace(
        payment,
        state=state,
        code=code,
        webhook_mode=webhooks or payment.webhook_mode,
        due_ms=due.get(state),
        updated_ms=s.now_ms,
    )
    _save(s, changed)
    events.payment_changed(s, changed)
    return changed


def capture(
    s: Session,
    payment: Payment,
    *,
    amount_minor: int | None = None,
    currency: str | None = None,
    webhooks: WebhookMode | None = None,
) -> Payment | Refusal:
    """Take the money, once. Refuses `payment_finished`."""
    taken = msgspec.structs.replace(
        payment,
        captured_minor=amount_minor or payment.amount_minor,
        captured_currency=currency or payment.currency,
    )
    return move(s, taken, PaymentState.CAPTURED, webhooks=webhooks)


def cancel(s: Session, payment: Payment) -> Payment:
    """Cancel the payment if it is not final, and return it as it then stands."""
    canceled = move(s, payment, PaymentState.CANCELED, code="requested_by_merchant")
    return payment if isinstance(canceled, Refusal) else canceled


def settle_due(s: Session) -> None:
    """Capture what has waited long enough and expire checkouts that nobody finished."""
    sql = "SELECT * FROM payment WHERE due_ms <= ? ORDER BY due_ms LIMIT 100"
    for payment in fetch_all(s.tx, Payment, sql, (s.now_ms,)):
        if payment.state is PaymentState.PROCESSING:
            capture(s, payment)
        else:
            move(s, payment, PaymentState.CANCELED, code="checkout_expired")


def by_id(tx: sqlite3.Connection, payment_id: str) -> Payment | None:
    """Return a payment of any account: whoever holds its id may see its checkout page."""
    return fetch_one(tx, Payment, "SELECT * FROM payment WHERE id = ?", (payment_id,))


def of_account(tx: sqlite3.Connection, account: Account, payment_id: str) -> Payment | Refusal:
    """Return a payment of this account. Refuses `not_found`."""
    payment = by_id(tx, payment_id)
    if payment is None or payment.account_id != account.id:
        return Refusal(code="not_found", detail="This account has no such payment.")
    return payment


def by_reference(tx: sqlite3.Connection, account: Account, reference: str) -> Payment | None:
    """Return the account's payment with the merchant's own reference."""
    sql = "SELECT * FROM payment WHERE account_id = ? AND reference = ?"
    return fetch_one(tx, Payment, sql, (account.id, reference))


def add_totals(
    s: Session, payment: Payment, *, refunded: int = 0, refund_pending: int = 0, disputed: int = 0
) -> Payment:
    """Add to what was refunded or disputed, in minor units; the table checks the sum."""
    changed = msgspec.structs.replace(
        payment,
        refunded_minor=payment.refunded_minor + refunded,
        refund_pending_minor=payment.refund_pending_minor + refund_pending,
        disputed_minor=payment.disputed_minor + disputed,
        updated_ms=s.now_ms,
    )
    _save(s, changed)
    return changed


def _check(s: Session, account: Account, body: CreatePayment) -> Refusal | None:
    if body.method not in METHODS:
        names = ", ".join(METHODS)
        return Refusal(code="unknown_method", detail=f"Methods are {names}.", field="method")
    try:
        iso4217.Currency(body.currency)
    except ValueError:
        return Refusal(
            code="unknown_currency", detail="Not a currency of ISO 4217.", field="currency"
        )
    if body.return_url is not None and not is_web_address(body.return_url):
        return Refusal(
            code="bad_return_url", detail="Not an http or https address.", field="return_url"
        )
    if body.webhook_url is not None and not may_deliver(body.webhook_url, s):
        return BAD_WEBHOOK_URL
    if by_reference(s.tx, account, body.reference) is not None:
        return Refusal(
            code="reference_taken",
            detail="A payment with this reference exists; look it up instead of paying again.",
            field="reference",
        )
    return None


def may_deliver(url: str, s: Session) -> bool:
    """Say whether webhooks may be sent to this address."""
    return is_loopback(url) or (s.config.allow_remote_webhooks and is_web_address(url))


def _finished(payment: Payment) -> Refusal:
    return Refusal(code="payment_finished", detail=f"This payment is already {payment.state}.")


def _save(s: Session, payment: Payment) -> None:
    s.tx.execute(
        "UPDATE payment SET state = ?, code = ?, captured_minor = ?, captured_currency = ?,"
        " refunded_minor = ?, refund_pending_minor = ?, disputed_minor = ?, webhook_mode = ?,"
        " due_ms = ?, updated_ms = ? WHERE id = ?",
        (
            payment.state,
            payment.code,
            payment.captured_minor,
            payment.captured_currency,
            payment.refunded_minor,
            payment.refund_pending_minor,
            payment.disputed_minor,
            payment.webhook_mode,
            payment.due_ms,
            payment.updated_ms,
            payment.id,
        ),
    )
