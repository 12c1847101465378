"""Begin, refresh, list and end the sessions of players.

A refresh token is `rt_<session>.<counter>.<MAC>`: nothing that is stored gives it away, and all
who refresh with the same one get the same successor.
"""

import base64
import hmac
from datetime import timedelta

from guildbank.identity.contracts.hooks import Claims
from guildbank.identity.contracts.players import barred_by
from guildbank.identity.contracts.sign_in import (
    BAD_REFRESH,
    CREDENTIALS_CHANGED,
    NO_SESSION,
    SESSION_ENDED,
    Entrant,
    Method,
    Session,
    Tokens,
)
from guildbank.identity.rules import Refresh, judge_refresh, proves_twice
from guildbank.identity.store import sessions as store
from guildbank.identity.store.erasures import undo_own
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.hooks.ask import ask_before_refresh
from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import SealedMail, queue_mail

SESSION_LIFETIME = timedelta(days=90)
IDLE_LIFETIME = timedelta(days=30)
MAX_DEVICE = 200
MAX_SESSIONS = 50
"""Of one player; with one more the oldest ends."""
_PREFIX = "rt_"
_MAX_TOKEN = 200
_PURPOSE = b"refresh token"


def clean_device(device: str) -> str:
    """Return what a client calls itself as it can be stored and mailed."""
    return "".join(sign for sign in device if sign.isprintable())[:MAX_DEVICE]


async def begin_session(
    identity: Identity,
    tenant: TenantRef,
    entrant: Entrant,
    device: str,
    methods: tuple[Method, ...],
    *,
    claims: Claims | None = None,
    notice: SealedMail | None = None,
) -> Tokens | Refusal:
    """Return the tokens of a new session of a player who has just proved who they are.

    `claims` are what the studio's server says of the player, `notice` is mail that tells of it. An
    erasure that the player asked for is undone. Refusals: `player_suspended`, `player_closed`, and
    `credentials_changed` where what was proved has been replaced since.
    """
    player_id = entrant.player_id
    now = identity.clock.now()
    session = Session(
        id=new_id("ses"),
        player_id=player_id,
        counter=0,
        device=clean_device(device),
        methods=methods,
        created_at=now,
        authenticated_at=now,
        refreshed_at=now,
        expires_at=now + SESSION_LIFETIME,
        ended_at=None,
        factor_at=now if proves_twice(methods) else None,
    )
    key = await _key(identity, tenant)
    async with identity.db.begin(tenant.schema) as tx:
        player = await store.player_now(tx.driver, player_id)
        barred = barred_by("erased" if player is None else player.state)
        if barred is not None:
            return barred
        if player is None or player.credentials != entrant.credentials:
            return CREDENTIALS_CHANGED
        await store.add(tx.driver, session)
        await store.end_oldest(tx.driver, player_id, now, MAX_SESSIONS)
        await undo_own(tx.driver, player_id)
        if notice is not None:
            await queue_mail(tx, notice)
    return await _tokens(identity, tenant, key, session, 0, claims)


async def refresh(identity: Identity, tenant: TenantRef, token: str) -> Tokens | Refusal:
    """Return the next pair for a refresh token.

    The token before the good one gets the same successor for 30 seconds, so that parallel tabs
    agree. Any older one ends the session: somebody has a copy.
    Refusals: `unauthorized`, `session_ended`, `refresh_reused`, and `hook_refused` and
    `hook_unavailable`, which leave the token as good as it was.
    """
    key = await _key(identity, tenant)
    claimed = _read(key, tenant, token)
    if claimed is None:
        return BAD_REFRESH
    session_id, counter = claimed
    claims = await ask_before_refresh(identity, tenant, session_id)
    if isinstance(claims, Refusal):
        return claims
    now = identity.clock.now()
    async with identity.db.begin(tenant.schema) as tx:
        session = await store.lock(tx.driver, session_id)
        if session is None:
            return BAD_REFRESH
        if session.ended_at or now >= min(session.expires_at, session.refreshed_at + IDLE_LIFETIME):
            return SESSION_ENDED
        judged = judge_refresh(session, counter, now)
        if judged is Refresh.ADVANCE:
            await store.advance(tx.driver, session.id, now)
    if isinstance(judged, Refusal):
        await end_session(identity, tenant, session.player_id, session.id)
        return judged
    return await _tokens(identity, tenant, key, session, counter + 1, claims)


async def list_sessions(identity: Identity, tenant: TenantRef, player_id: str) -> list[Session]:
    """Return the player's sessions that go on, newest first."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.live(tx.driver, player_id, identity.clock.now())


async def end_session(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str
) -> Refusal | None:
    """End one session of the player: at once, on every worker. Refusal: `not_found`."""
    if parse_id("ses", session_id) is None:
        return NO_SESSION
    ended = await _end(identity, tenant, player_id, only=[session_id])
    return None if ended else NO_SESSION


async def end_sessions(
    identity: Identity, tenant: TenantRef, player_id: str, keep: str | None = None
) -> int:
    """End all sessions of the player but `keep`; returns how many."""
    return len(await _end(identity, tenant, player_id, keep=keep))


async def _end(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    *,
    only: list[str] | None = None,
    keep: str | None = None,
) -> list[str]:
    now = identity.clock.now()
    expected = identity.standings.expect(tenant, player_id)
    async with identity.db.begin(tenant.schema) as tx:
        ended = await store.end(tx.driver, player_id, now, only=only, keep=keep)
    await identity.standings.settle(tenant, player_id, expected, told=bool(ended))
    return ended


async def _key(identity: Identity, tenant: TenantRef) -> DataKey:
    key = await identity.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    return key


async def _tokens(
    identity: Identity,
    tenant: TenantRef,
    key: DataKey,
    session: Session,
    counter: int,
    claims: Claims | None,
) -> Tokens:
    access = await identity.tokens.mint(tenant, session.player_id, session=session, ext=claims)
    return Tokens(
        player_id=session.player_id,
        session_id=session.id,
        token=access.token,
        expires_at=access.expires_at,
        refresh_token=_write(key, tenant, session.id, counter),
    )


def _write(key: DataKey, tenant: TenantRef, session_id: str, counter: int) -> str:
    named = f"{session_id.removeprefix('ses_')}.{counter}"
    return f"{_PREFIX}{named}.{_mac(key, tenant, named)}"


def _read(key: DataKey, tenant: TenantRef, token: str) -> tuple[str, int] | None:
    """Return the session and the counter of a token that we made, else None."""
    if not token.startswith(_PREFIX) or len(token) > _MAX_TOKEN or not token.isascii():
        return None
    named, _, mac = token.removeprefix(_PREFIX).rpartition(".")
    if not hmac.compare_digest(mac, _mac(key, tenant, named)):
        return None
    suffix, _, counter = named.partition(".")
    return f"ses_{suffix}", int(counter)


def _mac(key: DataKey, tenant: TenantRef, named: str) -> str:
    mac = key.hash(_PURPOSE, f"{tenant.id}.{named}".encode())
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
