"""The route that tells what happened to a payment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from litestar import get

from guildbank.infra.http import Service, View, Who, granted, scope
from guildbank.payments.http.payments import READ, TAGS, PaymentId
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.read_timeline import Moment, read_timeline

Parts = Service[Payments]


class MomentView(View):
    """Something that happened to a payment; `facts` are those of its `kind`.

    `by` is who did it: an application, an operator, a player, `provider:stripe`, `system`.
    """

    __example__: ClassVar = {
        "at": "2026-11-26T10:00:00Z",
        "kind": "payments.attempted",
        "by": "system",
        "facts": {"attempt": "att_01kag3pyqmf9aag12vtrsy70ps", "provider": "sandbox"},
    }

    at: datetime
    kind: str
    by: str | None
    facts: Mapping[str, Any]


class TimelineView(View):
    """All that is known to have happened to a payment, the oldest first."""

    __example__: ClassVar = {"items": []}

    payment_id: str
    items: Sequence[MomentView]


@get(
    "/v1/payments/{payment_id:str}/timeline",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read what happened to a payment",
)
async def timeline(payments: Parts, caller: Who, payment_id: PaymentId) -> TimelineView:
    """Return every stage: checks, attempts, requests to the provider with the ids that it gave
    them, webhooks, postings, refunds, disputes, callbacks.

    For a game's support and finance; a player reads the payment itself. Entries of the journal are
    here within a second or so of their commit; requests to the provider, the newest 200, as long as
    the tenant's `exchangesKeptDays`.
    """
    found = granted(await read_timeline(payments, caller.home, payment_id))
    return TimelineView(payment_id=payment_id, items=[_view(one) for one in found])


def _view(moment: Moment) -> MomentView:
    return MomentView(at=moment.at, kind=moment.kind, by=moment.by, facts=moment.facts)


ROUTES = (timeline,)
