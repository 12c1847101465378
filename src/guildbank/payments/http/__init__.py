"""Routes of payments: buying, giving back, the providers' accounts and their webhooks."""

from guildbank.payments.http import (
    callbacks,
    coins,
    confirmations,
    disputes,
    exchanges,
    payment_methods,
    payments,
    payout_decisions,
    payout_destinations,
    payout_terms,
    payouts,
    provider_fields,
    providers,
    quotes,
    reconciliations,
    refund_decisions,
    refund_policy,
    refund_requests,
    refunds,
    spent_coins,
    subscriptions,
    timeline,
    webhooks,
)

__all__ = ["APPROVABLES", "ROUTES"]

APPROVABLES = (
    refunds.REFUNDING,
    providers.CONFIGURING,
    confirmations.CONFIRMING,
    refund_policy.SETTING,
    spent_coins.SETTING,
    payout_terms.SETTING,
    payout_decisions.APPROVING,
)
ROUTES = (
    *payments.ROUTES, *quotes.ROUTES,
    *timeline.ROUTES, *coins.ROUTES, *refunds.ROUTES, *confirmations.ROUTES,
    *refund_requests.ROUTES, *refund_decisions.ROUTES, *refund_policy.ROUTES, *providers.ROUTES,
    *provider_fields.ROUTES,
    *webhooks.ROUTES, *callbacks.ROUTES, *reconciliations.ROUTES, *spent_coins.ROUTES,
    *exchanges.ROUTES, *disputes.ROUTES, *payment_methods.ROUTES,
    *subscriptions.ROUTES,
    *payouts.ROUTES, *payout_destinations.ROUTES, *payout_decisions.ROUTES, *payout_terms.ROUTES,
)  # fmt: skip
