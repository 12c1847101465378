"""Routes by which players say where they want money, and take that back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import delete, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity import require_factor
from guildbank.infra.http import (
    Body,
    Caller,
    JSONBody,
    Service,
    View,
    Who,
    granted,
    machine_or_self,
)
from guildbank.infra.limits import RateLimit
from guildbank.payments.http.payments import ProviderName
from guildbank.payments.http.payout_terms import READ, TAGS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.destinations import (
    ShownDestination,
    add_destination,
    list_destinations,
    remove_destination,
)

Parts = Service[Payments]
WRITE = "payouts:write"
ADDING = RateLimit("adding-payout-destinations", 20, 86_400, exact=True)
"""Each is handed to the provider, which may ask a bank about it."""
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
DestinationId = Annotated[str, PathParameter(description="The destination's id.", max_length=90)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$(?!\n)")]
Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Details = Annotated[dict[Name, Word], Meta(max_length=20)]


class DestinationBody(Body):
    """Where money is to go, under the names that its provider documents."""

    __example__: ClassVar = {
        "provider": "bank_transfer",
        "details": {"holder": "A. Nderson", "iban": "DE89 3704 0044 0532 0130 00"},
    }

    provider: ProviderName
    details: Details


class DestinationView(View):
    """A place where a player can be paid: a `label` as people know it, never the whole number."""

    __example__: ClassVar = {
        "id": "pod_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "bank_transfer",
        "kind": "bank_account",
        "label": "DE.. .... 3000",
    }

    id: str
    provider: str
    kind: str | None
    label: str | None
    added_at: datetime


class DestinationsView(View):
    """Where a player can be paid, the oldest first; there are five at most."""

    items: Sequence[DestinationView]


async def ask_factor(payments: Payments, caller: Caller) -> None:
    """Have a player prove a second factor, where the tenant asks for one before payouts."""
    if caller.player_id is None:
        return
    assert payments.identity is not None, "the app knows its players"
    refused = await require_factor(
        payments.identity, caller.home, caller.player_id, caller.session_id, "payout"
    )
    if refused is not None:
        granted(refused)


@post(
    "/v1/players/{player_id:str}/payout-destinations",
    opt={"limits": (ADDING,)},
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    summary="Add a payout destination",
)
async def add(
    payments: Parts, caller: Who, player_id: PlayerId, data: JSONBody[DestinationBody]
) -> DestinationView:
    """Say where the player wants money. The provider reads it, and refuses what cannot be right.

    It is kept under the person's key. Nothing is paid there before it has cooled off.
    """
    await ask_factor(payments, caller)
    made = await add_destination(
        payments, caller.home, caller.principal, player_id, data.provider, data.details
    )
    return _view(granted(made))


@get(
    "/v1/players/{player_id:str}/payout-destinations",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="List a player's payout destinations",
)
async def list_all(payments: Parts, caller: Who, player_id: PlayerId) -> DestinationsView:
    """List where the player can be paid, by `destinationId` of a payout."""
    found = granted(await list_destinations(payments, caller.home, player_id))
    return DestinationsView([_view(one) for one in found])


@delete(
    "/v1/players/{player_id:str}/payout-destinations/{destination_id:str}",
    guards=[machine_or_self(WRITE)],
    tags=TAGS,
    status_code=204,
    summary="Remove a payout destination",
)
async def remove(
    payments: Parts, caller: Who, player_id: PlayerId, destination_id: DestinationId
) -> None:
    """Remove a destination: no payout is requested to it any more. Safe to repeat."""
    refusal = await remove_destination(
        payments, caller.home, caller.principal, player_id, destination_id
    )
    if refusal is not None:
        granted(refusal)


def destination_words(known: Any) -> Mapping[str, str | None]:
    """Return how a destination is called, nothing of a person who was erased."""
    if known is None:
        return {"kind": None, "label": None}
    return {"kind": known.kind, "label": known.label}


def _view(one: ShownDestination) -> DestinationView:
    return DestinationView(
        id=one.stored.id,
        provider=one.stored.provider,
        added_at=one.stored.created_at,
        **destination_words(one.known),
    )


ROUTES: Sequence[Any] = (add, list_all, remove)
