"""Routes by which keys, players, their accounts and sessions are kept."""

from guildbank.identity.http import accounts, jwks, keys, oauth, players, sessions

ROUTES = (
    *keys.ROUTES,
    *oauth.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
)
