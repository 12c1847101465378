"""Routes by which keys, players, their accounts and sessions are kept."""

from guildbank.identity.http import accounts, jwks, keys, mailed_pages, players, recovery, sessions

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *recovery.ROUTES,
    *mailed_pages.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
)
