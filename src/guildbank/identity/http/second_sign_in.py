"""Routes by which a sign-in is finished with a second factor, or begun with a passkey alone."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from litestar import Request, post
from msgspec import Meta

from guildbank.identity.http.accounts import (
    TO_SIGN_IN,
    DeviceToken,
    TokensView,
    tokens_view,
)
from guildbank.identity.http.proofs import (
    AssertionBody,
    CodeSentView,
    CodeText,
    EnrolmentView,
    FactorMethod,
    PasskeyOptionsView,
    options_view,
    read_answer,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import ask_for_passkey
from guildbank.identity.usecases.factors.send_code import send_code
from guildbank.identity.usecases.sign_in.by_passkey import (
    PasskeySignIn,
    begin_passkey_sign_in,
    sign_in_by_passkey,
)
from guildbank.identity.usecases.sign_in.second_factor import (
    Finished,
    begin_enrolment,
    find_waiting,
    finish_by_enrolment,
    finish_by_factor,
)
from guildbank.infra.http import (
    Body,
    Home,
    JSONBody,
    Service,
    at_home,
    client_address,
    granted,
)

Parts = Service[Identity]
AT_HOME = [at_home]
TAGS: Sequence[str] = ["Second factor"]
Challenge = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="From the refusal `second_factor_required`; good for ten minutes.",
        examples=["mP0rBz5Qd1"],
    ),
]


class ChallengeBody(Body):
    """The sign-in that is to be finished."""

    challenge: Challenge


class SecondFactorBody(Body):
    """The sign-in that is to be finished, and the proof: a code, or a passkey's answer."""

    __example__: ClassVar = {"method": "totp", "credential": None}

    challenge: Challenge
    method: FactorMethod
    code: CodeText | None = None
    credential: AssertionBody | None = None


class EnrolledSignInBody(Body):
    """The sign-in that is to be finished, the enrolment, and the app's code."""

    __example__: ClassVar = {"enrolment": "mP0rBz5Qd1"}

    challenge: Challenge
    enrolment: Annotated[str, Meta(min_length=1, max_length=64)]
    code: CodeText


class PasskeySignInBody(Body):
    """What the browser answered, and what an earlier sign-in gave the device."""

    __example__: ClassVar = {"deviceToken": None}

    credential: AssertionBody
    device_token: DeviceToken | None = None


class EnrolledTokensView(TokensView):
    """Tokens of a session, and ten recovery codes to keep on paper, shown this once."""

    __example__: ClassVar = {"recoveryCodes": ["k7wq-p2mn-x8ru", "h3tz-9dkc-mw4e"]}

    recovery_codes: Sequence[str] | None = None


@post(
    "/v1/sign-in/second-factor",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Finish a sign-in",
)
async def finish(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[SecondFactorBody]
) -> TokensView:
    """Begin the session of a sign-in that was refused with `second_factor_required`.

    The session's methods list both proofs. A wrong proof leaves the challenge as it is.
    """
    answer = read_answer(data.method, data.code, data.credential)
    address = client_address(request)
    done = granted(await finish_by_factor(identity, home, data.challenge, answer, address))
    return _tokens(done)


@post(
    "/v1/sign-in/second-factor/mail",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Mail a code to finish a sign-in",
)
async def mail_code(identity: Parts, home: Home, data: JSONBody[ChallengeBody]) -> CodeSentView:
    """Mail a code to the player's confirmed address; one a minute."""
    waiting = granted(await find_waiting(identity, home, data.challenge))
    return CodeSentView(granted(await send_code(identity, home, waiting.factors, "sign_in_code")))


@post(
    "/v1/sign-in/second-factor/passkey",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Ask for a passkey to finish a sign-in",
)
async def ask_passkey(
    identity: Parts, home: Home, data: JSONBody[ChallengeBody]
) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.get`."""
    waiting = granted(await find_waiting(identity, home, data.challenge))
    asked = await ask_for_passkey(identity, home, waiting.policy, waiting.factors)
    return options_view(granted(asked))


@post(
    "/v1/sign-in/second-factor/totp",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Take an authenticator app into use to finish a sign-in",
)
async def enrol(identity: Parts, home: Home, data: JSONBody[ChallengeBody]) -> EnrolmentView:
    """Return an app's secret to who must have a second factor, and has no other way to prove one.

    Only where the refusal's `methods` say `enrol_totp`.
    """
    made = granted(await begin_enrolment(identity, home, data.challenge))
    return EnrolmentView(made.enrolment, made.secret, made.uri, made.expires_at)


@post(
    "/v1/sign-in/second-factor/totp/confirm",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Finish a sign-in with a new authenticator app",
)
async def confirm(
    identity: Parts, home: Home, data: JSONBody[EnrolledSignInBody]
) -> EnrolledTokensView:
    """Keep the app whose code this is, and begin the session."""
    done = granted(
        await finish_by_enrolment(identity, home, data.challenge, data.enrolment, data.code)
    )
    view = _tokens(done)
    return EnrolledTokensView(
        **{name: getattr(view, name) for name in TokensView.__struct_fields__},
        recovery_codes=done.recovery_codes,
    )


@post(
    "/v1/sign-in/passkey/options",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Ask for a passkey to sign in",
)
async def begin_by_passkey(identity: Parts, home: Home) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.get`: any passkey of this tenant."""
    return options_view(granted(await begin_passkey_sign_in(identity, home)))


@post(
    "/v1/sign-in/passkey",
    opt=TO_SIGN_IN,
    guards=AT_HOME,
    tags=TAGS,
    status_code=200,
    summary="Sign in with a passkey",
)
async def by_passkey(
    request: Request[Any, Any, Any], identity: Parts, home: Home, data: JSONBody[PasskeySignInBody]
) -> TokensView:
    """Begin a session by a passkey alone: it is had, and verified who holds it.

    No second factor is asked for.
    """
    given = PasskeySignIn(
        assertion=data.credential.read(),
        address=client_address(request),
        device=request.headers.get("user-agent", ""),
        device_token=data.device_token,
    )
    return _tokens(granted(await sign_in_by_passkey(identity, home, given)))


def _tokens(done: Finished) -> TokensView:
    return tokens_view(done.tokens, "Login successful", done.device_token)


ROUTES = (finish, mail_code, ask_passkey, enrol, confirm, begin_by_passkey, by_passkey)
