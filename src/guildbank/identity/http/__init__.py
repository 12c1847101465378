"""Routes by which keys, players, their accounts and sessions are kept."""

from guildbank.identity.http import (
    accounts,
    consents,
    erasures,
    exports,
    jwks,
    keys,
    moderation,
    players,
    profiles,
    sessions,
)

ROUTES = (
    *keys.ROUTES,
    *players.ROUTES,
    *accounts.ROUTES,
    *sessions.ROUTES,
    *jwks.ROUTES,
    *profiles.ROUTES,
    *moderation.ROUTES,
    *consents.ROUTES,
    *exports.ROUTES,
    *erasures.ROUTES,
)
