"""Routes of payments: buying, giving back, the providers' accounts and their webhooks."""

from guildbank.payments.http import coins, payments, providers, refunds, webhooks

__all__ = ["APPROVABLES", "ROUTES"]

APPROVABLES = (refunds.REFUNDING, providers.CONFIGURING)
ROUTES = (*payments.ROUTES, *coins.ROUTES, *refunds.ROUTES, *providers.ROUTES, *webhooks.ROUTES)
