"""What a purchase proves of an attempt: nothing is left to the client's word."""

import re
from hashlib import sha256
from typing import NamedTuple

from guildbank.kernel import parse_id
from guildbank.plugin_api import Decline, Outcome, OutcomeStatus, Period
from guildbank_googleplay import objects
from guildbank_googleplay.api import Google
from guildbank_googleplay.objects import Money, Order, Purchase, Subscription
from guildbank_googleplay.prices import NotExpressible, to_minor
from guildbank_googleplay.settings import Settings
from guildbank_googleplay.tokens import GoogleFailed

ORDER_ID = re.compile(r"G[A-Z]{1,3}\.[0-9][0-9.-]{5,60}")
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,1500}")
LONGEST_NAME = 255
"""Characters of a name that the core keeps."""
_STATES = {
    "SUBSCRIPTION_STATE_PENDING": objects.PENDING,
    "SUBSCRIPTION_STATE_PENDING_PURCHASE_CANCELED": objects.CANCELLED,
}
"""States of a subscription of which nothing was paid."""
_BACK = frozenset({objects.REFUNDED, objects.CANCELED, objects.PENDING_REFUND})


class Found(NamedTuple):
    """A purchase with its token and, where there is one, its order.

    A period of a `subscription` is a purchase of its own here, that of its order.
    """

    token: str
    purchase: Purchase
    order: Order | None
    subscription: Subscription | None = None


def account_of(player_id: str) -> str:
    """Return the obfuscated account id of a player: always the same, 64 characters, not the id."""
    return sha256(player_id.encode()).hexdigest()


def attempt_of(purchase: Purchase) -> str | None:
    """Return the attempt that a purchase names, None where it names none."""
    return parse_id("att", purchase.obfuscated_external_profile_id)


def name_of(found: Found) -> str | None:
    """Return by which name a purchase is known here: its order's, else its token."""
    if found.purchase.order_id:
        return found.purchase.order_id
    return found.token if len(found.token) <= LONGEST_NAME else None


async def look_up(google: Google, name: str) -> Found | None:
    """Return the purchase under an order's name or a token, None where the app has none.

    Raises GoogleFailed and NoAnswer: then nothing is certain.
    """
    if ORDER_ID.fullmatch(name):
        order = await google.order(name)
        if order is None or not order.purchase_token:
            return None
        if order.period is not None:
            return await _period(google, order.purchase_token, order)
        purchase = await google.purchase(order.purchase_token)
        found = None if purchase is None else Found(order.purchase_token, purchase, order)
    elif TOKEN.fullmatch(name):
        purchase = await google.purchase(name)
        if purchase is None:
            return await _period(google, name, None)
        order = await google.order(purchase.order_id) if purchase.order_id else None
        found = Found(name, purchase, order)
    else:
        return None
    if found is not None and found.order is not None:
        pair = (found.order.order_id, found.order.purchase_token)
        if pair != (found.purchase.order_id, found.token):
            raise GoogleFailed("Google's order and its purchase do not name each other")
    return found


async def _period(google: Google, token: str, order: Order | None) -> Found | None:
    """Return the period of a subscription that an order is of, without one the newest."""
    subscription = await google.subscription(token)
    if subscription is None:
        return None
    if order is None and subscription.newest_order_id:
        order = await google.order(subscription.newest_order_id)
    if order is not None and order.purchase_token != token:
        raise GoogleFailed("Google's order and its subscription do not name each other")
    return Found(token, as_purchase(subscription, order), order, subscription)


def as_purchase(subscription: Subscription, order: Order | None) -> Purchase:
    """Return a period of a subscription as a purchase; what is not paid yet is pending."""
    items = subscription.line_items if order is None else order.line_items
    state = _STATES.get(subscription.subscription_state, objects.PURCHASED)
    names = subscription.external_account_identifiers
    return Purchase(
        product_line_item=[objects.Item(product_id=one.product_id) for one in items],
        purchase_state_context=objects.PurchaseState(purchase_state=state),
        test_purchase_context=subscription.test_purchase,
        order_id=subscription.newest_order_id if order is None else order.order_id,
        obfuscated_external_account_id=names.obfuscated_external_account_id,
        obfuscated_external_profile_id=names.obfuscated_external_profile_id,
    )


def base_of(order_id: str) -> str:
    """Return the first order of a subscription: GPA.1..4 is the fifth renewal of GPA.1."""
    return order_id.partition("..")[0]


def period_of(found: Found, settings: Settings, wanted: str | None) -> Period | None:
    """Return the period of a subscription that a purchase is, None where it is none.

    `wanted` is the pack that was asked for. Nobody paid where an order is of nothing, unless it is
    a test of something that costs.
    """
    subscription, order = found.subscription, found.order
    if subscription is None or not found.purchase.order_id:
        return None
    paid = None if order is None else order.period
    began_at = subscription.start_time if paid is None else paid.service_period_start_time
    ends_at = subscription.expires if paid is None else paid.service_period_end_time
    if began_at is None or ends_at is None:
        return None
    items = found.purchase.product_line_item
    total = None if order is None else order.total
    unpriced = total is None and found.purchase.is_test
    return Period(
        subscription=base_of(found.purchase.order_id),
        began_at=began_at,
        ends_at=ends_at,
        product_id=settings.pack_of(items[0].product_id if items else None, wanted),
        credits=settings.credit_free_periods or unpriced or not _is_nothing(total),
    )


def _is_nothing(total: Money | None) -> bool:
    return total is None or (int(total.units), total.nanos) == (0, 0)


def outcome_of(
    found: Found, product: str | None, *, free: bool, money: str, period: Period | None = None
) -> Outcome:
    """Return what is certain about the money of an attempt's own purchase.

    The price is what Google says that the customer paid. Money for another product than the
    attempt's, or for several, was taken all the same: the core books it aside. `product` is None
    where nothing was ordered. A `free` one is a reviewer's, for which nobody paid; `money` is what
    was asked for, of a test that has no price. A `period` says itself which pack it is of.
    """
    purchase, order = found.purchase, found.order
    if purchase.state == objects.PENDING:
        return Outcome(status=OutcomeStatus.PENDING, reference=name_of(found), code="pending")
    if purchase.state == objects.CANCELLED or (order is not None and order.state in _BACK):
        return Outcome(
            status=OutcomeStatus.DECLINED,
            code="canceled",
            message="The purchase was canceled, or its money went back, before it came here.",
            decline=Decline.DECLINED,
        )
    name = name_of(found)
    if purchase.state != objects.PURCHASED or name is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="state_unusable")
    total = None if order is None else order.total
    unpriced = total is None and purchase.is_test
    try:
        paid = None if total is None else to_minor(total)
    except NotExpressible as error:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="price_unusable", message=str(error))
    if paid is None and not unpriced:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="order_missing")
    test = free or unpriced
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=name,
        amount_minor=0 if test else paid,
        currency=money if total is None else total.currency_code,
        conflict=_conflict(found, None if period is not None else product),
        is_test=test,
        period=period,
    )


def _conflict(found: Found, product: str | None) -> str | None:
    """Return why a purchase is not what was asked for, None where it is."""
    items = found.purchase.product_line_item
    if len(items) != 1:
        return "products_differ"
    offer = items[0].product_offer_details
    if product is not None and items[0].product_id != product:
        return "product_differs"
    if (offer.quantity or 1) != 1:
        return "quantity_differs"
    if offer.rent_offer_details is not None:
        return "rented"
    if found.order is not None and found.order.state == objects.PARTIALLY_REFUNDED:
        return "partly_refunded"
    return None
