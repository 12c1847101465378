"""Routes by which a game's client lets its player in by an account elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Request, get, post
from msgspec import Meta

from guildbank.identity.http.accounts import (
    TO_SIGN_IN,
    DeviceToken,
    TokensView,
    visitor_of,
    welcome_view,
)
from guildbank.identity.http.identity_providers import ReturnUrl
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.begin import Wanted, begin_sign_in
from guildbank.identity.usecases.external.configure import offered_providers
from guildbank.identity.usecases.external.enter import enter
from guildbank.identity.usecases.external.mailed_link import link_by_code, send_link_code
from guildbank.identity.usecases.external.proofs import believe, redeem
from guildbank.infra.http import (
    Body,
    Home,
    JSONBody,
    LanguageTag,
    Service,
    View,
    at_home,
    client_address,
    granted,
)
from guildbank.infra.limits import RateLimit

Parts = Service[ExternalSignIn]
Req = Request[Any, Any, Any]
TAGS: Sequence[str] = ["Sign-in elsewhere"]
ProviderId = Annotated[str, Meta(min_length=1, max_length=64, examples=["telegram"])]
Challenge = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)",
        description="SHA-256 of the PKCE verifier in base64url (RFC 7636, method S256).",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    ),
]
Verifier = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._~-]{43,128}$(?!\n)",
        description="The PKCE verifier whose challenge began the sign-in.",
        examples=["dBjftJeZ4CVP-mBKPKr1Z_0Yg9zmdQwsd9oZz9VQdIA"],
    ),
]
ClientState = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]{1,200}$(?!\n)",
        description="The client's own; it comes back as `state`.",
        examples=["level-7"],
    ),
]
TRAVELLING = RateLimit("sign-in-elsewhere", 480, 60, "address", exact=True)
"""A sign-in takes three steps of a browser or client before the one that counts as signing in."""
TO_TRAVEL = {"public": True, "limits": (TRAVELLING,)}
OneTimeCode = Annotated[str, Meta(min_length=1, max_length=64)]
FieldName = Annotated[str, Meta(min_length=1, max_length=64)]
Assertion = Annotated[
    dict[FieldName, Annotated[str, Meta(max_length=32_768)]],
    Meta(
        max_length=64,
        description="What the provider gave the game, by the names that its plugin's page lists.",
        examples=[{"init_data": "query_id=AAHd&user=...&auth_date=...&hash=..."}],
    ),
]


class OfferedProviderView(View):
    """A provider: `redirecting` ones are begun, `asserting` ones take what an SDK gave the game."""

    __example__: ClassVar = {"id": "google", "title": "Google"}

    id: str
    title: str
    redirecting: bool
    asserting: bool


class OfferedView(View):
    """The providers by which players of the tenant can sign in."""

    items: Sequence[OfferedProviderView]


class BeginBody(Body):
    """A sign-in to begin: by which provider, and where the person comes back to."""

    __example__: ClassVar = {"provider": "google"}

    provider: ProviderId
    return_url: ReturnUrl
    code_challenge: Challenge
    state: ClientState | None = None
    locale: LanguageTag | None = None


class BegunView(View):
    """The address to open in the person's browser: it works once, until `expiresAt`."""

    __example__: ClassVar = {"url": "https://bank.example/v1/sign-in/go/moonlit-games?ticket=..."}

    url: str
    expires_at: datetime


class ExchangeBody(Body):
    """The code with which the person came back, and the verifier that only this client has."""

    __example__: ClassVar = {"deviceToken": None}

    code: OneTimeCode
    code_verifier: Verifier
    device_token: DeviceToken | None = None


class ProviderAssertionBody(Body):
    """What a provider signed or gave to the game, to be taken once."""

    __example__: ClassVar = {"deviceToken": None}

    provider: ProviderId
    assertion: Assertion
    device_token: DeviceToken | None = None


class LinkTicketBody(Body):
    """The ticket that came with `account_exists`."""

    link_ticket: OneTimeCode


class LinkOfferView(View):
    """A code was mailed; it goes back with this ticket, until `expiresAt`."""

    __example__: ClassVar = {"linkTicket": "V8Jh0t3s..."}

    link_ticket: str
    expires_at: datetime


class LinkCodeBody(Body):
    """The code from the mail, and the ticket that came when it was sent."""

    link_ticket: OneTimeCode
    code: Annotated[str, Meta(pattern=r"^[0-9]{8}$(?!\n)", examples=["12345678"])]


@get(
    "/v1/sign-in/providers",
    opt=TO_TRAVEL,
    guards=[at_home],
    tags=TAGS,
    summary="List ways to sign in elsewhere",
)
async def list_ways_in(external: Parts, home: Home) -> OfferedView:
    """List the providers that the tenant switched on, for its client to show."""
    found = await offered_providers(external, home)
    return OfferedView(
        [OfferedProviderView(one.id, one.title, one.redirecting, one.asserting) for one in found]
    )


@post(
    "/v1/sign-in/begin",
    opt=TO_TRAVEL,
    guards=[at_home],
    tags=TAGS,
    summary="Begin a sign-in elsewhere",
)
async def begin_elsewhere(external: Parts, home: Home, data: JSONBody[BeginBody]) -> BegunView:
    """Return the address to open in the person's browser.

    The person comes back to `returnUrl`, which must be one that the tenant registered, with
    `code`, or with `error` and one of the codes of problems; `state` stands beside either.
    """
    wanted = Wanted(
        provider=data.provider,
        return_url=data.return_url,
        challenge=data.code_challenge,
        client_state=data.state,
        locale=data.locale,
    )
    begun = granted(await begin_sign_in(external, home, wanted))
    return BegunView(begun.url, begun.expires_at)


@post(
    "/v1/sign-in/exchange",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Sign in with the code of a sign-in elsewhere",
)
async def exchange_code(
    external: Parts, home: Home, request: Req, data: JSONBody[ExchangeBody]
) -> TokensView:
    """Begin a session of the account's player, who is made the first time.

    A code is good for 60 seconds and once, whether or not the verifier is right.
    """
    arrival = granted(await redeem(external, home, data.code, data.code_verifier))
    visitor = visitor_of(request, data.device_token)
    return welcome_view(granted(await enter(external, home, arrival, visitor)))


@post(
    "/v1/sign-in/assertions",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Sign in with what a provider signed",
)
async def sign_in_by_assertion(
    external: Parts, home: Home, request: Req, data: JSONBody[ProviderAssertionBody]
) -> TokensView:
    """Begin a session by a ticket, a token or signed data that the game has from the provider.

    Each is taken once: sent again it answers 409 `assertion_replayed`.
    """
    arrival = granted(await believe(external, home, data.provider, data.assertion))
    visitor = visitor_of(request, data.device_token)
    return welcome_view(granted(await enter(external, home, arrival, visitor)))


@post(
    "/v1/sign-in/link-codes",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Have a code mailed that links an account",
)
async def mail_link_code(
    external: Parts, home: Home, request: Req, data: JSONBody[LinkTicketBody]
) -> LinkOfferView:
    """Mail a code to the address that the account elsewhere and an account here have in common."""
    offer = granted(await send_link_code(external, home, data.link_ticket, client_address(request)))
    return LinkOfferView(offer.ticket, offer.expires_at)


@post(
    "/v1/sign-in/link",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Link an account with a mailed code",
)
async def link_by_mailed_code(
    external: Parts, home: Home, request: Req, data: JSONBody[LinkCodeBody]
) -> TokensView:
    """Link the account elsewhere to the player whose address it is, and sign them in."""
    visitor = visitor_of(request)
    return welcome_view(
        granted(await link_by_code(external, home, data.link_ticket, data.code, visitor))
    )


ROUTES = (
    list_ways_in,
    begin_elsewhere,
    exchange_code,
    sign_in_by_assertion,
    mail_link_code,
    link_by_mailed_code,
)
