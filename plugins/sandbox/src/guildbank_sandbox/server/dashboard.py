"""The provider's own staff: a list of payments, and buttons for what customers and banks do."""

import sqlite3

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from guildbank.kernel import BadAmount, Refusal, parse_money
from guildbank_sandbox.server import accounts, disputes, payments, refunds
from guildbank_sandbox.server.database import Database, Session, fetch_all
from guildbank_sandbox.server.disputes import OpenDispute
from guildbank_sandbox.server.edge import Refused
from guildbank_sandbox.server.pages import Form, Pages, nonce, scale_of
from guildbank_sandbox.server.records import Dispute, Payment, Refund, RefundSwitch
from guildbank_sandbox.server.refunds import CreateRefund

PAGE_SIZE = 50


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook of a payment and how its delivery goes; None where none is wanted."""

    event_id: str
    kind: str
    created_ms: int
    state: str | None
    tries: int | None
    last_result: str | None


_EVENTS = """
SELECT e.id AS event_id, e.kind, e.created_ms, d.state, d.tries, d.last_result
FROM event e
LEFT JOIN delivery d ON d.event_id = e.id
WHERE e.payment_id = ?
ORDER BY e.created_ms DESC, e.id DESC, d.number DESC
LIMIT 200
"""


@get("/", sync_to_thread=False)
def overview(
    database: NamedDependency[Database], pages: NamedDependency[Pages], before: str = ""
) -> Response[str]:
    """List payments, newest first, and the accounts with their switches."""
    with database.session() as s:
        rows = _page(s.tx, before)
        merchants = accounts.all_accounts(s.tx)
    return pages.render(
        "dashboard.html",
        payments=rows[:PAGE_SIZE],
        older=rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None,
        merchants=merchants,
        switches=list(RefundSwitch),
        tokens={merchant.id: pages.token(merchant.id) for merchant in merchants},
    )


@post("/accounts/{account_id:str}", sync_to_thread=False)
def switch(
    account_id: str, body: bytes, database: NamedDependency[Database], pages: NamedDependency[Pages]
) -> Redirect:
    """Set what an account's next refunds will do."""
    form = pages.read_form(account_id, body)
    if form.get("refunds") not in list(RefundSwitch):
        raise Refused(Refusal(code="invalid_request", detail="There is no such switch."))
    with database.session() as s:
        accounts.set_refund_switch(s, account_id, RefundSwitch(form.get("refunds")))
    return Redirect("/", status_code=303)


@get("/payments/{payment_id:str}", sync_to_thread=False)
def show(
    payment_id: str, database: NamedDependency[Database], pages: NamedDependency[Pages]
) -> Response[str]:
    """Show all that is known of a payment."""
    return _show(database, pages, payment_id, None)


@post("/payments/{payment_id:str}", sync_to_thread=False)
def act(
    payment_id: str, body: bytes, database: NamedDependency[Database], pages: NamedDependency[Pages]
) -> Response[str] | Redirect:
    """Do what the person chose, once per form."""
    form = pages.read_form(payment_id, body)
    with database.session() as s:
        payment = payments.by_id(s.tx, payment_id)
        refused = None
        if payment is not None and _first_time(s, payment, form.get("nonce")):
            result = apply(s, payment, form)
            refused = result if isinstance(result, Refusal) else None
    if refused is not None:
        return _show(database, pages, payment_id, refused)
    return Redirect(f"/payments/{payment_id}", status_code=303)


def apply(s: Session, payment: Payment, form: Form) -> Refund | Dispute | Refusal:
    """Apply one of the page's buttons; the refusals are those of refunds and disputes."""
    account = accounts.by_id(s.tx, payment.account_id)
    action, target = form.get("action"), form.get("target")
    if action in {"refund", "dispute"}:
        currency = payment.captured_currency
        try:
            amount = parse_money(form.get("amount").replace(",", ""), scale_of(currency))
        except BadAmount as error:
            return Refusal(code="invalid_request", detail=str(error), field="amount")
        if amount == 0:
            return Refusal(code="invalid_request", detail="The amount is zero.", field="amount")
        if action == "dispute":
            return disputes.open_dispute(
                s, account, OpenDispute(payment=payment.id, amount_minor=amount)
            )
        return refunds.create(
            s,
            account,
            CreateRefund(
                payment=payment.id, amount_minor=amount, currency=currency, reason="by_provider"
            ),
        )
    if action in {"refund_succeeded", "refund_failed"}:
        refund = refunds.of_account(s.tx, account, target)
        if isinstance(refund, Refusal):
            return refund
        return refunds.settle(s, refund, succeeded=action == "refund_succeeded")
    if action in {"dispute_won", "dispute_lost"}:
        dispute = disputes.of_account(s.tx, account, target)
        if isinstance(dispute, Refusal):
            return dispute
        return disputes.close(s, dispute, won=action == "dispute_won")
    return Refusal(code="invalid_request", detail="The page has no such button.")


def _show(
    database: Database, pages: Pages, payment_id: str, refused: Refusal | None
) -> Response[str]:
    with database.session() as s:
        payment = payments.by_id(s.tx, payment_id)
        if payment is None:
            return pages.render("missing.html", status=404)
        facts = {
            "merchant": accounts.by_id(s.tx, payment.account_id).name,
            "refunds": refunds.of_payment(s.tx, payment_id),
            "disputes": disputes.of_payment(s.tx, payment_id),
            "events": fetch_all(s.tx, EventLine, _EVENTS, (payment_id,)),
        }
    return pages.render(
        "payment.html",
        status=200 if refused is None else 409,
        payment=payment,
        refused=refused,
        token=pages.token(payment_id),
        nonce=nonce(),
        **facts,
    )


def _page(tx: sqlite3.Connection, before: str) -> list[Payment]:
    sql = "SELECT * FROM payment WHERE ? = '' OR id < ? ORDER BY id DESC LIMIT ?"
    return fetch_all(tx, Payment, sql, (before, before, PAGE_SIZE + 1))


def _first_time(s: Session, payment: Payment, number: str) -> bool:
    done = s.tx.execute(
        "INSERT INTO answer (account_id, key, fingerprint, status, body, created_ms)"
        " VALUES (?, ?, x'', 303, x'', ?) ON CONFLICT DO NOTHING",
        (payment.account_id, f"form {number[:64]}", s.now_ms),
    )
    return done.rowcount == 1


ROUTES = (overview, switch, show, act)
