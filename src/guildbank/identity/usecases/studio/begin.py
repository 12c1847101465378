"""Send an operator's browser to the studio's issuer, bound to it by a cookie.

The journey begins on a page of the deployment's own address, where the issuer sends people back
to, so the browser gets its cookie with the answer.
"""

import secrets
from collections.abc import Mapping

import msgspec

from guildbank.identity.contracts.studio import JOURNEY_LIFE, PLUGIN
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import factors as tickets
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.browsers import Browser
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.sign_in.tickets import new_secret
from guildbank.identity.usecases.studio import terms_of
from guildbank.kernel import Refusal
from guildbank.plugin_api import SignInRequest


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, sealed, of a sign-in that is under way.

    `keep` is the plugin's own, with its PKCE verifier and nonce; `cookie` is the hash of what the
    browser holds. `links` is the operator whose account of the studio this is to be. `anew` says
    that the person was to prove who they are now. `browser` are the tokens by which the browser
    may be known: the issuer's page leads back without the cookies that bear them. `invitation` is
    the hash of the link that is accepted by this.
    """

    keep: Mapping[str, str]
    cookie: bytes
    anew: bool
    links: str | None
    browser: tuple[str, ...] = ()
    invitation: bytes | None = None


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes, and the cookie that it must have when it comes back."""

    url: str
    cookie_name: str
    cookie: str


async def begin_journey(
    external: ExternalSignIn,
    plane: Plane,
    browser: Browser,
    *,
    anew: bool = False,
    links: str | None = None,
    invitation: bytes | None = None,
) -> Departure | Refusal:
    """Return where to go. The issuer is asked before anything is kept.

    Refusals: `unknown_identity_provider`, and those of the plugin.
    """
    terms = await terms_of(external, plane)
    if isinstance(terms, Refusal):
        return terms
    state = new_secret()
    request = SignInRequest(state=state, anew=anew)
    begun = await external.providers.begin(PLUGIN, terms[1], request)
    if isinstance(begun, Refusal):
        return begun
    cookie = secrets.token_urlsafe(32)
    journey = Journey(
        keep=begun.keep,
        cookie=token_hash(cookie),
        anew=anew,
        links=links,
        browser=browser.tokens,
        invitation=invitation,
    )
    sealed = plane.sealer.seal(journey_place(plane), msgspec.json.encode(journey))
    now = external.identity.clock.now()
    async with external.identity.db.begin(plane.schema) as tx:
        hash_, ends = token_hash(state), now + JOURNEY_LIFE
        await tickets.add_ticket(tx.driver, hash_, "studio_away", links, now, ends, sealed)
    name = journey_cookie(external, state)
    return Departure(url=begun.url, cookie_name=name, cookie=cookie)


def journey_place(plane: Plane) -> bytes:
    """Return the place for which a journey is sealed."""
    return b"identity_operator_ticket.studio:" + plane.id.encode()


def journey_cookie(external: ExternalSignIn, state: str) -> str:
    """Return the name of a journey's cookie: each tab of a browser has its own."""
    return f"{external.identity.staff.cookie}-studio-{token_hash(state).hex()[:16]}"
