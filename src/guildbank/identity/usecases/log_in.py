"""Sign a player in by name or address and password."""

import msgspec

from guildbank.identity.contracts import (
    LOGIN_FAILED,
    PLAYER_CLOSED,
    PLAYER_SUSPENDED,
    Candidate,
    PlayerState,
    Tokens,
)
from guildbank.identity.names import read_username
from guildbank.identity.rules import read_email
from guildbank.identity.store import accounts as store
from guildbank.identity.strength import prepare
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.keep_session import begin_session
from guildbank.infra.passwords import Verdict
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


class Credentials(msgspec.Struct, frozen=True):
    """What a person types, and the device they type it on. `handle` is a name or an address."""

    handle: str
    password: str
    device: str = ""


async def log_in(
    identity: Identity, tenant: TenantRef, credentials: Credentials
) -> Tokens | Refusal:
    """Return the tokens of a new session.

    Refusals: `login_failed`, which tells neither by its words nor by its time whether the handle
    is known; `player_suspended` and `player_closed`, to who knows the password. Raises Overworked.
    """
    password = prepare(credentials.password) or ""
    found = await _verified(identity, tenant, credentials.handle, password)
    if found is None:
        return LOGIN_FAILED
    candidate, verdict = found
    barred = barred_by(candidate.state)
    if barred is not None:
        return barred
    if verdict is Verdict.OUTDATED:
        renewed = await identity.passwords.hash(password)
        async with identity.db.begin(tenant.schema) as tx:
            await store.renew_password(
                tx.driver, candidate.player_id, candidate.password_hash, renewed
            )
    return await begin_session(
        identity, tenant, candidate.player_id, credentials.device, ("password",)
    )


def barred_by(state: PlayerState) -> Refusal | None:
    """Return why a player of this state may not come in, else None."""
    if state == "active":
        return None
    return PLAYER_SUSPENDED if state == "suspended" else PLAYER_CLOSED


async def _verified(
    identity: Identity, tenant: TenantRef, handle: str, password: str
) -> tuple[Candidate, Verdict] | None:
    """Return who the handle and the password are of.

    As many hashes are computed whoever has the handle: one for a name; two for an address, since
    beside the player who confirmed it another may have claimed it, each with a password.
    """
    match: tuple[Candidate, Verdict] | None = None
    for candidate in await _candidates(identity, tenant, handle):
        stored = None if candidate is None else candidate.password_hash
        verdict = await identity.passwords.verify(password, stored)
        if candidate is not None and verdict is not Verdict.WRONG and match is None:
            match = candidate, verdict
    return match


async def _candidates(
    identity: Identity, tenant: TenantRef, handle: str
) -> tuple[Candidate | None, ...]:
    if "@" in handle:
        email = read_email(handle)
        if isinstance(email, Refusal):
            return None, None
        async with identity.db.begin(tenant.schema, read_only=True) as tx:
            return await store.candidates_by_email(tx.driver, email.canonical)
    name = read_username(handle)
    if isinstance(name, Refusal):
        return (None,)
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return (await store.candidate_by_name(tx.driver, name.skeleton, name.name),)
