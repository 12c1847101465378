"""Routes of approvals, and that of a lower room whose verb may have to wait."""

from guildbank.approvals.http import decisions, tenants

ROUTES = (*decisions.ROUTES, *tenants.ROUTES)
