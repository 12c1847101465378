"""The route at which providers deliver their events: open, because a signature proves them."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, post
from litestar.params import PathParameter

from guildbank.infra.http import Service, View, granted, problem, vouch
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.receive_webhook import receive_webhook

Parts = Service[Payments]
TAGS: Sequence[str] = ["Webhooks"]
MAX_EVENT_BYTES = 256 * 1024
Slug = Annotated[str, PathParameter(description="The tenant's slug.", max_length=40)]
ProviderId = Annotated[str, PathParameter(description="The plugin's id.", max_length=64)]


class ReceivedView(View):
    """The event is kept; `duplicate` says that it came before."""

    received: bool
    duplicate: bool


@post(
    "/v1/webhooks/{tenant_slug:str}/{provider_id:str}",
    tags=TAGS,
    summary="Deliver a provider's event",
    status_code=200,
    opt={"public": True, "any_query": True},
)
async def receive(
    payments: Parts, request: Request[Any, Any, Any], tenant_slug: Slug, provider_id: ProviderId
) -> ReceivedView:
    """Keep a signed event once and answer; the work is done afterwards."""
    body = await request.body()
    if len(body) > MAX_EVENT_BYTES:
        raise problem("body_too_large", "An event has at most 256 KiB.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    fresh = granted(await receive_webhook(payments, tenant_slug, provider_id, headers, body))
    # Many events may come from one address, and each bore a good signature.
    vouch(request)
    return ReceivedView(received=True, duplicate=not fresh)


ROUTES = (receive,)
