"""Routes by which coins are paid out, and by which everybody sees how far that is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import get, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Amount,
    Body,
    Caller,
    IdempotencyKey,
    JSONBody,
    Limit,
    Money,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    problem,
    scope,
    write_money,
)
from guildbank.payments.archive import Subject
from guildbank.payments.contracts.payouts import Payout, PayoutCommand, PayoutState
from guildbank.payments.http.calls import kept_call
from guildbank.payments.http.payout_destinations import WRITE, PlayerId, ask_factor
from guildbank.payments.http.payout_terms import READ, TAGS
from guildbank.payments.http.timeline import MomentView
from guildbank.payments.payouts import PayoutFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.decide import cancel_payout
from guildbank.payments.usecases.payouts.read import (
    ShownPayout,
    get_payout,
    list_payouts,
    read_payout_timeline,
    shown,
)
from guildbank.payments.usecases.payouts.request import request_payout

Parts = Service[Payments]
PayoutId = Annotated[str, PathParameter(description="The payout's id.", max_length=90)]
_ID = "pyo_01kag3pyqmf9aag12vtrsy70ps"
_LINE = {
    "id": _ID,
    "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
    "state": "paid",
    "currency": "GEM",
    "coins": 500,
    "amount": {"amount": "5.00", "currency": "EUR"},
    "provider": "bank_transfer",
    "destinationId": "pod_01kag3pyqmf9aag12vtrsy70ps",
    "code": None,
}


class PayoutBody(Body):
    """How many coins of which currency, and where their money is to go."""

    __example__: ClassVar = {
        "currency": "GEM",
        "coins": 500,
        "destinationId": "pod_01kag3pyqmf9aag12vtrsy70ps",
    }

    currency: Annotated[str, Meta(min_length=1, max_length=16)]
    coins: Amount
    destination_id: Annotated[str, Meta(min_length=1, max_length=90)]


class PayoutLine(View):
    """A payout in a list. `code` says why it failed, in its provider's word."""

    __example__: ClassVar = _LINE

    id: str
    player_id: str
    state: PayoutState
    currency: str
    coins: int
    amount: Money
    provider: str
    destination_id: str
    code: str | None
    requested_at: datetime
    changed_at: datetime
    paid_at: datetime | None


class PayoutView(PayoutLine):
    """A payout with the `label` of where it goes.

    `requestedBy`, `reference`, `decidedBy` and `reason` are for the tenant's people alone.
    """

    __example__: ClassVar = {
        **_LINE,
        "label": "DE.. .... 3000",
        "requestedBy": "player_01kag3pyqmf9aag12vtrsy70ps",
        "reference": "2026-11-28/17",
        "decidedBy": "op_01kag3pyqmf9aag12vtrsy70ps",
        "reason": "known player",
    }

    label: str | None
    requested_by: str | None = None
    reference: str | None = None
    decided_by: str | None = None
    reason: str | None = None


class PayoutTimelineView(View):
    """All that is known to have happened to a payout, the oldest first."""

    __example__: ClassVar = {"items": []}

    payout_id: str
    items: Sequence[MomentView]


@post(
    "/v1/players/{player_id:str}/payouts",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Request a payout",
)
async def request(
    payments: Parts,
    caller: Who,
    player_id: PlayerId,
    idempotency_key: IdempotencyKey,
    data: JSONBody[PayoutBody],
) -> PayoutView:
    """Take coins and pay their money out. The same key answers with the same payout.

    The coins go in the commit that makes it, the oldest first, and only those that have been the
    player's for long enough. They come back when the provider says for certain that nothing was
    paid, and never because nobody knows.
    """
    await ask_factor(payments, caller)
    command = PayoutCommand(
        player_id=player_id,
        currency=data.currency,
        coins=data.coins,
        destination_id=data.destination_id,
    )
    path = f"/v1/players/{player_id}/payouts"
    with kept_call(payments, caller, path, None, data) as call:
        made = granted(
            await request_payout(payments, caller.home, caller.principal, idempotency_key, command)
        )
        call.subject = Subject(about=made.id, player_id=made.player_id)
        view = await payout_view(payments, caller, made)
        call.answered(view, 201)
    return view


@get("/v1/payouts", guards=[machine_or_self(READ)], tags=TAGS, summary="List payouts")
async def list_all(
    payments: Parts,
    caller: Who,
    player_id: Annotated[
        str | None, QueryParameter(name="playerId", max_length=90, description="Of one player.")
    ] = None,
    in_state: Annotated[
        PayoutState | None, QueryParameter(name="state", description="In one state.")
    ] = None,
    provider: Annotated[
        str | None, QueryParameter(max_length=64, description="By one provider.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[PayoutLine]:
    """List payouts, newest first. A player's token lists its own."""
    if caller.player_id is not None and player_id not in (None, caller.player_id):
        raise problem("not_found", "There is no such player.", "playerId")
    wanted = PayoutFilter(caller.player_id or player_id, in_state, provider)
    position = decode_cursor(after, [str])
    before = str(position[0]) if position else None
    found = await list_payouts(payments, caller.home, wanted, before, limit + 1)
    more = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
    return Page([PayoutLine(**_line(one)) for one in found[:limit]], more)


@get(
    "/v1/payouts/{payout_id:str}",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a payout",
)
async def read(payments: Parts, caller: Who, payout_id: PayoutId) -> PayoutView:
    """Return a payout as it stands, to its player without who decided and why."""
    found = await get_payout(payments, caller.home, payout_id, player_id=caller.player_id)
    return _view(granted(found), caller)


@get(
    "/v1/payouts/{payout_id:str}/timeline",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read what happened to a payout",
)
async def timeline(payments: Parts, caller: Who, payout_id: PayoutId) -> PayoutTimelineView:
    """Return every stage: what hooks said, decisions, sending, and what the provider said.

    Entries of the journal are here within a second or so of their commit.
    """
    found = granted(await read_payout_timeline(payments, caller.home, payout_id))
    items = [MomentView(at=one.at, kind=one.kind, by=one.by, facts=one.facts) for one in found]
    return PayoutTimelineView(payout_id=payout_id, items=items)


@post(
    "/v1/payouts/{payout_id:str}/cancel",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Cancel a payout",
    status_code=200,
)
async def cancel(payments: Parts, caller: Who, payout_id: PayoutId) -> PayoutView:
    """Take a payout back before it was sent: its coins are back at once. Safe to repeat."""
    path, about = f"/v1/payouts/{payout_id}/cancel", Subject(about=payout_id)
    with kept_call(payments, caller, path, about) as call:
        done = await cancel_payout(
            payments, caller.home, caller.principal, payout_id, player_id=caller.player_id
        )
        view = await payout_view(payments, caller, granted(done))
        call.answered(view)
    return view


async def payout_view(payments: Payments, caller: Caller, payout: Payout) -> PayoutView:
    """Return a payout as the caller may see it."""
    return _view(await shown(payments, caller.home, payout), caller)


def _view(one: ShownPayout, caller: Caller) -> PayoutView:
    label = None if one.destination is None else one.destination.label
    view = PayoutView(**_line(one.payout), label=label)
    if caller.player_id is None:
        view.requested_by = one.payout.by
        view.reference = one.payout.reference
        view.decided_by = one.payout.decided_by
        view.reason = one.reason
    return view


def _line(one: Payout) -> dict[str, Any]:
    return {
        "id": one.id,
        "player_id": one.player_id,
        "state": one.state,
        "currency": one.currency,
        "coins": one.coins,
        "amount": write_money(one.amount_minor, one.money),
        "provider": one.provider,
        "destination_id": one.destination_id,
        "code": one.code,
        "requested_at": one.created_at,
        "changed_at": one.changed_at,
        "paid_at": one.paid_at,
    }


ROUTES: Sequence[Any] = (request, list_all, read, timeline, cancel)
