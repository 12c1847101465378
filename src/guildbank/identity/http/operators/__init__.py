"""Routes by which operators come in, keep their own accounts, and are kept by each other."""

from guildbank.identity.http.operators import (
    arrival,
    invitations,
    own,
    pages,
    passkeys,
    people,
    roles,
    sign_in,
    studio,
    studio_settings,
)

ROUTES = (
    *arrival.ROUTES,
    *sign_in.ROUTES,
    *own.ROUTES,
    *passkeys.ROUTES,
    *studio.ROUTES,
    *studio_settings.ROUTES,
    *people.ROUTES,
    *invitations.ROUTES,
    *roles.ROUTES,
    *pages.ROUTES,
)
