"""Taking money: make an order, look at it, capture it once the player has approved, end it."""

from datetime import timedelta

from guildbank.kernel import made_at
from guildbank.plugin_api import (
    Context,
    NextAction,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    never_arrived,
)
from guildbank_paypal import marks
from guildbank_paypal.amounts import CURRENCIES, NotExpressible, to_paypal
from guildbank_paypal.client import Client, PayPalFailed, Refused, path_of
from guildbank_paypal.declines import FOR_GOOD, PLAYER_AGAIN, decline_of
from guildbank_paypal.marks import read_mark
from guildbank_paypal.objects import Order
from guildbank_paypal.orders import declined, outcome_of
from guildbank_paypal.settings import Settings

METHOD = "paypal"
_FORGOTTEN_AFTER = timedelta(hours=24)
_ALREADY = frozenset({"ORDER_ALREADY_CAPTURED", "ORDER_ALREADY_COMPLETED"})


async def create(client: Client, settings: Settings, request: PaymentRequest) -> Outcome:
    """Make an order that the player approves on PayPal's page; it takes no money by itself."""
    if request.method not in (None, METHOD):
        return declined("unknown_method", f"PayPal is asked for the method {METHOD} only.")
    if request.currency not in CURRENCIES:
        return declined("currency_not_taken", f"PayPal does not take {request.currency[:3]}.")
    try:
        body = _order(settings, request)
    except NotExpressible as error:
        return declined("amount_not_expressible", str(error))
    made = await client.post(
        path_of("v2", "checkout", "orders"), request.idempotency_key, body, Order
    )
    return declined(made.issue, made.message) if isinstance(made, Refused) else outcome_of(made)


async def fetch(
    client: Client, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Say how a payment stands; `approved` of one that waits for our capture.

    Without a reference nobody but PayPal knows the order's id: no player was led to it, and no
    capture of ours can have named it. So once no request can be under way, it never was.
    """
    if reference is None:
        return never_arrived(attempt_id, context.now, "PayPal")
    order = await _locate(client, attempt_id, reference)
    if order is None:
        return _forgotten(context, attempt_id, reference)
    return outcome_of(order)


async def capture(
    client: Client, settings: Settings, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Take the money of an order that the player approved, and that nobody ended."""
    if reference is None:
        return never_arrived(attempt_id, context.now, "PayPal")
    order = await _locate(client, attempt_id, reference)
    if order is None:
        return _forgotten(context, attempt_id, reference)
    open_ = order.capture is None and read_mark(order.custom_id).ended is None
    if open_ and order.status == "APPROVED":
        return await _capture(client, settings, context, attempt_id, order)
    return outcome_of(order)


async def cancel(
    client: Client, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Write on the order that it is over; say `canceled` once PayPal shows it so.

    PayPal has no call that ends an order of intent CAPTURE. Its money is taken by our capture
    alone, and that is not made for an order that bears this mark.
    """
    if reference is None:
        return never_arrived(attempt_id, context.now, "PayPal")
    order = await _locate(client, attempt_id, reference)
    if order is None:
        return _forgotten(context, attempt_id, reference)
    if order.capture is not None or read_mark(order.custom_id).ended is not None:
        return outcome_of(order)
    return await _end(client, attempt_id, order, marks.canceled(attempt_id))


async def _capture(
    client: Client, settings: Settings, context: Context, attempt_id: str, order: Order
) -> Outcome:
    """Take the money. An order is captured once, however many ask; the key spares the second.

    The key changes with the minute: a player whose card was refused comes back with another one,
    and under the old key PayPal would only repeat the refusal. So it also bounds how often a
    refused card is tried.
    """
    key = f"{attempt_id}:capture:{int(context.now.timestamp()) // 60}"
    path = path_of("v2", "checkout", "orders", order.id, "capture")
    answer = await client.post(path, key, {}, Order)
    if isinstance(answer, Order):
        return outcome_of(answer)
    if answer.issue in _ALREADY:
        return outcome_of(await _again(client, attempt_id, order))
    if answer.issue in PLAYER_AGAIN:
        page = f"{settings.pages}/checkoutnow?token={order.id}"
        return Outcome(
            status=OutcomeStatus.PENDING,
            reference=order.id,
            next_action=NextAction(kind="redirect", url=page),
            code=answer.issue,
            message=answer.message,
        )
    if answer.issue in FOR_GOOD:
        return await _end(client, attempt_id, order, marks.declined(attempt_id, answer.issue))
    raise PayPalFailed(f"PayPal did not capture: {answer.issue}")


async def _end(client: Client, attempt_id: str, order: Order, mark: str) -> Outcome:
    """Mark the order and read it back: a capture may have been first."""
    place = "/purchase_units/@reference_id=='default'/custom_id"
    refused = await client.patch(
        path_of("v2", "checkout", "orders", order.id),
        [{"op": "replace", "path": place, "value": mark}],
    )
    fresh = await _again(client, attempt_id, order)
    ended = fresh.capture is not None or read_mark(fresh.custom_id).ended is not None
    if not ended and fresh.status != "VOIDED":
        raise PayPalFailed(f"PayPal did not mark the order: {refused and refused.issue}")
    return outcome_of(fresh)


async def _again(client: Client, attempt_id: str, order: Order) -> Order:
    fresh = await _locate(client, attempt_id, order.id)
    if fresh is None:
        raise PayPalFailed("PayPal does not show an order that it showed just now")
    return fresh


async def _locate(client: Client, attempt_id: str, reference: str) -> Order | None:
    order = await client.get(path_of("v2", "checkout", "orders", reference), Order)
    if order is not None and read_mark(order.custom_id).attempt_id != attempt_id:
        raise LookupError(f"the order {order.id} is not of the attempt {attempt_id}")
    return order


def _forgotten(context: Context, attempt_id: str, reference: str) -> Outcome:
    """Say that an order is gone: PayPal forgets those that nobody approved, within hours.

    For a day that is not believed: the settings may lead to another account for the moment.
    """
    if context.now - made_at(attempt_id) < _FORGOTTEN_AFTER:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    return Outcome(
        status=OutcomeStatus.CANCELED,
        reference=reference,
        code="expired",
        decline=decline_of("expired"),
    )


def _order(settings: Settings, request: PaymentRequest) -> dict[str, object]:
    value = to_paypal(request.amount_minor, request.currency)
    page: dict[str, str] = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
    if settings.brand_name is not None:
        page["brand_name"] = settings.brand_name
    back = request.return_url or settings.return_url
    if back is not None:
        page |= {"return_url": back, "cancel_url": back}
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": "default",
                "custom_id": request.attempt_id,
                # PayPal takes one payment only for each invoice id, unless an account allows more.
                "invoice_id": request.attempt_id,
                "description": request.description[:127],
                "amount": {"currency_code": request.currency, "value": value},
            }
        ],
        "payment_source": {"paypal": {"experience_context": page}},
    }
