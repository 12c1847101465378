"""The routes that show what providers, plugins and callers exchanged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get
from litestar.params import QueryParameter

from guildbank.infra.http import (
    After,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.payments.http.payments import TAGS, PaymentId
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.exchanges import Kept, read_exchanges, read_exchanges_about

Parts = Service[Payments]
EXCHANGES = "payments:exchanges"


class ExchangeView(View):
    """A request and its answer, by the fields that may be kept.

    `kind` is the slot of the plugin `of` that asked, `webhook` for an event that the provider `of`
    sent, or `caller` for one who asked us. `status` is
    null where no answer came, or it was refused; `problem` says why. In `path` a `*` stands for
    what may be a token; that of a tenant's own address is left out.
    """

    __example__: ClassVar = {
        "at": "2026-11-27T10:00:00Z",
        "kind": "provider",
        "of": "sandbox",
        "method": "POST",
        "host": "127.0.0.1:8081",
        "path": "/v1/payments",
        "status": 201,
        "problem": None,
        "micros": 5120,
        "asked": {"amount_minor": 499, "currency": "EUR"},
        "answered": {"state": "captured"},
        "requestId": "req_01kag3pyqmf9aag12vtrsy70ps",
    }

    at: datetime
    kind: str
    of: str
    method: str
    host: str
    path: str
    status: int | None
    problem: str | None
    micros: int
    asked: Mapping[str, str | int | bool]
    answered: Mapping[str, str | int | bool]
    request_id: str | None


@get(
    "/v1/payments/{payment_id:str}/exchanges",
    guards=[scope(EXCHANGES)],
    tags=TAGS,
    summary="Read what was exchanged about a payment",
)
async def list_exchanges(
    payments: Parts, caller: Who, payment_id: PaymentId, limit: Limit = 50, after: After = None
) -> Page[ExchangeView]:
    """List requests and answers about a payment, the oldest first. That you read them is recorded.

    Of a body the fields are kept that the plugin's manifest or the route names, without numbers
    that may be a card's, as long as the tenant's `exchangesKeptDays`.
    """
    position = decode_cursor(after, [str])
    last = str(position[0]) if position else ""
    found: Sequence[Kept] = granted(
        await read_exchanges(payments, caller.home, caller.principal, payment_id, last, limit + 1)
    )
    page = found[:limit]
    more = encode_cursor([page[-1].id]) if len(found) > limit else None
    return Page([_view(one) for one in page], more)


@get(
    "/v1/exchanges",
    guards=[scope(EXCHANGES)],
    tags=TAGS,
    summary="Read what was exchanged about a payout or a report",
)
async def list_about(
    payments: Parts,
    caller: Who,
    about: Annotated[
        str,
        QueryParameter(
            min_length=1, max_length=90,
            description="A payout, a destination, a reconciliation, a customer, or a provider: of "
            "its reports, and of what was asked about an event of nobody known.",
        ),
    ],
    limit: Limit = 50,
    after: After = None,
) -> Page[ExchangeView]:  # fmt: skip
    """List requests and answers about what is no payment, the oldest first. That is recorded too.

    The fields are those that may be kept, under the key of the player whose it is.
    """
    position = decode_cursor(after, [str])
    last = str(position[0]) if position else ""
    found = await read_exchanges_about(
        payments, caller.home, caller.principal, about, last, limit + 1
    )
    page = found[:limit]
    more = encode_cursor([page[-1].id]) if len(found) > limit else None
    return Page([_view(one) for one in page], more)


def _view(kept: Kept) -> ExchangeView:
    one = kept.exchange
    return ExchangeView(
        at=kept.at, kind=kept.kind, of=one.of, method=one.method, host=one.host, path=one.path,
        status=one.status, problem=one.problem, micros=one.micros, asked=one.asked,
        answered=one.answered, request_id=one.request_id,
    )  # fmt: skip


ROUTES = (list_exchanges, list_about)
