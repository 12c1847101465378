"""Routes by which keys, players, their accounts, sessions and second factors are kept."""

from guildbank.identity.http import (
    accounts,
    factors,
    jwks,
    keys,
    passkeys,
    players,
    second_sign_in,
    sessions,
    step_up,
)

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *second_sign_in.ROUTES,
    *sessions.ROUTES,
    *step_up.ROUTES,
    *factors.ROUTES,
    *passkeys.ROUTES,
    *jwks.ROUTES,
)
