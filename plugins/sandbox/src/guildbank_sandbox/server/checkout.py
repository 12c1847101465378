"""The hosted checkout: where a person decides how a payment ends."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from guildbank.kernel import Refusal
from guildbank_sandbox.server import accounts, payments
from guildbank_sandbox.server.database import Database, Session
from guildbank_sandbox.server.edge import Refused
from guildbank_sandbox.server.pages import Pages, return_address
from guildbank_sandbox.server.records import FINAL, Payment, PaymentState, WebhookMode

_TEMPLATE_OF_STATE = {
    PaymentState.OPEN: "checkout.html",
    PaymentState.CONFIRMING: "confirm.html",
    PaymentState.PROCESSING: "waiting.html",
}


@get("/checkout/{payment_id:str}", sync_to_thread=False)
def show(
    payment_id: str, database: NamedDependency[Database], pages: NamedDependency[Pages]
) -> Response[str]:
    """Show the step that the payment is at."""
    with database.session() as s:
        payment = payments.by_id(s.tx, payment_id)
        if payment is None:
            return pages.render("missing.html", status=404)
        merchant = accounts.by_id(s.tx, payment.account_id).name
    return pages.render(
        _TEMPLATE_OF_STATE.get(payment.state, "result.html"),
        payment=payment,
        merchant=merchant,
        token=pages.token(payment.id),
        return_address=return_address(payment),
        late_seconds=f"{s.config.late_seconds:g}",
    )


@post("/checkout/{payment_id:str}", sync_to_thread=False)
def decide(
    payment_id: str, body: bytes, database: NamedDependency[Database], pages: NamedDependency[Pages]
) -> Redirect:
    """Do what the person chose. A second click finds the payment decided and changes nothing."""
    form = pages.read_form(payment_id, body)
    with database.session() as s:
        payment = payments.by_id(s.tx, payment_id)
        if payment is None:
            raise Refused(Refusal(code="not_found", detail="There is no such payment."))
        decided = apply(s, payment, form.get("decision"))
        if isinstance(decided, Refusal):
            if decided.code != "payment_finished":
                raise Refused(decided)
            decided = payment
    back = return_address(decided) if decided.state in FINAL else None
    return Redirect(back or f"/checkout/{payment_id}", status_code=303)


def apply(s: Session, payment: Payment, decision: str) -> Payment | Refusal:
    """Apply one of the page's decisions. Refuses `payment_finished` and `unknown_decision`."""
    if payment.state is PaymentState.PROCESSING:
        # The bank is at work: no button takes part any more, and no second charge can begin.
        return payment
    match decision:
        case "pay" | "approve":
            return payments.capture(s, payment)
        case "pay_duplicate":
            return payments.capture(s, payment, webhooks=WebhookMode.DUPLICATE)
        case "pay_reordered":
            moved = payments.move(
                s, payment, PaymentState.PROCESSING, webhooks=WebhookMode.REORDERED
            )
            return moved if isinstance(moved, Refusal) else payments.capture(s, moved)
        case "pay_late":
            return payments.move(s, payment, PaymentState.PROCESSING, webhooks=WebhookMode.LATE)
        case "confirm":
            if payment.state is PaymentState.CONFIRMING:
                return payment
            return payments.move(s, payment, PaymentState.CONFIRMING)
        case "decline":
            return payments.move(s, payment, PaymentState.DECLINED, code="card_declined")
        case "refuse":
            return payments.move(s, payment, PaymentState.DECLINED, code="confirmation_refused")
        case "cancel":
            return payments.move(s, payment, PaymentState.CANCELED, code="canceled_by_customer")
    return Refusal(code="unknown_decision", detail="The page has no such button.")


ROUTES = (show, decide)
