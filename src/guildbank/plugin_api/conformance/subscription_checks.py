"""Checks of a store that sells subscriptions: each period is a purchase that can be told of."""

from collections.abc import Mapping

from guildbank.plugin_api.confirmation import NotConfirmed
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import EventKind, Outcome, PaymentRequest, ProviderEvent
from guildbank.plugin_api.subscriptions import SUBSCRIPTIONS, SubscriptionStand

PURCHASE = "transaction"
_NOT_DECLARED = NotRun("the manifest does not name the capability subscriptions")
_NOT_REHEARSED = NotRun("the rehearsal subscribes to nothing")


async def a_first_period_says_of_what_it_is(stage: Stage) -> Verdict:
    """What confirms a first period is processed, with the product asked for and a time of its own.

    Its subscription is then known, and names the purchase that was confirmed.
    """
    subscribed = await _subscribed(stage)
    if not isinstance(subscribed, Outcome):
        return subscribed
    period = subscribed.period
    if period is None or period.ends_at <= period.began_at:
        return f"said no period, or none that lasts: {subscribed!r}"
    if period.product_id != stage.rehearsal.product_id:
        return f"asked for {stage.rehearsal.product_id}, and the period is of {period.product_id}"
    stand = await _stand(stage, period.subscription)
    if stand is None:
        return f"the subscription {period.subscription!r} is not known"
    if subscribed.reference not in _purchases(stand):
        return f"the purchase {subscribed.reference!r} is not among those of its subscription"
    return None


async def each_renewal_is_a_purchase_of_its_own(stage: Stage) -> Verdict:
    """A renewal is told of by a name of its own, alike however often, and confirms by that name."""
    renews = stage.rehearsal.renews
    if renews is None:
        return _NOT_DECLARED if not _is_declared(stage) else _NOT_REHEARSED
    request = stage.payment(stage.rehearsal.pays)
    first = await _subscribed(stage, request)
    if not isinstance(first, Outcome):
        return first
    if first.period is None:
        return f"said no period: {first!r}"
    await renews(stage.context, first)
    stands = [await _stand(stage, first.period.subscription) for _ in "12"]
    known, again = (_purchases(stand) for stand in stands)
    if known != again:
        return f"the same purchases are told of otherwise the second time: {known!r}, {again!r}"
    if len(known) != 2 or len({one.external_id for one in known.values()}) != 2:
        return f"one renewal makes two purchases of their own, and told of are {known!r}"
    if any(one.attempt_id != request.attempt_id for one in known.values()):
        return f"a purchase does not name the attempt that it was made under: {known!r}"
    (renewal,) = known.keys() - {first.reference}
    said = await stage.confirm(request, first.reference, {PURCHASE: renewal})
    if isinstance(said, NotConfirmed):
        return f"the renewal {renewal!r} is not confirmed: {said!r}"
    fault = fault_in_money(said, request.amount_minor, request.currency)
    if fault or said.reference != renewal or said.period is None:
        return fault or f"the renewal is not the purchase that was named: {said!r}"
    if said.period.subscription != first.period.subscription:
        return "the renewal is of another subscription than the first period"
    return None if said.period.began_at > first.period.began_at else "the renewal does not follow"


async def an_unknown_subscription_is_none(stage: Stage) -> Verdict:
    """A name that the store does not know is answered with None, not raised."""
    if not _is_declared(stage):
        return _NOT_DECLARED
    stand = await _stand(stage, "nothing-of-the-kind")
    return None if stand is None else f"said {stand!r}"


async def _subscribed(stage: Stage, request: PaymentRequest | None = None) -> Outcome | Verdict:
    """Return the outcome of a first period, else why there is none."""
    subscribes = stage.rehearsal.subscribes
    if not _is_declared(stage) or subscribes is None:
        return _NOT_REHEARSED if _is_declared(stage) else _NOT_DECLARED
    request = request or stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    data = await subscribes(stage.context, request)
    said = await stage.confirm(request, made.reference, data)
    if isinstance(said, NotConfirmed):
        return f"refused right data: {said!r}"
    return fault_in_money(said, request.amount_minor, request.currency) or said


def _is_declared(stage: Stage) -> bool:
    return SUBSCRIPTIONS in stage.manifest.capabilities


async def _stand(stage: Stage, reference: str) -> SubscriptionStand | None:
    return await stage.provider.fetch_subscription(stage.context, reference, stage.context.now)


def _purchases(stand: SubscriptionStand | None) -> Mapping[str, ProviderEvent]:
    """Return what was bought by the store's name of it."""
    events = () if stand is None else stand.events
    return {
        one.payment_reference: one
        for one in events
        if one.kind is EventKind.PAYMENT and one.payment_reference is not None
    }


CHECKS: tuple[CheckFunction, ...] = (
    a_first_period_says_of_what_it_is,
    each_renewal_is_a_purchase_of_its_own,
    an_unknown_subscription_is_none,
)
