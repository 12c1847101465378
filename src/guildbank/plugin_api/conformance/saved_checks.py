"""Checks of methods that are kept for players, for providers whose manifest says that they do."""

import re
from datetime import timedelta

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import OnFile, Outcome, OutcomeStatus, PaymentRequest
from guildbank.plugin_api.saved import SAVED_METHODS, CustomerRequest, SavedMethod

CAPABILITY = SAVED_METHODS
_CARD_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
_NO_MONEY = (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED)


async def one_player_has_one_customer(stage: Stage) -> Verdict:
    """Asked again, at once or after the provider forgot the key, the customer is the same."""
    request = _customer(stage)
    first = await stage.provider.open_customer(stage.context, request)
    again = await stage.provider.open_customer(stage.context, request)
    days_later = msgspec.structs.replace(stage.context, now=stage.context.now + timedelta(days=2))
    late = await stage.provider.open_customer(days_later, request)
    if not first or {again, late} != {first}:
        return f"one player has the customers {first!r}, {again!r} and {late!r}"
    known = msgspec.structs.replace(request, reference=first)
    if not await stage.provider.knows_customer(stage.context, known):
        return "its own customer is unknown to it"
    strange = msgspec.structs.replace(request, reference=f"{first}x")
    if await stage.provider.knows_customer(stage.context, strange):
        return "it knows a customer that nobody made"
    return None


async def a_paid_payment_names_the_method_that_it_left(stage: Stage) -> Verdict:
    """It is named as people know it, never by the number of a card, and a look agrees."""
    customer, method = await _saved(stage)
    if isinstance(method, str):
        return method
    words = msgspec.json.encode(method).decode()
    if not method.reference or _CARD_NUMBER.search(words):
        return "the method has no reference, or tells the number of a card"
    if method.last_four is not None and not re.fullmatch(r"[0-9]{4}", method.last_four):
        return f"{method.last_four!r} are not four digits"
    looked = await stage.provider.fetch_method(stage.context, customer, method.reference)
    return None if looked == method else f"named {method!r}, looked at {looked!r}"


async def a_payment_that_keeps_nothing_leaves_no_method(stage: Stage) -> Verdict:
    """Without the player's word for it nothing is kept."""
    customer = await stage.provider.open_customer(stage.context, _customer(stage))
    request = _with(stage.payment(stage.rehearsal.pays), OnFile(customer=customer))
    paid = await stage.pay(request)
    if (fault := fault_in_money(paid, request.amount_minor, request.currency)) is not None:
        return fault
    left = await stage.provider.saved_method(
        stage.context, customer, request.attempt_id, paid.reference or ""
    )
    return None if left is None else f"it left {left!r}"


async def a_saved_method_pays_again(stage: Stage) -> Verdict:
    """A payment by the saved method is processed, and the same key charges once."""
    customer, method = await _saved(stage)
    if isinstance(method, str):
        return method
    request = _by(stage, customer, method)
    first = await stage.provider.create_payment(stage.context, request)
    second = await stage.provider.create_payment(stage.context, request)
    if first.reference != second.reference:
        return f"two payments for one key: {first.reference} and {second.reference}"
    return fault_in_money(first, request.amount_minor, request.currency)


async def a_saved_method_pays_for_its_own_customer_alone(stage: Stage) -> Verdict:
    """Charged for somebody else it takes no money."""
    _, method = await _saved(stage)
    if isinstance(method, str):
        return method
    stranger = await stage.provider.open_customer(stage.context, _customer(stage))
    if await stage.provider.fetch_method(stage.context, stranger, method.reference) is not None:
        return "a look shows it to somebody else"
    return await _takes_nothing(stage, _by(stage, stranger, method))


async def a_removed_method_pays_no_more(stage: Stage) -> Verdict:
    """Removed once or twice, it is gone for a look and for a payment."""
    customer, method = await _saved(stage)
    if isinstance(method, str):
        return method
    for _ in range(2):
        await stage.provider.remove_method(stage.context, customer, method.reference)
    if await stage.provider.fetch_method(stage.context, customer, method.reference) is not None:
        return "a look still shows it"
    return await _takes_nothing(stage, _by(stage, customer, method))


async def a_forgotten_customer_leaves_nothing(stage: Stage) -> Verdict:
    """Who is forgotten, once or twice, is unknown, and none of the methods is there."""
    request = _customer(stage)
    customer, method = await _saved(stage, request)
    if isinstance(method, str):
        return method
    known = msgspec.structs.replace(request, reference=customer)
    for _ in range(2):
        await stage.provider.forget_customer(stage.context, known)
    if await stage.provider.knows_customer(stage.context, known):
        return "it still knows the customer"
    if await stage.provider.fetch_method(stage.context, customer, method.reference) is not None:
        return "it still shows the method"
    return await _takes_nothing(stage, _by(stage, customer, method))


def _customer(stage: Stage) -> CustomerRequest:
    customer_id = new_id("cst")
    return CustomerRequest(
        customer_id=customer_id,
        player_id=new_id("player"),
        idempotency_key=f"{customer_id}:open:1",
        requested_at=stage.context.now,
    )


def _with(request: PaymentRequest, on_file: OnFile) -> PaymentRequest:
    return msgspec.structs.replace(request, on_file=on_file)


def _by(stage: Stage, customer: str, method: SavedMethod) -> PaymentRequest:
    request = stage.payment(stage.rehearsal.pays)
    unnamed = msgspec.structs.replace(request, method=None)
    return _with(unnamed, OnFile(customer=customer, method=method.reference))


async def _saved(
    stage: Stage, wanted: CustomerRequest | None = None
) -> tuple[str, SavedMethod | str]:
    """Return a customer with a method that a payment left, or what went wrong."""
    customer = await stage.provider.open_customer(stage.context, wanted or _customer(stage))
    request = _with(stage.payment(stage.rehearsal.pays), OnFile(customer=customer, keep=True))
    paid = await stage.pay(request)
    if (fault := fault_in_money(paid, request.amount_minor, request.currency)) is not None:
        return customer, fault
    method = await stage.provider.saved_method(
        stage.context, customer, request.attempt_id, paid.reference or ""
    )
    return customer, method or "a payment that keeps its method left none"


async def _takes_nothing(stage: Stage, request: PaymentRequest) -> Verdict:
    try:
        said: Outcome = await stage.provider.create_payment(stage.context, request)
    except Exception as unsaid:
        return f"it must be refused for good, and raised {type(unsaid).__name__}"
    return None if said.status in _NO_MONEY else f"it must take no money: {said!r}"


CHECKS: tuple[CheckFunction, ...] = (
    one_player_has_one_customer,
    a_paid_payment_names_the_method_that_it_left,
    a_payment_that_keeps_nothing_leaves_no_method,
    a_saved_method_pays_again,
    a_saved_method_pays_for_its_own_customer_alone,
    a_removed_method_pays_no_more,
    a_forgotten_customer_leaves_nothing,
)
