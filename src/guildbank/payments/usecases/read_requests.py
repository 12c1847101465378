"""Read refund requests as players and the tenant's people see them."""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import requests as store
from guildbank.payments.contracts.refusals import NO_REQUEST
from guildbank.payments.contracts.requests import RefundRequest
from guildbank.payments.contracts.rows import Refund
from guildbank.payments.requests import RequestFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.refund_reason import with_reasons
from guildbank.payments.usecases.request_words import Words, open_words


class ShownRequest(NamedTuple):
    """A request, the refund that it was granted, and what was said, where it was asked for."""

    request: RefundRequest
    refund: Refund | None
    text: str | None = None
    words: Words = Words()


async def get_request(
    payments: Payments, tenant: TenantRef, request_id: str, *, player_id: str | None = None
) -> ShownRequest | Refusal:
    """Return a request with what was said in it.

    Refuses `not_found`, also for another player's request when `player_id` is given.
    """
    if parse_id("rrq", request_id) is None:
        return NO_REQUEST
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        request = await store.request_by_id(tx.driver, request_id)
        if request is None or player_id not in (None, request.player_id):
            return NO_REQUEST
        granted = [] if request.refund_id is None else [request.refund_id]
        refunds = await store.refunds_by_id(tx.driver, granted)
    said = await open_words(payments, tenant, request.player_id, request.sealed_text)
    words = await open_words(payments, tenant, request.player_id, request.sealed_words)
    shown = await with_reasons(payments, tenant, request.player_id, list(refunds.values()))
    return ShownRequest(request, shown[0] if shown else None, said.text, words)


async def overdue_requests(payments: Payments, tenant: TenantRef) -> int:
    """Return how many requests have waited for too long."""
    before = payments.clock.now() - payments.timing.request_ages
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await store.open_before(tx.driver, before)


async def list_requests(
    payments: Payments, tenant: TenantRef, wanted: RequestFilter, before: str | None, limit: int
) -> Sequence[ShownRequest]:
    """Return requests without words, the newest first."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.request_page(tx.driver, wanted, before, limit)
        granted = [one.refund_id for one in found if one.refund_id is not None]
        refunds = await store.refunds_by_id(tx.driver, granted)
    return [ShownRequest(one, refunds.get(one.refund_id or "")) for one in found]
