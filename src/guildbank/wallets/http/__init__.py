"""Routes of wallets."""

from guildbank.wallets.http import bulk, moves, postings, rules

ROUTES = (*moves.ROUTES, *rules.ROUTES, *bulk.ROUTES, *postings.ROUTES)
