"""Routes by which an operator comes in: password, then a code; a session begins with both."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from litestar import Request, Response, post

from guildbank.identity.contracts.operators import HalfSignIn
from guildbank.identity.http.accounts import busy
from guildbank.identity.http.operators.door import (
    PUBLIC,
    AddressText,
    CodeText,
    MeView,
    OfDeployment,
    PasswordText,
    SecretText,
    TenantSlug,
    browser_of,
    check_place,
    entered,
    plane_at,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import finish_sign_in as finishing
from guildbank.identity.usecases.operators import half_sign_in, invite, set_password
from guildbank.infra.http import (
    Body,
    JSONBody,
    Line,
    Service,
    View,
    at_the_staff_door,
    client_address,
    granted,
    problem_for,
)
from guildbank.infra.passwords import Overworked

Parts = Service[Identity]
TAGS: Sequence[str] = ["Operator sign-in"]
DOOR = [at_the_staff_door]
ISSUER = "Guildbank"


class OperatorSignInBody(Body):
    """Who signs in."""

    __example__: ClassVar = {"deployment": False, "tenant": None}

    address: AddressText
    password: PasswordText
    deployment: OfDeployment = False
    tenant: TenantSlug | None = None


class OperatorChallengeBody(Body):
    """The challenge that the password got."""

    challenge: SecretText


class AnswerBody(Body):
    """The challenge that the password got, and a code that answers it."""

    challenge: SecretText
    code: CodeText


class AcceptBody(Body):
    """Who accepts an invitation; `address` only where the link was printed and names none."""

    __example__: ClassVar = {"name": "Olga", "address": None}

    token: SecretText
    name: Line
    password: PasswordText
    address: AddressText | None = None


class ForgotBody(Body):
    """Whose password was forgotten."""

    __example__: ClassVar = {"deployment": False, "tenant": None}

    address: AddressText
    deployment: OfDeployment = False
    tenant: TenantSlug | None = None


class OperatorResetBody(Body):
    """The mailed token, and the new password."""

    token: SecretText
    password: PasswordText


class HalfView(View):
    """A password was right. `step` says what is next: one of `methods` to prove, or to set up."""

    __example__: ClassVar = {"step": "second_factor", "methods": ["totp", "recovery_code"]}

    step: Literal["second_factor", "enrol"]
    methods: Sequence[Literal["totp", "passkey", "recovery_code"]]
    challenge: str
    expires_at: datetime


class OperatorEnrolmentView(View):
    """What an authenticator app takes: the secret typed in, or the address.

    `qr` shows the address as a QR code: an SVG element to be put into a page.
    """

    __example__: ClassVar = {
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/Guildbank:olga%40moonlit.example?secret=JBSWY3DPEHPK3PXP",
        "qr": '<svg viewBox="0 0 41 41" class="segno"><path class="qrline" d="M4 4.5h7"/></svg>',
    }

    secret: str
    uri: str
    qr: str


@post(
    "/v1/operator/sessions",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Sign in as an operator",
)
async def sign_in_operator(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[OperatorSignInBody]
) -> HalfView:
    """Answer a right password with a challenge for ten minutes; there is no session yet."""
    plane = await plane_at(identity, request, data.deployment, data.tenant)
    typed = half_sign_in.PasswordTyped(
        address=data.address,
        password=data.password,
        client=client_address(request),
        browser=browser_of(identity, request),
    )
    try:
        return _half(granted(await half_sign_in.sign_in(identity, plane, typed)))
    except Overworked:
        raise busy() from None


@post(
    "/v1/operator/sessions/finish",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Finish a sign-in with a code",
)
async def finish_operator_sign_in(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[AnswerBody]
) -> Response[MeView]:
    """Begin a session: a cookie of at most twelve hours, that ends after thirty idle minutes."""
    return await _finished(identity, request, data, enrol=False)


@post(
    "/v1/operator/sessions/enrol",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Begin to set up an authenticator app",
)
async def begin_operator_app(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[OperatorChallengeBody]
) -> OperatorEnrolmentView:
    """Answer what the app is set up with, to an operator who has none yet."""
    check_place(identity, request)
    made = granted(await finishing.begin_app(identity, data.challenge, ISSUER))
    return OperatorEnrolmentView(secret=made.secret, uri=made.uri, qr=made.qr)


@post(
    "/v1/operator/sessions/confirm",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Finish a sign-in with the app's first code",
)
async def confirm_operator_app(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[AnswerBody]
) -> Response[MeView]:
    """Take the app into use and begin a session; the recovery codes are shown this once."""
    return await _finished(identity, request, data, enrol=True)


@post(
    "/v1/operator/invitations/accept",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="Accept an invitation",
)
async def accept_invitation(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[AcceptBody]
) -> HalfView:
    """Use the link up and become an operator; the next step is to set up a second factor."""
    check_place(identity, request)
    newcomer = invite.Newcomer(name=data.name, password=data.password, address=data.address)
    try:
        accepted = granted(await invite.accept(identity, data.token, newcomer))
    except Overworked:
        raise busy() from None
    return _half(accepted)


@post(
    "/v1/operator/password/forgot",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=204,
    summary="Ask for a link to a new password",
)
async def forget_operator_password(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[ForgotBody]
) -> None:
    """Mail a link, if the address is an operator's; the answer does not say whether it is."""
    plane = await plane_at(identity, request, data.deployment, data.tenant)
    refusal = await set_password.mail_reset(identity, plane, data.address)
    if refusal is not None:
        raise problem_for(refusal)


@post(
    "/v1/operator/password/reset",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=204,
    summary="Set a new password by a mailed link",
)
async def reset_operator_password(
    request: Request[Any, Any, Any], identity: Parts, data: JSONBody[OperatorResetBody]
) -> None:
    """Set the password and end all sessions. Signing in takes the second factor as before."""
    check_place(identity, request)
    try:
        refusal = await set_password.reset_password(identity, data.token, data.password)
    except Overworked:
        raise busy() from None
    if refusal is not None:
        raise problem_for(refusal)


async def _finished(
    identity: Identity, request: Request[Any, Any, Any], data: AnswerBody, *, enrol: bool
) -> Response[MeView]:
    check_place(identity, request)
    client, browser = client_address(request), browser_of(identity, request)
    signed_in = granted(
        await finishing.finish_sign_in(
            identity, data.challenge, data.code, client, browser, enrol=enrol
        )
    )
    return await entered(identity, signed_in)


def _half(half: HalfSignIn) -> HalfView:
    return HalfView(
        step=half.step, methods=half.methods, challenge=half.challenge, expires_at=half.expires_at
    )


ROUTES = (
    sign_in_operator,
    finish_operator_sign_in,
    begin_operator_app,
    confirm_operator_app,
    accept_invitation,
    forget_operator_password,
    reset_operator_password,
)
