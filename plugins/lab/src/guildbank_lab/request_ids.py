"""Gives each request an id as the companies do that give one, for answers of every status."""

import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

COMPANY = "company"
"""The option of a route that says whose it is."""

# https://docs.stripe.com/api/request_ids, https://developer.paypal.com/api/rest/responses/
_HEADERS: Mapping[str, tuple[str, Callable[[], str]]] = MappingProxyType(
    {
        "stripe": ("request-id", lambda: f"req_{secrets.token_hex(7)}"),
        "paypal": ("paypal-debug-id", lambda: secrets.token_hex(7)[:13]),
    }
)


async def give_request_id(message: Message, scope: Scope) -> None:
    """Put the company's id of a request into its answer."""
    handler = scope.get("route_handler")
    if message["type"] != "http.response.start" or handler is None:
        return
    header = _HEADERS.get(handler.opt.get(COMPANY, ""))
    if header is not None:
        name, made = header
        MutableScopeHeaders.from_message(message=message)[name] = made()
