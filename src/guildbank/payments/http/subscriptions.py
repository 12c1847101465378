"""The route by which players, game servers and operators see what a player subscribed to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get
from litestar.params import PathParameter

from guildbank.infra.http import Service, View, Who, granted, machine_or_self
from guildbank.payments.contracts.subscriptions import Subscription
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.list_subscriptions import list_subscriptions
from guildbank.plugin_api import SubscriptionState

Parts = Service[Payments]
TAGS: Sequence[str] = ["Payments"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]


class SubscriptionView(View):
    """A subscription that a store sells, as the store said last.

    `packId` is the pack that each period credits, `periodEndsAt` until when it is paid for.
    With `renews` the store takes money again then; a player who cancels keeps the period, and the
    state is `active` until it ends. In `grace` and `retrying` a renewal was not paid. `paymentId`
    is the payment of the newest period; each period has one.
    """

    __example__: ClassVar = {
        "id": "sub_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "app_store",
        "packId": "pack_01kag3pyqmf9aag12vtrsy70ps",
        "state": "active",
        "renews": True,
        "periodEndsAt": "2026-12-27T10:00:00Z",
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "since": "2026-11-27T10:00:00Z",
    }

    id: str
    provider: str
    pack_id: str
    state: SubscriptionState
    renews: bool
    period_ends_at: datetime
    payment_id: str
    since: datetime


class SubscriptionsView(View):
    """A player's subscriptions, the newest first; the newest hundred."""

    items: Sequence[SubscriptionView]


@get(
    "/v1/players/{player_id:str}/subscriptions",
    guards=[machine_or_self("payments:read")],
    tags=TAGS,
    summary="List a player's subscriptions",
)
async def list_all(payments: Parts, caller: Who, player_id: PlayerId) -> SubscriptionsView:
    """List what the player subscribed to in stores, those that ended too.

    Nothing is bought or canceled here: the player does that in the store.
    """
    found = granted(await list_subscriptions(payments, caller.home, player_id))
    return SubscriptionsView([_view(one) for one in found])


def _view(one: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=one.id,
        provider=one.provider,
        pack_id=one.product_id,
        state=one.state,
        renews=one.renews,
        period_ends_at=one.ends_at,
        payment_id=one.payment_id,
        since=one.created_at,
    )


ROUTES = (list_all,)
