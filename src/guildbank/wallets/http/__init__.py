"""Routes of wallets."""

from guildbank.wallets.http import bulk, moves, rules

ROUTES = (*moves.ROUTES, *rules.ROUTES, *bulk.ROUTES)
