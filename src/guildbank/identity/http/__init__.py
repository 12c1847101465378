"""Routes by which keys, players, their accounts and sessions are kept."""

from guildbank.identity.http import (
    accounts,
    hooks,
    jwks,
    keys,
    oauth,
    players,
    protection,
    sessions,
)

ROUTES = (
    *keys.ROUTES,
    *oauth.ROUTES,
    *hooks.ROUTES,
    *protection.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
)
