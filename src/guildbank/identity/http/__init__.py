"""Routes by which keys, players, their accounts and sessions are kept."""

from guildbank.identity.http import (
    accounts,
    external,
    guests,
    identities,
    identity_providers,
    journeys,
    jwks,
    keys,
    players,
    sessions,
)

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
    *identity_providers.ROUTES,
    *external.ROUTES,
    *journeys.ROUTES,
    *identities.ROUTES,
    *guests.ROUTES,
)
