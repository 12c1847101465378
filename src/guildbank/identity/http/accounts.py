"""Routes by which players register and sign in; each stands at the root and under /v1."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Request, post
from msgspec import Meta

from guildbank.identity.contracts.players import Account
from guildbank.identity.contracts.protection import MAX_CAPTCHA_RESPONSE
from guildbank.identity.contracts.sign_in import Tokens
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.register import Registration, register
from guildbank.identity.usecases.sign_in.finish import Visitor, Welcome
from guildbank.identity.usecases.sign_in.log_in import Credentials, log_in
from guildbank.infra.http import (
    Body,
    CountryCode,
    Home,
    JSONBody,
    LanguageTag,
    Service,
    View,
    at_home,
    client_address,
    granted,
    problem,
    read_country,
)
from guildbank.infra.limits import RateLimit
from guildbank.infra.passwords import Overworked

Parts = Service[Identity]
TAGS: Sequence[str] = ["Accounts"]
REGISTERING = RateLimit("registering", 30, 3_600, "address", exact=True)
"""An address that many share, such as a school's, still lets a class register."""
SIGNING_IN = RateLimit("signing-in", 120, 60, "address", exact=True)
TO_REGISTER = {"public": True, "limits": (REGISTERING,)}
TO_FOLLOW_A_LINK = {"public": True, "limits": (SIGNING_IN,)}
TO_SIGN_IN = {**TO_FOLLOW_A_LINK, "while_suspended": True}
"""Who signs in may read, whatever the tenant's state."""
EmailText = Annotated[str, Meta(min_length=3, max_length=254, examples=["alice@example.com"])]
NameText = Annotated[str, Meta(min_length=1, max_length=254, examples=["alice"])]
PasswordText = Annotated[str, Meta(min_length=1, max_length=1024, examples=["three lamps sing"])]
DeviceToken = Annotated[
    str, Meta(min_length=1, max_length=64, description="What an earlier sign-in gave the device.")
]
CaptchaText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_CAPTCHA_RESPONSE,
        description="What the captcha's widget gave, after an answer `captcha_required`.",
    ),
]


class RegisterBody(Body):
    """A new player: a password, and an address or a user name to sign in with, or both."""

    __example__: ClassVar = {
        "username": "alice",
        "locale": "en",
        "country": "DE",
        "captchaResponse": None,
    }

    password: PasswordText
    email: EmailText | None = None
    username: NameText | None = None
    locale: LanguageTag | None = None
    country: CountryCode | None = None
    captcha_response: CaptchaText | None = None


class AccountRegisterBody(Body):
    """A new player with a user name and an address."""

    __example__: ClassVar = {"locale": "en", "country": "DE", "captchaResponse": None}

    username: NameText
    password: PasswordText
    email: EmailText
    locale: LanguageTag | None = None
    country: CountryCode | None = None
    captcha_response: CaptchaText | None = None


class LoginBody(Body):
    """Who signs in: an address or a user name, and the password."""

    __example__: ClassVar = {"username": None, "deviceToken": None, "captchaResponse": None}

    password: PasswordText
    email: EmailText | None = None
    username: NameText | None = None
    device_token: DeviceToken | None = None
    captcha_response: CaptchaText | None = None


class AccountLoginBody(Body):
    """Who signs in; an address will do as the user name."""

    __example__: ClassVar = {"deviceToken": None, "captchaResponse": None}

    username: NameText
    password: PasswordText
    device_token: DeviceToken | None = None
    captcha_response: CaptchaText | None = None


class RegisteredView(View):
    """The new player."""

    __example__: ClassVar = {
        "message": "User registered successfully",
        "userId": "player_01kag3pyqmf9aag12vtrsy70ps",
    }

    message: str
    user_id: str


class TokensView(View):
    """A bearer token of minutes and the refresh token that gets the next one, once.

    `deviceToken` comes with a sign-in. A client that keeps it and sends it at the next one is
    known, and not slowed down by strangers who guess at the same account.
    """

    __example__: ClassVar = {
        "message": "Login successful",
        "token": "eyJ...",
        "refreshToken": "rt_...",
        "userId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "sessionId": "ses_01kag3pyqmf9aag12vtrsy70ps",
    }

    message: str
    token: str
    expires_at: datetime
    refresh_token: str
    user_id: str
    session_id: str
    device_token: str | None = None


@post(
    ["/register", "/v1/register"],
    opt=TO_REGISTER,
    guards=[at_home],
    tags=TAGS,
    summary="Register a player",
)
async def register_player(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[RegisterBody]
) -> RegisteredView:
    """Create a player of the tenant.

    An address that somebody else has is accepted too, so that nobody learns who has an account;
    it is theirs alone who confirms it.
    """
    return await _registered(identity, home, request, data)


@post(
    ["/account/register", "/v1/account/register"],
    opt=TO_REGISTER,
    guards=[at_home],
    tags=TAGS,
    summary="Register a player with a user name",
)
async def register_account(
    request: Request[Any, Any, Any],
    identity: Parts,
    home: Home,
    data: JSONBody[AccountRegisterBody],
) -> RegisteredView:
    """Create a player of the tenant; the same as `/register`, with all three fields."""
    return await _registered(identity, home, request, data)


@post(
    ["/login", "/v1/login"],
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Sign in",
)
async def log_in_player(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[LoginBody]
) -> TokensView:
    """Begin a session by an address or a user name and the password."""
    handle = data.email or data.username
    if handle is None:
        raise problem("missing_field", "Send an email or a username.", "email")
    return await _logged_in(identity, home, request, handle, data)


@post(
    ["/account/login", "/v1/account/login"],
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Sign in with a user name",
)
async def log_in_account(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[AccountLoginBody]
) -> TokensView:
    """Begin a session; the same as `/login`."""
    return await _logged_in(identity, home, request, data.username, data)


async def _registered(
    identity: Identity,
    home: Home,
    request: Request[Any, Any, Any],
    data: RegisterBody | AccountRegisterBody,
) -> RegisteredView:
    country = granted(read_country(data.country))
    wanted = Registration(
        password=data.password,
        email=data.email,
        username=data.username,
        locale=data.locale,
        country=country,
        captcha=data.captcha_response,
    )
    address = client_address(request)
    try:
        account: Account = granted(await register(identity, home, wanted, address))
    except Overworked:
        raise busy() from None
    return RegisteredView("User registered successfully", account.player_id)


async def _logged_in(
    identity: Identity,
    home: Home,
    request: Request[Any, Any, Any],
    handle: str,
    data: LoginBody | AccountLoginBody,
) -> TokensView:
    credentials = Credentials(
        handle=handle,
        password=data.password,
        address=client_address(request),
        device=request.headers.get("user-agent", ""),
        device_token=data.device_token,
        captcha=data.captcha_response,
    )
    try:
        welcome = granted(await log_in(identity, home, credentials))
    except Overworked:
        raise busy() from None
    return welcome_view(welcome)


def visitor_of(request: Request[Any, Any, Any], device_token: str | None = None) -> Visitor:
    """Return where a request comes from, for those who sign in."""
    return Visitor(
        address=client_address(request),
        device=request.headers.get("user-agent", ""),
        device_token=device_token,
    )


def welcome_view(welcome: Welcome) -> TokensView:
    """Render what a client is to keep of a sign-in."""
    return tokens_view(welcome.tokens, "Login successful", welcome.device_token)


def tokens_view(tokens: Tokens, message: str, device_token: str | None = None) -> TokensView:
    """Render what a client is to keep."""
    return TokensView(
        message=message,
        token=tokens.token,
        expires_at=tokens.expires_at,
        refresh_token=tokens.refresh_token,
        user_id=tokens.player_id,
        session_id=tokens.session_id,
        device_token=device_token,
    )


def busy() -> Exception:
    """Return the problem of a server that has too many passwords to hash."""
    return problem("too_busy", "Too many sign-ins at once. Try again shortly.")


ROUTES = (register_player, register_account, log_in_player, log_in_account)
