"""Routes by which people play at once as guests, and keep what they have when they register."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from litestar import Request, post
from msgspec import Meta

from guildbank.identity.http.accounts import (
    TO_SIGN_IN,
    CaptchaText,
    RegisterBody,
    RegisteredView,
    TokensView,
    busy,
    visitor_of,
    welcome_view,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.guests.make import enter_as_guest, make_guest
from guildbank.identity.usecases.guests.upgrade import upgrade
from guildbank.identity.usecases.players.register import Registration
from guildbank.infra.http import (
    Body,
    Home,
    JSONBody,
    Service,
    View,
    Who,
    at_home,
    client_address,
    fresh_session,
    granted,
    read_country,
)
from guildbank.infra.limits import RateLimit
from guildbank.infra.passwords import Overworked

Parts = Service[Identity]
Req = Request[Any, Any, Any]
TAGS: Sequence[str] = ["Guests"]
MAKING_GUESTS = RateLimit("making-guests", 30, 3_600, "address", exact=True)
"""As many as may register from one address: a guest costs less to make than an account."""
TO_MAKE_GUESTS = {"public": True, "limits": (MAKING_GUESTS,)}


class NewGuestBody(Body):
    """A solved captcha, where the tenant wants one of guests."""

    __example__: ClassVar = {"captchaResponse": None}

    captcha_response: CaptchaText | None = None


class GuestSecretBody(Body):
    """The secret that came when the guest was made."""

    __example__: ClassVar = {"guestSecret": "gs_..."}

    guest_secret: Annotated[str, Meta(min_length=1, max_length=64)]


class GuestView(View):
    """A new guest's tokens, and the secret by which the guest signs in: kept by the client alone.

    It is shown this once. A guest who loses it before registering has lost the player.
    """

    __example__: ClassVar = {"guestSecret": "gs_..."}

    guest_secret: str
    tokens: TokensView


@post("/v1/guests", opt=TO_MAKE_GUESTS, guards=[at_home], tags=TAGS, summary="Make a guest")
async def new_guest(
    identity: Parts, home: Home, request: Req, data: JSONBody[NewGuestBody | None] = None
) -> GuestView:
    """Create a player with a secret that the server made, and begin a session.

    Keep the secret where only the game reads it. An id of the device is never asked for: it is
    known to others, and would let them in. The body may be left out.
    """
    captcha = None if data is None else data.captcha_response
    guest = granted(await make_guest(identity, home, visitor_of(request), captcha))
    return GuestView(guest.secret, welcome_view(guest.welcome))


@post(
    "/v1/guests/sign-in",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Sign in as a guest",
)
async def sign_in_as_guest(
    identity: Parts, home: Home, request: Req, data: JSONBody[GuestSecretBody]
) -> TokensView:
    """Begin a session of the guest whose secret it is."""
    entered = await enter_as_guest(identity, home, data.guest_secret, visitor_of(request))
    return welcome_view(granted(entered))


@post(
    "/v1/guests/upgrade",
    guards=[fresh_session],
    tags=TAGS,
    status_code=200,
    summary="Give a guest an account",
)
async def upgrade_guest(
    request: Req, identity: Parts, caller: Who, data: JSONBody[RegisterBody]
) -> RegisteredView:
    """Add a name or address and a password to a player who has none; the player id stays.

    It takes a sign-in of the last ten minutes. The guest's secret ends. Also for who came by an
    account elsewhere. A captcha is asked for where registering asks for one. 409
    `username_taken` where the name is somebody's: nothing is merged.
    """
    wanted = Registration(
        password=data.password,
        email=data.email,
        username=data.username,
        locale=data.locale,
        country=granted(read_country(data.country)),
        captcha=data.captcha_response,
    )
    try:
        player = (caller.principal, caller.session_id)
        account = granted(
            await upgrade(identity, caller.home, *player, wanted, client_address(request))
        )
    except Overworked:
        raise busy() from None
    return RegisteredView("User registered successfully", account.player_id)


ROUTES = (new_guest, sign_in_as_guest, upgrade_guest)
