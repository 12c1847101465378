"""Routes by which an operator who signed in keeps the account and its sessions."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.params import PathParameter

from guildbank.identity.http.accounts import busy
from guildbank.identity.http.operators.door import (
    CodeText,
    MeView,
    OperatorSessionView,
    PasswordText,
    cookie_of,
    me_view,
    no_cookie,
    plane_of,
    renewed,
    session_view,
)
from guildbank.identity.http.operators.sign_in import ISSUER, OperatorEnrolmentView
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import finish_sign_in as finishing
from guildbank.identity.usecases.operators import keep_session, second_factor, set_password
from guildbank.infra.http import (
    Body,
    JSONBody,
    Service,
    View,
    Who,
    an_operator,
    client_address,
    fresh_operator,
    granted,
    problem_for,
)
from guildbank.infra.passwords import Overworked

Parts = Service[Identity]
TAGS: Sequence[str] = ["Operator account"]
OWN, FRESH = [an_operator], [fresh_operator]
OperatorSessionId = Annotated[str, PathParameter(description="The session's id.", max_length=90)]


class OperatorStepUpBody(Body):
    """The password and a code, typed anew."""

    password: PasswordText
    code: CodeText


class OperatorPasswordBody(Body):
    """The password that is, and the one that is to be."""

    old_password: PasswordText
    password: PasswordText


class AppCodeBody(Body):
    """A code of the app that is being set up."""

    code: CodeText


class OperatorRecoveryCodesView(View):
    """Codes for the day the phone is lost, each good once; they are shown this once."""

    codes: Sequence[str]


class OperatorSessionsView(View):
    """The operator's sessions, newest first."""

    items: Sequence[OperatorSessionView]


class OperatorEndedView(View):
    """How many sessions have ended."""

    ended: int


@get("/v1/operator/me", guards=OWN, tags=TAGS, summary="See who one is and what one may do")
async def read_me(request: Request[Any, Any, Any], identity: Parts) -> MeView:
    """Return the operator, the permissions, and the token that unsafe calls must bear."""
    return await me_view(identity, cookie_of(identity, request))


@post(
    "/v1/operator/sign-out",
    guards=OWN,
    tags=TAGS,
    status_code=204,
    summary="Sign out as an operator",
)
async def sign_out_operator(identity: Parts, caller: Who) -> Response[None]:
    """End the session that asks, and take its cookie away."""
    plane = await plane_of(identity, caller)
    await keep_session.end_session(identity, plane, caller.principal, caller.session_id or "")
    return Response(None, cookies=[no_cookie(identity)], status_code=204)


@post(
    "/v1/operator/step-up",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="Prove who one is again",
)
async def step_up_operator(
    request: Request[Any, Any, Any],
    identity: Parts,
    caller: Who,
    data: JSONBody[OperatorStepUpBody],
) -> Response[MeView]:
    """Open dangerous calls for ten minutes; the session gets a new cookie and a new csrf token."""
    plane = await plane_of(identity, caller)
    cookie, client = cookie_of(identity, request), client_address(request)
    try:
        fresh = granted(
            await finishing.step_up(
                identity, plane, cookie, caller.principal, data.password, data.code, client
            )
        )
    except Overworked:
        raise busy() from None
    return await renewed(identity, fresh)


@post(
    "/v1/operator/password",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Change one's password as an operator",
)
async def change_operator_password(
    request: Request[Any, Any, Any],
    identity: Parts,
    caller: Who,
    data: JSONBody[OperatorPasswordBody],
) -> None:
    """Set the password and end all other sessions of the operator."""
    plane = await plane_of(identity, caller)
    try:
        refusal = await set_password.change_password(
            identity,
            plane,
            caller.principal,
            caller.session_id or "",
            data.old_password,
            data.password,
            client_address(request),
        )
    except Overworked:
        raise busy() from None
    if refusal is not None:
        raise problem_for(refusal)


@post(
    "/v1/operator/app",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Begin to replace one's authenticator app",
)
async def begin_new_app(identity: Parts, caller: Who) -> OperatorEnrolmentView:
    """Answer what a new app is set up with; the old one stays in use until it is confirmed."""
    plane = await plane_of(identity, caller)
    made = granted(
        await second_factor.begin_enrolment(
            identity, plane, caller.principal, again=True, issuer=ISSUER
        )
    )
    return OperatorEnrolmentView(secret=made.secret, uri=made.uri, qr=made.qr)


@post(
    "/v1/operator/app/confirm",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Replace one's authenticator app",
)
async def confirm_new_app(
    identity: Parts, caller: Who, data: JSONBody[AppCodeBody]
) -> OperatorRecoveryCodesView:
    """Take the new app into use; the old one, its recovery codes and other sessions end."""
    plane = await plane_of(identity, caller)
    codes = granted(
        await finishing.replace_app(
            identity, plane, caller.principal, caller.session_id or "", data.code
        )
    )
    return OperatorRecoveryCodesView(codes)


@get("/v1/operator/sessions", guards=OWN, tags=TAGS, summary="List one's sessions as an operator")
async def list_operator_sessions(identity: Parts, caller: Who) -> OperatorSessionsView:
    """List the operator's sessions that go on."""
    plane = await plane_of(identity, caller)
    found = await keep_session.list_sessions(identity, plane, caller.principal)
    return OperatorSessionsView([session_view(one, caller.session_id) for one in found])


@delete(
    "/v1/operator/sessions/{session_id:str}",
    guards=OWN,
    tags=TAGS,
    status_code=204,
    summary="End one of one's sessions as an operator",
)
async def end_operator_session(identity: Parts, caller: Who, session_id: OperatorSessionId) -> None:
    """End a session at once, on whatever device it is."""
    plane = await plane_of(identity, caller)
    refusal = await keep_session.end_session(identity, plane, caller.principal, session_id)
    if refusal is not None:
        raise problem_for(refusal)


@post(
    "/v1/operator/sessions/end-others",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="End one's other sessions as an operator",
)
async def end_other_operator_sessions(identity: Parts, caller: Who) -> OperatorEndedView:
    """End all of the operator's sessions but the one that asks."""
    plane = await plane_of(identity, caller)
    keep = caller.session_id or ""
    ended = await keep_session.end_others(identity, plane, caller.principal, keep)
    return OperatorEndedView(ended)


ROUTES = (
    read_me,
    sign_out_operator,
    step_up_operator,
    change_operator_password,
    begin_new_app,
    confirm_new_app,
    list_operator_sessions,
    end_operator_session,
    end_other_operator_sessions,
)
