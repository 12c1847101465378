"""Sign a player in by name or address and password."""

import msgspec

from guildbank.identity.contracts.players import Email, Username
from guildbank.identity.contracts.sign_in import LOGIN_FAILED, Candidate, Tokens
from guildbank.identity.names import read_username
from guildbank.identity.rules import read_email
from guildbank.identity.store import accounts as store
from guildbank.identity.strength import prepare_guess
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.protection.check import check_login_captcha, trust_login
from guildbank.identity.usecases.sign_in.finish import (
    Proof,
    Welcome,
    device_account,
    finish_sign_in,
)
from guildbank.infra.http import ClientAddress
from guildbank.infra.passwords import Verdict
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a person types, and where. `handle` is a name or an address.

    `device` is what the client calls itself, `device_token` what it kept from an earlier sign-in,
    `captcha` what the widget gave.
    """

    handle: str
    password: str
    address: ClientAddress
    device: str = ""
    device_token: str | None = None
    captcha: str | None = None


async def log_in(
    identity: Identity, tenant: TenantRef, credentials: Credentials
) -> Welcome | Refusal:
    """Return the tokens of a new session.

    Refusals: `login_failed`, which tells neither by its words nor by its time whether the handle
    is known; `login_throttled` and those of `check_captcha`, before the password is looked at; and
    to who knows the password those of `finish_sign_in`. Raises Overworked and StoreAway.
    """
    password = prepare_guess(credentials.password)
    handle = _read(credentials.handle)
    # What cannot be a handle is no account's, and is counted all the same.
    account = handle if isinstance(handle, str) else _folded(handle)
    whence = (account, credentials.address, credentials.device_token)
    refused = await check_login_captcha(identity, tenant, *whence, credentials.captcha)
    if refused is not None:
        return refused
    asked = (tenant.id, *whence)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    found = await _verified(identity, tenant, handle, password)
    if found is None:
        return LOGIN_FAILED
    candidate, verdict, owner = found
    if owner:
        known = await identity.throttle.succeeded(*asked)
        await trust_login(identity, tenant, *whence)
    else:
        await identity.throttle.excuse(*asked)
        known = identity.throttle.token_of(
            tenant.id, device_account(candidate.entrant.player_id), credentials.device_token
        )
    if verdict is Verdict.OUTDATED:
        renewed = await identity.passwords.hash(password)
        async with identity.db.begin(tenant.schema) as tx:
            await store.renew_password(
                tx.driver, candidate.entrant.player_id, candidate.password_hash, renewed
            )
    proof = Proof(
        entrant=candidate.entrant,
        methods=("password",),
        device=credentials.device,
        known=known == credentials.device_token,
        place=str(credentials.address),
        device_token=known,
    )
    finished = await finish_sign_in(identity, tenant, proof)
    return Welcome(finished, known) if isinstance(finished, Tokens) else finished


async def _verified(
    identity: Identity, tenant: TenantRef, handle: Email | Username | str, password: str
) -> tuple[Candidate, Verdict, bool] | None:
    """Return who the handle and the password are of, and whether the handle is theirs alone.

    As many hashes are computed whoever has the handle: one for a name; two for an address, since
    beside the player who confirmed it another may have claimed it, each with a password. While any
    imported hash is left in the tenant, a wrong password takes as long as the slowest of them.
    """
    match: tuple[Candidate, Verdict, bool] | None = None
    cost = await identity.imported.get(tenant.schema)
    for at, candidate in enumerate(await _candidates(identity, tenant, handle)):
        stored = None if candidate is None else candidate.password_hash
        verdict = await identity.passwords.verify(password, stored, cost)
        if candidate is not None and verdict is not Verdict.WRONG and match is None:
            match = candidate, verdict, at == 0
    return match


async def _candidates(
    identity: Identity, tenant: TenantRef, handle: Email | Username | str
) -> tuple[Candidate | None, ...]:
    if isinstance(handle, str):
        return (None, None) if "@" in handle else (None,)
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        if isinstance(handle, Email):
            return await store.candidates_by_email(tx.driver, handle.canonical)
        return (await store.candidate_by_name(tx.driver, handle.skeleton, handle.name),)


def _read(handle: str) -> Email | Username | str:
    """Return the address or the name that a handle is, or the text itself where it is neither."""
    found = read_email(handle) if "@" in handle else read_username(handle)
    return handle if isinstance(found, Refusal) else found


def _folded(handle: Email | Username) -> str:
    return handle.canonical if isinstance(handle, Email) else handle.name
