"""The routes of payouts, by the same keys and rules as the rest of the JSON API."""

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import Parameter

from guildbank_sandbox.places import Place, place_of
from guildbank_sandbox.server import idempotency, payouts
from guildbank_sandbox.server.answers import answer, broken
from guildbank_sandbox.server.database import Database
from guildbank_sandbox.server.edge import WebRequest, accepted, decode
from guildbank_sandbox.server.payouts import CreatePayout, SettlePayout
from guildbank_sandbox.server.records import Account
from guildbank_sandbox.server.views import View, payout_view

IdempotencyKey = Annotated[
    str, Parameter(header="Idempotency-Key", pattern=r"^[\x20-\x7e]{1,255}$")
]
Reference = Annotated[str, Parameter(query="reference", max_length=100)]


@post("/payouts", sync_to_thread=False)
def create_payout(
    request: WebRequest,
    body: bytes,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
    idempotency_key: IdempotencyKey,
) -> Response[bytes]:
    """Pay money out."""
    wanted = decode(request, body, CreatePayout)
    with database.session() as s:
        old = accepted(idempotency.recall(s, account.id, idempotency_key, "payouts", wanted))
        if old is not None:
            return answer(old)
        view = payout_view(accepted(payouts.create(s, account, wanted)))
        stored = idempotency.keep(s, account.id, idempotency_key, "payouts", wanted, view)
    return broken() if place_of(wanted.account) is Place.LOST else answer(stored)


@get("/payouts", sync_to_thread=False)
def find_payouts(
    database: NamedDependency[Database], account: NamedDependency[Account], reference: Reference
) -> dict[str, list[View]]:
    """Return the payout with the merchant's reference in a list, empty if there is none."""
    with database.session() as s:
        found = payouts.by_reference(s.tx, account, reference)
        return {"items": [payout_view(payouts.looked_at(s, found))] if found else []}


@get("/payouts/{payout_id:str}", sync_to_thread=False)
def get_payout(
    payout_id: str, database: NamedDependency[Database], account: NamedDependency[Account]
) -> View:
    """Say how a payout stands."""
    with database.session() as s:
        found = accepted(payouts.of_account(s.tx, account, payout_id))
        return payout_view(payouts.looked_at(s, found))


@post("/payouts/{payout_id:str}/settle", sync_to_thread=False, status_code=200)
def settle_payout(
    request: WebRequest,
    body: bytes,
    payout_id: str,
    database: NamedDependency[Database],
    account: NamedDependency[Account],
) -> View:
    """End a payout, or send its money back, as a bank would."""
    wanted = decode(request, body, SettlePayout)
    with database.session() as s:
        found = accepted(payouts.of_account(s.tx, account, payout_id))
        return payout_view(accepted(payouts.settle(s, found, wanted.outcome)))


ROUTES = (create_payout, find_payouts, get_payout, settle_payout)
