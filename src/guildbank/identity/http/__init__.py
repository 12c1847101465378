"""Routes by which keys, players, operators, their accounts and sessions are kept."""

from guildbank.identity.http import accounts, jwks, keys, operators, players, sessions

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
    *operators.ROUTES,
)
