"""Write down the period of a subscription in the commit that books what was paid for it."""

import msgspec

from guildbank.journal import Need, Stage
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.subscriptions import OTHER_PRODUCT, Subscription
from guildbank.payments.subscriptions import SUBSCRIPTION_REFERENCES, SUBSCRIPTIONS
from guildbank.plugin_api import ENDED_STATES, Outcome, Period, SubscriptionState


def period_needs(provider: str, outcome: Outcome) -> list[Need]:
    """Return the subscription of a period, by the store's name of it."""
    if outcome.period is None:
        return []
    return [(SUBSCRIPTION_REFERENCES, (provider, outcome.period.subscription))]


def put_period(
    stage: Stage, intent: Intent, provider: str, subscription_id: str, period: Period
) -> Subscription:
    """Write the newest period down, and return the subscription; an older one changes nothing."""
    place = (provider, period.subscription)
    known: Subscription | None = stage.get(SUBSCRIPTION_REFERENCES, place)
    if known is not None and period.began_at <= known.began_at:
        return known
    lasts = period.ends_at > stage.now
    paid = Subscription(
        id=subscription_id, provider=provider, reference=period.subscription,
        player_id=intent.player_id, payment_id=intent.id, product_id=intent.product_id,
        state=SubscriptionState.ACTIVE if lasts else SubscriptionState.EXPIRED, renews=lasts,
        began_at=period.began_at, ends_at=period.ends_at, created_at=stage.now,
        changed_at=stage.now,
    )  # fmt: skip
    if known is not None:
        # That the player canceled it is told apart, but who took it up again did not.
        renews = known.renews or (lasts and known.state in ENDED_STATES)
        paid = msgspec.structs.replace(
            paid, id=known.id, created_at=known.created_at, renews=renews,
            state=paid.state if lasts else known.state,
        )  # fmt: skip
    stage.put(SUBSCRIPTIONS, paid.id, paid)
    stage.put(SUBSCRIPTION_REFERENCES, place, paid)
    return paid


def conflict_of(outcome: Outcome, intent: Intent) -> str | None:
    """Return why captured money is for something else than the payment, None where it is not."""
    if outcome.conflict is not None or outcome.period is None:
        return outcome.conflict
    return None if outcome.period.product_id == intent.product_id else OTHER_PRODUCT
