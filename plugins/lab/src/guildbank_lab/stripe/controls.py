"""What who plays with the lab does in place of merchants, players, banks and Stripe's staff."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import post

from guildbank_lab.stripe import wire
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import missing
from guildbank_lab.stripe.records import Dispute, Intent, Session

Amount = Annotated[int, msgspec.Meta(gt=0, lt=10**12)]


class NewAccount(msgspec.Struct):
    """An account to open, with its webhook endpoint; or a further key of the one named."""

    secret_key: Annotated[str, msgspec.Meta(pattern="^sk_test_[A-Za-z0-9_]{8,200}$")]
    webhook_secret: Annotated[str, msgspec.Meta(pattern="^whsec_[A-Za-z0-9_]{8,200}$")]
    webhook_url: str
    account: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class Confirmation(msgspec.Struct):
    """What the player does at the bank."""

    payment: str
    success: bool = True


class Payment(msgspec.Struct):
    """A payment on Stripe's page; `later` is by a method whose money comes afterwards."""

    session: str
    later: bool = False


class Arrival(msgspec.Struct):
    """What becomes of money that comes afterwards."""

    session: str
    success: bool = True


class GiveBack(msgspec.Struct):
    """A refund at the dashboard; all that is left without an amount."""

    payment: str
    amount: Amount | None = None


class Complaint(msgspec.Struct):
    """A dispute to open. Without `answer_days` the bank takes no answer; an `inquiry` only asks.

    With `withdraws` false the money stays until the dispute is lost.
    """

    payment: str
    amount: Amount | None = None
    reason: str = "fraudulent"
    answer_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 7
    inquiry: bool = False
    withdraws: bool = True


class Decision(msgspec.Struct):
    """How a dispute ends. With `takes` false no money goes for one that is lost."""

    outcome: Literal["won", "lost"]
    takes: bool = True


class Answer(msgspec.Struct):
    """Evidence that is handed in at the dashboard."""

    evidence: dict[str, str]


class Deadline(msgspec.Struct):
    """Until when a dispute is answered, in seconds since 1970."""

    due_by: Annotated[int, msgspec.Meta(ge=0, lt=10**11)]


@post("/lab/stripe/accounts", sync_to_thread=False)
def open_account(stripe: StripeDesk, data: NewAccount) -> dict[str, str]:
    """Open an account, or add a key to one; answer what a test tenant's settings are to be."""
    if data.account is None:
        account = stripe.open_account(data.secret_key, data.webhook_secret, data.webhook_url)
    else:
        account = stripe.add_key(data.account, data.secret_key)
    return {
        "secret_key": data.secret_key,
        "webhook_secret": account.webhook_secret,
        "api_base": stripe.url,
    }


@post("/lab/stripe/authenticate")
async def authenticate(stripe: StripeDesk, data: Confirmation) -> dict[str, Any]:
    """Confirm at the bank, or fail to."""
    intent = _intent(stripe, data.payment)
    stripe.authenticate(intent, success=data.success)
    return wire.intent(intent, stripe.url)


@post("/lab/stripe/pay")
async def pay(stripe: StripeDesk, data: Payment) -> dict[str, Any]:
    """Pay on Stripe's page."""
    session = _session(stripe, data.session)
    stripe.complete(session, later=data.later)
    return wire.session(session, stripe.url)


@post("/lab/stripe/arrive")
async def arrive(stripe: StripeDesk, data: Arrival) -> dict[str, Any]:
    """End a payment whose money comes afterwards."""
    session = _session(stripe, data.session)
    stripe.arrive(session, success=data.success)
    return wire.session(session, stripe.url)


@post("/lab/stripe/refunds")
async def give_back(stripe: StripeDesk, data: GiveBack) -> dict[str, Any]:
    """Refund at the dashboard."""
    intent = _intent(stripe, data.payment)
    return wire.refund(intent, stripe.refund(intent, data.amount, None, {}, None))


@post("/lab/stripe/disputes")
async def complain(stripe: StripeDesk, data: Complaint) -> dict[str, Any]:
    """Open a dispute."""
    intent = _intent(stripe, data.payment)
    case = stripe.dispute(
        intent, data.amount, data.reason, data.answer_days, inquiry=data.inquiry,
        withdraws=data.withdraws,
    )  # fmt: skip
    return wire.dispute(case)


@post("/lab/stripe/disputes/{dispute_id:str}/decide")
async def decide(stripe: StripeDesk, dispute_id: str, data: Decision) -> dict[str, Any]:
    """Decide a dispute."""
    case = _dispute(stripe, dispute_id)
    stripe.decide(case, won=data.outcome == "won", takes=data.takes)
    return wire.dispute(case)


@post("/lab/stripe/disputes/{dispute_id:str}/withdraw")
async def withdraw(stripe: StripeDesk, dispute_id: str) -> dict[str, Any]:
    """Take the money of a dispute."""
    case = _dispute(stripe, dispute_id)
    stripe.withdraw(case)
    return wire.dispute(case)


@post("/lab/stripe/disputes/{dispute_id:str}/answer")
async def answer(stripe: StripeDesk, dispute_id: str, data: Answer) -> dict[str, Any]:
    """Hand evidence in at the dashboard."""
    case = _dispute(stripe, dispute_id)
    stripe.answer(case, data.evidence, submit=True)
    return wire.dispute(case)


@post("/lab/stripe/disputes/{dispute_id:str}/deadline")
async def deadline(stripe: StripeDesk, dispute_id: str, data: Deadline) -> dict[str, Any]:
    """Move the time until which a dispute is answered."""
    case = _dispute(stripe, dispute_id)
    stripe.move_deadline(case, data.due_by)
    return wire.dispute(case)


def _intent(stripe: StripeDesk, name: str) -> Intent:
    """Return an intent by Stripe's id, its session's, or what the merchant calls it."""
    for intent in stripe.intents.values():
        if name in (*intent.subjects, intent.page):
            return intent
    raise missing("payment_intent", name)


def _session(stripe: StripeDesk, name: str) -> Session:
    for session in stripe.sessions.values():
        if name in session.subjects:
            return session
    raise missing("checkout.session", name)


def _dispute(stripe: StripeDesk, id_: str) -> Dispute:
    if id_ not in stripe.disputes:
        raise missing("dispute", id_)
    return stripe.disputes[id_]


ROUTES = (
    open_account, authenticate, pay, arrive, give_back, complain, decide, withdraw, answer,
    deadline,
)  # fmt: skip
