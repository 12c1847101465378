"""Begin a sign-in elsewhere, and send the browser there once it holds what it must come back with.

A page's script cannot be given a cookie of ours, so beginning returns an address of ours to open:
opening it sets the cookie and leads on to the provider.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from guildbank.identity.contracts.external import BAD_STATE, RETURN_URL_NOT_REGISTERED
from guildbank.identity.rules import token_hash, with_query
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret, take_ticket
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.plugin_api import SignInRequest

LIFE = timedelta(minutes=10)
BEGUN_PLACE = "identity_ticket.external_begun"
AWAY_PLACE = "identity_ticket.external_away"
_COOKIE = "guildbank-sign-in"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. `challenge` is that of its PKCE verifier, by S256.

    `client_state` comes back beside the code as it is.
    """

    provider: str
    return_url: str
    challenge: str
    client_state: str | None = None
    locale: str | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, sealed, of a sign-in that is under way.

    `keep` is the plugin's own, with its PKCE verifier and nonce; `cookie` is the hash of what the
    browser holds, once it has left.
    """

    wanted: Wanted
    state: str
    url: str
    posted: bool
    keep: Mapping[str, str]
    cookie: bytes = b""


class Gate(msgspec.Struct, frozen=True):
    """The address to open in a browser, once, and until when."""

    url: str
    expires_at: datetime


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes, and the cookie that it must have when it comes back.

    A provider that posts a form from its own page brings no cookie of SameSite Lax.
    """

    url: str
    cookie_name: str
    cookie: str
    secure: bool
    cross_site: bool


async def begin_sign_in(
    external: ExternalSignIn, tenant: TenantRef, wanted: Wanted
) -> Gate | Refusal:
    """Return the address to open. The provider is asked before anything is kept.

    Refusals: `unknown_identity_provider`, `return_url_not_registered`, and those of the plugin.
    """
    if wanted.return_url not in (await external.setup(tenant)).return_urls:
        return RETURN_URL_NOT_REGISTERED
    terms = await external.terms(tenant, wanted.provider)
    if isinstance(terms, Refusal):
        return terms
    state = new_secret()
    request = SignInRequest(state=state, locale=wanted.locale)
    begun = await external.providers.begin(wanted.provider, terms, request)
    if isinstance(begun, Refusal):
        return begun
    journey = Journey(
        wanted=wanted,
        state=state,
        url=begun.url,
        posted=begun.answers == "form_post",
        keep=begun.keep,
    )
    sealed = (await external.safe(tenant)).seal(BEGUN_PLACE, journey)
    ticket = new_secret()
    async with external.identity.db.begin(tenant.schema) as tx:
        kept = await add_ticket(external.identity, tx, ticket, "external_begun", LIFE, data=sealed)
    opened = with_query(f"{external.url}/v1/sign-in/go/{tenant.slug}", ticket=ticket)
    return Gate(opened, kept.expires_at)


async def depart(external: ExternalSignIn, tenant: TenantRef, ticket: str) -> Departure | Refusal:
    """Bind the journey to the browser that opens its address, the first one. Refusal: `bad_state`.

    A ticket is good once: who was sent a copy of the address cannot leave on it too.
    """
    safe = await external.safe(tenant)
    cookie = secrets.token_urlsafe(32)
    async with external.identity.db.begin(tenant.schema) as tx:
        taken = await take_ticket(external.identity, tx, ticket, "external_begun")
        if taken is None:
            return BAD_STATE
        journey = msgspec.json.decode(safe.open(BEGUN_PLACE, taken.data), type=Journey)
        journey = msgspec.structs.replace(journey, cookie=token_hash(cookie))
        await add_ticket(
            external.identity,
            tx,
            journey.state,
            "external_away",
            LIFE,
            data=safe.seal(AWAY_PLACE, journey),
        )
    return Departure(
        url=journey.url,
        cookie_name=cookie_name(external, journey.state),
        cookie=cookie,
        secure=external.url.startswith("https://") or journey.posted,
        cross_site=journey.posted,
    )


def cookie_name(external: ExternalSignIn, state: str) -> str:
    """Return the name of a journey's cookie: each tab of a browser has its own.

    Where the server speaks https, no other host of the domain can set it (the prefix `__Host-`).
    """
    prefix = "__Host-" if external.url.startswith("https://") else ""
    return f"{prefix}{_COOKIE}-{token_hash(state).hex()[:16]}"
