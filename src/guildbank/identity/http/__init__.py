"""Routes by which keys, players, their accounts, sessions and second factors are kept."""

from guildbank.identity.http import (
    accounts,
    external,
    factors,
    guests,
    identities,
    identity_providers,
    journeys,
    jwks,
    keys,
    mailed_pages,
    passkeys,
    players,
    recovery,
    second_sign_in,
    sessions,
    step_up,
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
    *second_sign_in.ROUTES,
    *step_up.ROUTES,
    *factors.ROUTES,
    *passkeys.ROUTES,
)
