"""Keep the sessions of operators: begin, know, refresh the proof, list and end them.

A cookie is `<tenant>.<secret>.<mark>`. The mark is ours alone to make, so that a flood of invented
cookies costs no query. Each request with a real one asks the database for its session, so that an
end, a suspension or another role holds at once on every worker; operators are few and click seldom.
"""

import base64
import secrets
from datetime import datetime, timedelta

import msgspec

from guildbank.identity.contracts.events import SIGNED_IN
from guildbank.identity.contracts.operators import (
    NO_OPERATOR_SESSION,
    SESSION_IDLE,
    SESSION_LIFE,
    SIGNED_OUT,
    STEP_UP_LIFE,
    SUSPENDED,
    OperatorSession,
    SignedIn,
)
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import sessions as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.browsers import Entry
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import queue_mail

_SEEN_EVERY = timedelta(minutes=1)
_MAX_COOKIE = 200
_SECRET_BYTES = 32


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who is behind a cookie: the session, what is permitted now, and the token against CSRF."""

    session: OperatorSession
    roles: tuple[str, ...]
    permissions: frozenset[str]
    fresh: bool
    csrf: str


async def begin_session(
    identity: Identity,
    plane: Plane,
    tx: Tx,
    operator_id: str,
    entry: Entry,
    fresh_at: datetime | None = None,
) -> SignedIn:
    """Begin a session in the caller's transaction, always with a new secret.

    What is to be mailed of the `entry` is queued with it. `fresh_at` is when the person proved who
    they are, where that is not now.
    """
    now = identity.clock.now()
    session = OperatorSession(
        id=new_id("ops"),
        operator_id=operator_id,
        device=entry.browser.shown,
        created_at=now,
        seen_at=now,
        fresh_at=fresh_at or now,
        expires_at=now + SESSION_LIFE,
    )
    cookie = _new_cookie(identity, plane)
    await store.add(tx.driver, token_hash(cookie), session)
    told = {"operatorId": operator_id, "sessionId": session.id}
    after = {"device": session.device}
    if entry.notice is not None:
        await queue_mail(tx, entry.notice)
    await plane.recorder.record(tx, operator_id, SIGNED_IN, told, after=after, arriving=True)
    return SignedIn(cookie=cookie, session=session, device=entry.token)


async def know_session(identity: Identity, cookie: str) -> tuple[Plane, Standing] | Refusal:
    """Return who is behind a cookie. Refusals: `session_ended`, `operator_suspended`."""
    if len(cookie) > _MAX_COOKIE or not identity.staff.made(cookie):
        return SIGNED_OUT
    plane = await identity.staff.plane_of(cookie.partition(".")[0])
    if plane is None:
        return SIGNED_OUT
    now, hash_ = identity.clock.now(), token_hash(cookie)
    async with identity.db.begin(plane.schema) as tx:
        known = await store.know(tx.driver, hash_)
        if known is None:
            return SIGNED_OUT
        session = known.session
        if now >= min(session.expires_at, session.seen_at + SESSION_IDLE):
            return SIGNED_OUT
        if known.state != "active":
            return SUSPENDED if known.state == "suspended" else SIGNED_OUT
        if now - session.seen_at >= _SEEN_EVERY:
            await store.see(tx.driver, hash_, now)
    built_in = (plane.built_in.get(role, frozenset()) for role in known.roles)
    return plane, Standing(
        session=session,
        roles=tuple(sorted(known.roles)),
        # A permission that a later version no longer has permits nothing.
        permissions=known.permissions.union(*built_in).intersection(plane.known),
        fresh=now - session.fresh_at <= STEP_UP_LIFE,
        csrf=csrf_token(plane, cookie),
    )


def csrf_token(plane: Plane, cookie: str) -> str:
    """Return what the page must send beside the cookie: nobody makes it who has not the key."""
    made = plane.sealer.hash(b"operator csrf", cookie.encode())
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


async def freshen_session(identity: Identity, plane: Plane, tx: Tx, cookie: str) -> str | None:
    """Return the session's next cookie after its operator proved identity again."""
    fresh = _new_cookie(identity, plane)
    renewed = await store.freshen(
        tx.driver, token_hash(cookie), token_hash(fresh), identity.clock.now()
    )
    return fresh if renewed else None


async def list_sessions(
    identity: Identity, plane: Plane, operator_id: str
) -> list[OperatorSession]:
    """Return the operator's sessions that go on, newest first."""
    now = identity.clock.now()
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await store.live(tx.driver, operator_id, now, now - SESSION_IDLE)


async def end_session(
    identity: Identity, plane: Plane, operator_id: str, session_id: str
) -> Refusal | None:
    """End one session of the operator at once. Refusal: `not_found`."""
    if parse_id("ops", session_id) is None:
        return NO_OPERATOR_SESSION
    async with identity.db.begin(plane.schema) as tx:
        ended = await store.end(tx.driver, [operator_id], only=session_id)
    return None if ended else NO_OPERATOR_SESSION


async def end_others(identity: Identity, plane: Plane, operator_id: str, keep: str) -> int:
    """End the operator's sessions but `keep`; returns how many."""
    async with identity.db.begin(plane.schema) as tx:
        return await store.end(tx.driver, [operator_id], keep=keep)


def _new_cookie(identity: Identity, plane: Plane) -> str:
    return identity.staff.vouched(f"{plane.id}.{secrets.token_urlsafe(_SECRET_BYTES)}")
