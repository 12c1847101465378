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
    mailed_pages,
    players,
    recovery,
    sessions,
)

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *recovery.ROUTES,
    *mailed_pages.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
    *identity_providers.ROUTES,
    *external.ROUTES,
    *journeys.ROUTES,
    *identities.ROUTES,
    *guests.ROUTES,
)
