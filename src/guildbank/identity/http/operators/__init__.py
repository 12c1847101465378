"""Routes by which operators come in, keep their own accounts, and are kept by each other."""

from guildbank.identity.http.operators import (
    invitations,
    own,
    pages,
    passkeys,
    people,
    roles,
    sign_in,
)

ROUTES = (
    *sign_in.ROUTES,
    *own.ROUTES,
    *passkeys.ROUTES,
    *people.ROUTES,
    *invitations.ROUTES,
    *roles.ROUTES,
    *pages.ROUTES,
)
