"""Ask a store how a subscription stands, and keep what was bought by it as events of the inbox.

What a store says moves no money here: each purchase that it names is an event, worked on as a
webhook is, so that one whose notification was lost for ever is credited once all the same.
"""

import asyncio

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.payments import inbox
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.refusals import NO_CHANGE, PROVIDER_SILENT
from guildbank.payments.contracts.subscriptions import SUBSCRIPTION_CHANGED, Subscription
from guildbank.payments.subscriptions import (
    SUBSCRIPTION_REFERENCES,
    SUBSCRIPTIONS,
    subscription_by_reference,
)
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.foreign_refund import TOO_EARLY
from guildbank.plugin_api import MAX_REPORTED, SubscriptionStand

log = structlog.get_logger(__name__)


class FollowSubscription(Act):
    """Keep what a store says of a subscription, where that is new."""

    verb = "payments.follow_subscription"
    __slots__ = ("asked", "place", "stand")

    def __init__(self, known: Subscription, stand: SubscriptionStand) -> None:
        super().__init__(provider_principal(known.provider))
        self.place = (known.provider, known.reference)
        self.asked = known
        self.stand = stand

    def needs(self, stage: Stage) -> list[Need]:
        """Return the subscription."""
        return [(SUBSCRIPTION_REFERENCES, self.place)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it. Refusals: `no_change`, `too_early` where a period was paid meanwhile."""
        known: Subscription | None = stage.get(SUBSCRIPTION_REFERENCES, self.place)
        stand = self.stand
        if known is None or known != self.asked:
            return TOO_EARLY
        fresh = msgspec.structs.replace(
            known, state=stand.state, renews=stand.renews, ends_at=stand.ends_at
        )
        if fresh == known:
            return NO_CHANGE
        fresh = msgspec.structs.replace(fresh, changed_at=stage.now)
        stage.put(SUBSCRIPTIONS, fresh.id, fresh)
        stage.put(SUBSCRIPTION_REFERENCES, self.place, fresh)
        told = {
            "subscription": fresh.id,
            "payment": fresh.payment_id,
            "player": fresh.player_id,
            "provider": fresh.provider,
            "product": fresh.product_id,
            "state": fresh.state,
            "renews": fresh.renews,
            "endsAt": fresh.ends_at,
        }
        return Draft(SUBSCRIPTION_CHANGED, facts(told))


async def follow_subscription(
    payments: Payments, tenant: TenantRef, provider: str, reference: str
) -> Outcome:
    """Look at the subscription that an event names. What it finds bought is worked on by the sweep.

    Refusals: `no_change`, `too_early` for one of which nothing is credited here yet, and those of
    `look_at_subscription`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        known = await subscription_by_reference(tx.driver, provider, reference)
    if known is None:
        return TOO_EARLY
    fresh = await look_at_subscription(payments, tenant, known)
    return fresh if isinstance(fresh, Refusal) else NO_CHANGE


async def look_at_subscription(
    payments: Payments, tenant: TenantRef, known: Subscription
) -> list[str] | Refusal:
    """Return the events that are new, once they and how it stands are kept.

    Refusals: `provider_silent`, `too_early` where it changed here meanwhile, those of `line_to`.
    """
    line = await line_about(payments, tenant, known.provider, known.payment_id)
    if isinstance(line, Refusal):
        return line
    plugin = payments.plugins.subscribes(known.provider)
    if plugin is None:
        return PROVIDER_SILENT
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            stand = await plugin.fetch_subscription(line.context, known.reference, known.created_at)
    except Exception as error:  # whatever it raises, the store is asked again
        log.warning("subscription_not_told", subscription=known.id, error=fault_of(line, error))
        return PROVIDER_SILENT
    if stand is None or not _is_sound(stand):
        log.error("subscription_unusable", subscription=known.id, plugin=known.provider)
        return PROVIDER_SILENT
    fresh = await _keep(payments, tenant, known.provider, stand)
    outcome = await payments.journal.submit(tenant.schema, FollowSubscription(known, stand))
    return outcome if outcome == TOO_EARLY else fresh


def _is_sound(stand: SubscriptionStand) -> bool:
    texts = (
        value
        for event in stand.events
        for value in msgspec.structs.astuple(event)
        if isinstance(value, str)
    )
    dated = stand.ends_at.tzinfo is not None
    return dated and len(stand.events) <= MAX_REPORTED and all(map(storable, texts))


async def _keep(
    payments: Payments, tenant: TenantRef, provider: str, stand: SubscriptionStand
) -> list[str]:
    """Keep the events that are new, and return them in the store's order."""
    now, fresh = payments.clock.now(), list[str]()
    async with payments.db.begin(tenant.schema) as tx:
        for event in stand.events:
            id_ = new_id("whk")
            if await inbox.insert_webhook(tx.driver, id_, provider, event, {}, now):
                fresh.append(id_)
    return fresh
