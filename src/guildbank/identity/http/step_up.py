"""Routes by which a player proves again who they are, in the session that they have."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

from litestar import Request, post

from guildbank.identity.contracts.factors import Answer
from guildbank.identity.http.accounts import PasswordText, busy
from guildbank.identity.http.proofs import (
    AssertionBody,
    CodeSentView,
    CodeText,
    PasskeyOptionsView,
    options_view,
    read_answer,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import ask_for_passkey
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.send_code import send_code
from guildbank.identity.usecases.factors.step_up import step_up
from guildbank.infra.http import (
    Body,
    JSONBody,
    Service,
    View,
    Who,
    client_address,
    granted,
    own_session,
    problem,
)
from guildbank.infra.passwords import Overworked

Parts = Service[Identity]
OWN = [own_session]
TAGS: Sequence[str] = ["Sessions"]
StepUpMethod: TypeAlias = Literal["password", "totp", "recovery_code", "mailed_code", "passkey"]


class StepUpBody(Body):
    """A proof of who calls: a password, a code, or a passkey's answer."""

    __example__: ClassVar = {"method": "totp", "password": None, "credential": None}

    method: StepUpMethod
    password: PasswordText | None = None
    code: CodeText | None = None
    credential: AssertionBody | None = None


class SteppedUpView(View):
    """A new bearer token of the same session, fresh for ten minutes."""

    __example__: ClassVar = {"token": "eyJ..."}

    token: str
    expires_at: datetime


@post("/v1/sessions/step-up", guards=OWN, tags=TAGS, status_code=200, summary="Prove oneself anew")
async def prove_anew(
    request: Request[Any, Any, Any], identity: Parts, caller: Who, data: JSONBody[StepUpBody]
) -> SteppedUpView:
    """Make the session fresh, for calls that answer `step_up_required`.

    Where the player has a second factor, the password alone does not do.
    """
    answer = _answer(data)
    session = (caller.principal, caller.session_id or "")
    try:
        token = await step_up(identity, caller.home, *session, answer, client_address(request))
    except Overworked:
        raise busy() from None
    made = granted(token)
    return SteppedUpView(made.token, made.expires_at)


@post(
    "/v1/sessions/step-up/mail",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="Mail a code to prove oneself anew",
)
async def mail_code(identity: Parts, caller: Who) -> CodeSentView:
    """Mail a code to the player's confirmed address; one a minute."""
    factors, _ = granted(await read_factors(identity, caller.home, caller.principal))
    return CodeSentView(granted(await send_code(identity, caller.home, factors, "step_up_code")))


@post(
    "/v1/sessions/step-up/passkey",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="Ask for a passkey to prove oneself anew",
)
async def ask_passkey(identity: Parts, caller: Who) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.get`."""
    factors, policy = granted(await read_factors(identity, caller.home, caller.principal))
    return options_view(granted(await ask_for_passkey(identity, caller.home, policy, factors)))


def _answer(data: StepUpBody) -> Answer:
    if data.method != "password":
        return read_answer(data.method, data.code, data.credential)
    if data.password is None:
        raise problem("missing_field", "Send the password.", "password")
    return Answer(method="password", text=data.password)


ROUTES = (prove_anew, mail_code, ask_passkey)
