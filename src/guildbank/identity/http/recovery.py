"""Routes of a player's address and password; each link in a mail ends at one of them."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from litestar import Request, post, put
from msgspec import Meta

from guildbank.identity.http.accounts import (
    TO_FOLLOW_A_LINK,
    CaptchaText,
    EmailText,
    PasswordText,
    busy,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.change_email import (
    ask_change_email,
    confirm_change_email,
    undo_change_email,
)
from guildbank.identity.usecases.accounts.change_password import PasswordChange, change_password
from guildbank.identity.usecases.accounts.confirm_email import (
    confirm_email,
    confirm_email_by_code,
    send_confirmation,
)
from guildbank.identity.usecases.accounts.reset_password import ask_reset, reset_password
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
    own_session,
    problem_for,
    signed_in_player,
)
from guildbank.infra.limits import RateLimit
from guildbank.infra.passwords import Overworked
from guildbank.kernel import Refusal

Parts = Service[Identity]
TAGS: Sequence[str] = ["Accounts"]
ASKING = RateLimit("asking-for-mail", 20, 3_600, "address", exact=True)
TO_ASK = {"public": True, "limits": (ASKING,)}
MailedToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="The `token` of the link that was mailed.",
        examples=["sYf3yHkXkZ0n2V7bO3k0c2m1yq4xWv8uT5rQ9pLeJgA"],
    ),
]
MailedCode = Annotated[
    str,
    Meta(pattern=r"^[0-9]{8}$(?!\n)", description="The code of the mail.", examples=["03141592"]),
]


class MailedBody(Body):
    """What a mailed link holds."""

    token: MailedToken


class CodeBody(Body):
    """The digits that were mailed."""

    code: MailedCode


class AddressBody(Body):
    """An address."""

    email: EmailText


class ForgottenBody(Body):
    """The address of who forgot the password, and a solved captcha where the tenant wants one."""

    __example__: ClassVar = {"captchaResponse": None}

    email: EmailText
    captcha_response: CaptchaText | None = None


class ResetBody(Body):
    """What the mailed link holds, and the new password."""

    token: MailedToken
    password: PasswordText


class PasswordBody(Body):
    """The new password, and the one before where there is one."""

    password: PasswordText
    current_password: PasswordText | None = None


class DoneView(View):
    """What was done."""

    __example__: ClassVar = {"message": "Address confirmed"}

    message: str


@post(
    "/v1/account/email/confirm",
    opt=TO_FOLLOW_A_LINK,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Confirm an address by the mailed link",
)
async def confirm(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[MailedBody]
) -> DoneView:
    """Make the address that the token was mailed to the player's alone.

    Others who claimed it lose it and their sessions, and their passwords unless they have a user
    name. Call with the player's own bearer token where there is one: else whoever made the account
    may be somebody other than who reads the mail, so second factors, passkeys and accounts
    elsewhere are removed, and sessions end with them; the password stays. The link leads to
    `/confirm-email?token=...` of the tenant's own site, which sends the token here.
    """
    inside = await signed_in_player(request, home)
    return _done(await confirm_email(identity, home, data.token, inside), "Address confirmed")


@post(
    "/v1/account/email/confirm-code",
    guards=[own_session],
    tags=TAGS,
    status_code=200,
    summary="Confirm one's address by the mailed code",
)
async def confirm_by_code(identity: Parts, caller: Who, data: JSONBody[CodeBody]) -> DoneView:
    """Make the player's claimed address theirs alone; five wrong codes use all of them up."""
    refusal = await confirm_email_by_code(identity, caller.home, caller.principal, data.code)
    return _done(refusal, "Address confirmed")


@post(
    "/v1/account/email/confirmation",
    guards=[own_session],
    tags=TAGS,
    status_code=202,
    summary="Get the mail again that confirms one's address",
)
async def send_again(identity: Parts, caller: Who) -> DoneView:
    """Mail another link and code to the address that waits to be confirmed."""
    return _done(await send_confirmation(identity, caller.home, caller.principal), "Mail sent")


@put(
    "/v1/account/email",
    guards=[fresh_session],
    tags=TAGS,
    status_code=202,
    summary="Change one's address",
)
async def change_address(identity: Parts, caller: Who, data: JSONBody[AddressBody]) -> DoneView:
    """Mail the new address a link; nothing changes before it is followed.

    It leads to `/change-email?token=...` of the tenant's own site.
    """
    refusal = await ask_change_email(
        identity, caller.home, caller.principal, caller.session_id, data.email
    )
    return _done(refusal, "Mail sent")


@post(
    "/v1/account/email/change",
    opt=TO_FOLLOW_A_LINK,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Change an address by the mailed link",
)
async def change_by_link(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[MailedBody]
) -> DoneView:
    """Make the new address the player's. The one before is told, and can undo it for 72 hours.

    Call with the player's own bearer token where there is one, as for confirming an address.
    """
    inside = await signed_in_player(request, home)
    return _done(await confirm_change_email(identity, home, data.token, inside), "Address changed")


@post(
    "/v1/account/email/undo",
    opt=TO_FOLLOW_A_LINK,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Take the change of an address back",
)
async def undo(identity: Parts, home: Home, data: JSONBody[MailedBody]) -> DoneView:
    """Give the player the address back that the token was mailed to, and end all sessions.

    The link leads to `/undo-email?token=...` of the tenant's own site, which should let the player
    choose a new password next.
    """
    refusal = await undo_change_email(identity, home, data.token)
    return _done(refusal, "Address restored. Choose a new password now.")


@post(
    "/v1/account/password/forgotten",
    opt=TO_ASK,
    guards=[at_home],
    tags=TAGS,
    status_code=202,
    summary="Ask for a link to choose a new password",
)
async def forgotten(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[ForgottenBody]
) -> DoneView:
    """Mail a link to the address, good once and for 30 minutes.

    The answer is the same whether or not an account has confirmed the address; the mail says it.
    """
    asked = await ask_reset(
        identity, home, data.email, data.captcha_response, client_address(request)
    )
    return _done(asked, "Mail sent")


@post(
    "/v1/account/password/reset",
    opt=TO_FOLLOW_A_LINK,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Choose a new password by the mailed link",
)
async def reset(identity: Parts, home: Home, data: JSONBody[ResetBody]) -> DoneView:
    """Set the password and end all sessions; the player signs in with it next.

    The link leads to `/reset-password?token=...` of the tenant's own site.
    """
    try:
        refusal = await reset_password(identity, home, data.token, data.password)
    except Overworked:
        raise busy() from None
    return _done(refusal, "Password changed. Sign in with it.")


@put(
    "/v1/account/password",
    guards=[own_session],
    tags=TAGS,
    status_code=200,
    summary="Change one's password",
)
async def change(
    request: Request[Any, Any, Any],
    identity: Parts,
    caller: Who,
    data: JSONBody[PasswordBody],
) -> DoneView:
    """Set a new password and end all other sessions.

    A player who has one must send it; one who has none must have signed in of late.
    """
    wanted = PasswordChange(
        player_id=caller.principal,
        session_id=caller.session_id or "",
        address=client_address(request),
        fresh=caller.fresh,
        current=data.current_password,
        wanted=data.password,
    )
    try:
        refusal = await change_password(identity, caller.home, wanted)
    except Overworked:
        raise busy() from None
    return _done(refusal, "Password changed")


def _done(refusal: Refusal | None, message: str) -> DoneView:
    if refusal is not None:
        raise problem_for(refusal)
    return DoneView(message)


ROUTES = (
    confirm,
    confirm_by_code,
    send_again,
    change_address,
    change_by_link,
    undo,
    forgotten,
    reset,
    change,
)
