"""The JSON API that merchants' servers speak: bearer keys, idempotency keys, nothing implied."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import Parameter

from guildbank.kernel import Refusal
from guildbank_sandbox.server import (
    accounts,
    aftermath,
    disputes,
    idempotency,
    payments,
    payout_api,
    refunds,
)
from guildbank_sandbox.server.accounts import OpenAccount
from guildbank_sandbox.server.answers import answer, broken
from guildbank_sandbox.server.database import Database
from guildbank_sandbox.server.disputes import OpenDispute
from guildbank_sandbox.server.edge import Refused, WebRequest, accepted, decode
from guildbank_sandbox.server.methods import METHODS, Answer
from guildbank_sandbox.server.payments import CreatePayment
from guildbank_sandbox.server.records import Account, RefundSwitch
from guildbank_sandbox.server.refunds import CreateRefund
from guildbank_sandbox.server.settlements import Period, report
from guildbank_sandbox.server.views import (
    View,
    account_view,
    dispute_view,
    payment_view,
    refund_view,
)

IdempotencyKey = Annotated[
    str, Parameter(header="Idempotency-Key", pattern=r"^[\x20-\x7e]{1,255}$")
]
Reference = Annotated[str, Parameter(query="reference", max_length=100)]


class SetSwitch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/refund_switch."""

    refunds: RefundSwitch


class CloseDispute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/disputes/{id}/close."""

    won: bool


class SettleRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/refunds/{id}/settle."""

    succeeded: bool


def authorised(request: WebRequest, database: NamedDependency[Database]) -> Account:
    """Return the account of the bearer key. Refuses `unauthorized`."""
    scheme, _, api_key = request.headers.get("authorization", "").partition(" ")
    with database.session() as s:
        account = accounts.by_key(s.tx, api_key) if scheme.lower() == "bearer" else None
    if account is None:
        raise Refused(Refusal(code="unauthorized", detail="No account has this API key."))
    return account


@post("/accounts", sync_to_thread=False, status_code=200)
def open_account(request: WebRequest, body: bytes, database: NamedDependency[Database]) -> View:
    """Open an account, or set the name and webhook secret of the one that the key has."""
    wanted = decode(request, body, OpenAccount)
    with database.session() as s:
        return account_view(accepted(accounts.open_account(s, wanted)))


@get("/account", sync_to_thread=False)
def get_account(account: NamedDependency[Account]) -> View:
    """Say whose key this is."""
    return account_view(account)


@post("/refund_switch", sync_to_thread=False, status_code=200)
def set_refund_switch(
    request: WebRequest,
    body: bytes,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
) -> View:
    """Decide what the account's next refunds will do."""
    wanted = decode(request, body, SetSwitch)
    with database.session() as s:
        accounts.set_refund_switch(s, account.id, wanted.refunds)
        return account_view(accounts.by_id(s.tx, account.id))


@post("/payments")
async def create_payment(
    request: WebRequest,
    body: bytes,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
    idempotency_key: IdempotencyKey,
) -> Response[bytes]:
    """Take money, or open a checkout page for it."""
    wanted = decode(request, body, CreatePayment)
    method = METHODS.get(wanted.method)
    if method is not None and method.answer is Answer.LOST:
        return broken()
    with database.session() as s:
        old = accepted(idempotency.recall(s, account.id, idempotency_key, "payments", wanted))
        if old is not None:
            return answer(old)
        payment = accepted(payments.create(s, account, wanted))
        accepted(aftermath.play(s, account, payment))
        view = payment_view(payment, s.config.public_url)
        stored = idempotency.keep(s, account.id, idempotency_key, "payments", wanted, view)
        delay = s.config.answer_delay_seconds
    played = METHODS[wanted.method].answer
    if played is Answer.TOO_LATE:
        await asyncio.sleep(delay)
    return broken() if played is Answer.ERROR else answer(stored)


@get("/payments", sync_to_thread=False)
def find_payments(
    database: NamedDependency[Database], account: NamedDependency[Account], reference: Reference
) -> dict[str, list[View]]:
    """Return the payment with the merchant's reference in a list, empty if there is none."""
    with database.session() as s:
        found = payments.by_reference(s.tx, account, reference)
        return {"items": [payment_view(found, s.config.public_url)] if found else []}


@get("/payments/{payment_id:str}", sync_to_thread=False)
def get_payment(
    payment_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Say how a payment stands."""
    with database.session() as s:
        payment = accepted(payments.of_account(s.tx, account, payment_id))
        return payment_view(payment, s.config.public_url)


@post("/payments/{payment_id:str}/cancel", sync_to_thread=False, status_code=200)
def cancel_payment(
    payment_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Cancel a payment that is not final, and say how it stands."""
    with database.session() as s:
        payment = accepted(payments.of_account(s.tx, account, payment_id))
        return payment_view(payments.cancel(s, payment), s.config.public_url)


@post("/refunds")
async def create_refund(
    request: WebRequest,
    body: bytes,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
    idempotency_key: IdempotencyKey,
) -> Response[bytes]:
    """Give money back."""
    wanted = decode(request, body, CreateRefund)
    with database.session() as s:
        old = accepted(idempotency.recall(s, account.id, idempotency_key, "refunds", wanted))
        if old is not None:
            return answer(old)
        view = refund_view(accepted(refunds.create(s, account, wanted)))
        stored = idempotency.keep(s, account.id, idempotency_key, "refunds", wanted, view)
        delay = s.config.answer_delay_seconds
    if account.refund_switch is RefundSwitch.TIMEOUT:
        await asyncio.sleep(delay)
    return answer(stored)


@get("/refunds", sync_to_thread=False)
def find_refunds(
    database: NamedDependency[Database], account: NamedDependency[Account], reference: Reference
) -> dict[str, list[View]]:
    """Return the refund with the merchant's reference in a list, empty if there is none."""
    with database.session() as s:
        found = refunds.by_reference(s.tx, account, reference)
        return {"items": [refund_view(found)] if found else []}


@get("/refunds/{refund_id:str}", sync_to_thread=False)
def get_refund(
    refund_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Say how a refund stands."""
    with database.session() as s:
        return refund_view(accepted(refunds.of_account(s.tx, account, refund_id)))


@post("/refunds/{refund_id:str}/settle", sync_to_thread=False, status_code=200)
def settle_refund(
    request: WebRequest,
    body: bytes,
    refund_id: str,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
) -> View:
    """End a pending refund, as a bank would."""
    wanted = decode(request, body, SettleRefund)
    with database.session() as s:
        refund = accepted(refunds.of_account(s.tx, account, refund_id))
        return refund_view(accepted(refunds.settle(s, refund, succeeded=wanted.succeeded)))


@post("/disputes", sync_to_thread=False)
def open_dispute(
    request: WebRequest,
    body: bytes,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
) -> View:
    """Open a dispute, as a cardholder would."""
    wanted = decode(request, body, OpenDispute)
    with database.session() as s:
        return dispute_view(accepted(disputes.open_dispute(s, account, wanted)))


@get("/disputes/{dispute_id:str}", sync_to_thread=False)
def get_dispute(
    dispute_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Say how a dispute stands."""
    with database.session() as s:
        return dispute_view(accepted(disputes.of_account(s.tx, account, dispute_id)))


@post("/disputes/{dispute_id:str}/withdraw", sync_to_thread=False, status_code=200)
def withdraw_dispute(
    dispute_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Take the disputed money, as a card scheme would."""
    with database.session() as s:
        dispute = accepted(disputes.of_account(s.tx, account, dispute_id))
        return dispute_view(accepted(disputes.withdraw(s, dispute)))


@post("/disputes/{dispute_id:str}/close", sync_to_thread=False, status_code=200)
def close_dispute(
    request: WebRequest,
    body: bytes,
    dispute_id: str,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
) -> View:
    """Decide a dispute, as a card scheme would."""
    wanted = decode(request, body, CloseDispute)
    with database.session() as s:
        dispute = accepted(disputes.of_account(s.tx, account, dispute_id))
        return dispute_view(accepted(disputes.close(s, dispute, won=wanted.won)))


@get("/settlements", sync_to_thread=False)
def list_settlements(
    database: NamedDependency[Database],
    account: NamedDependency[Account],
    since_ms: int,
    until_ms: int,
    after: str = "",
) -> dict[str, object]:
    """List what the account's balance was changed by, and what the provider kept of it."""
    period = Period(since_ms=since_ms, until_ms=until_ms, after=after)
    with database.session() as s:
        return report(s.tx, account.id, period)


ROUTER = Router(
    "/v1",
    dependencies={"account": Provide(authorised, sync_to_thread=False)},
    route_handlers=[
        open_account,
        get_account,
        set_refund_switch,
        create_payment,
        find_payments,
        get_payment,
        cancel_payment,
        create_refund,
        find_refunds,
        get_refund,
        settle_refund,
        open_dispute,
        get_dispute,
        withdraw_dispute,
        close_dispute,
        list_settlements,
        *payout_api.ROUTES,
    ],
)
