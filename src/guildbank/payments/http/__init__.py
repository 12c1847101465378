"""Routes of payments: buying, giving back, the providers' accounts and their webhooks."""

from guildbank.payments.http import (
    callbacks,
    coins,
    confirmations,
    exchanges,
    payments,
    providers,
    reconciliations,
    refunds,
    timeline,
    webhooks,
)

__all__ = ["APPROVABLES", "ROUTES"]

APPROVABLES = (refunds.REFUNDING, providers.CONFIGURING, confirmations.CONFIRMING)
ROUTES = (
    *payments.ROUTES, *timeline.ROUTES, *coins.ROUTES, *refunds.ROUTES, *confirmations.ROUTES,
    *providers.ROUTES, *webhooks.ROUTES, *callbacks.ROUTES, *reconciliations.ROUTES,
    *exchanges.ROUTES,
)  # fmt: skip
