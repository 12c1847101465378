"""Routes by which a player keeps, lists and ends sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import delete, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity.contracts.sign_in import Session
from guildbank.identity.http.accounts import TO_SIGN_IN, TokensView, tokens_view
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.sign_in.keep_session import (
    end_session,
    end_sessions,
    list_sessions,
    refresh,
)
from guildbank.infra.http import (
    Body,
    Home,
    JSONBody,
    Service,
    View,
    Who,
    at_home,
    granted,
    own_session,
    problem_for,
)

Parts = Service[Identity]
TAGS: Sequence[str] = ["Sessions"]
OWN = [own_session]
ALWAYS = {"while_suspended": True}
"""To end a session is never refused."""
SessionId = Annotated[str, PathParameter(description="The session's id.", max_length=90)]


class RefreshBody(Body):
    """The refresh token that the last answer gave."""

    __example__: ClassVar = {"refreshToken": "rt_..."}

    refresh_token: Annotated[str, Meta(min_length=1, max_length=200)]


class SessionView(View):
    """A sign-in on one device; `current` is the one that asks."""

    __example__: ClassVar = {"id": "ses_01kag3pyqmf9aag12vtrsy70ps", "device": "Moonlit/1.2"}

    id: str
    device: str
    methods: Sequence[str]
    current: bool
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


class SessionsView(View):
    """The player's sessions, newest first."""

    items: Sequence[SessionView]


class EndedView(View):
    """How many sessions have ended."""

    ended: int


@post(
    "/v1/sessions/refresh",
    opt=TO_SIGN_IN,
    guards=[at_home],
    tags=TAGS,
    status_code=200,
    summary="Get the next tokens",
)
async def refresh_session(identity: Parts, home: Home, data: JSONBody[RefreshBody]) -> TokensView:
    """Answer with the next pair of tokens; each refresh token is good once.

    Tabs that send the same one within 30 seconds get the same successor. A token that was used
    earlier ends the session, since somebody has a copy of it.
    """
    return tokens_view(
        granted(await refresh(identity, home, data.refresh_token)), "Session refreshed"
    )


@get("/v1/sessions", guards=OWN, tags=TAGS, summary="List one's sessions")
async def list_all(identity: Parts, caller: Who) -> SessionsView:
    """List the player's sessions that go on."""
    sessions = await list_sessions(identity, caller.home, caller.principal)
    return SessionsView([_view(one, caller.session_id) for one in sessions])


@delete(
    "/v1/sessions/{session_id:str}",
    opt=ALWAYS,
    guards=OWN,
    tags=TAGS,
    status_code=204,
    summary="End one of one's sessions",
)
async def end(identity: Parts, caller: Who, session_id: SessionId) -> None:
    """End a session at once, on whatever device it is."""
    refusal = await end_session(identity, caller.home, caller.principal, session_id)
    if refusal is not None:
        raise problem_for(refusal)


@post(
    "/v1/sessions/end-others",
    opt=ALWAYS,
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="End the others",
)
async def end_others(identity: Parts, caller: Who) -> EndedView:
    """End all of the player's sessions but the one that asks."""
    ended = await end_sessions(identity, caller.home, caller.principal, keep=caller.session_id)
    return EndedView(ended)


@post(
    ["/logout", "/v1/logout"],
    opt=ALWAYS,
    guards=OWN,
    tags=TAGS,
    status_code=204,
    summary="Sign out",
)
async def log_out(identity: Parts, caller: Who) -> None:
    """End the session that asks."""
    # It may have ended since the call was admitted: that is what was asked for.
    await end_session(identity, caller.home, caller.principal, caller.session_id or "")


def _view(session: Session, current: str | None) -> SessionView:
    return SessionView(
        id=session.id,
        device=session.device,
        methods=session.methods,
        current=session.id == current,
        created_at=session.created_at,
        refreshed_at=session.refreshed_at,
        expires_at=session.expires_at,
    )


ROUTES = (refresh_session, list_all, end, end_others, log_out)
