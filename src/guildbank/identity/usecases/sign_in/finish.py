"""The end of every way to sign in: a session for who proved enough."""

from datetime import timedelta

import msgspec

from guildbank.identity.contracts.factors import ENROL_TOTP, Factors, Policy
from guildbank.identity.contracts.players import barred_by
from guildbank.identity.contracts.sign_in import Entrant, Method, Tokens
from guildbank.identity.rules import proves_twice, ways_to_prove
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.seal_codes import key_of
from guildbank.identity.usecases.factors.tell import seal_notice
from guildbank.identity.usecases.hooks.ask import ask_before_login
from guildbank.identity.usecases.sign_in.keep_session import begin_session, clean_device
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret
from guildbank.infra.crypto import DataKey
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

CHALLENGE_LIFE = timedelta(minutes=10)
_PLACE = b"identity_ticket:second_factor:"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person proved to be, how, and on what: `device` is what the client calls itself.

    `known` says that this device has signed in to the account before, `place` the address that it
    called from. `device_token` is kept for the client until the sign-in is finished.
    """

    entrant: Entrant
    methods: tuple[Method, ...]
    device: str
    known: bool = False
    place: str = ""
    device_token: str | None = None


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody comes from: the address, what the client calls itself, and what it kept."""

    address: ClientAddress
    device: str = ""
    device_token: str | None = None


class Welcome(msgspec.Struct, frozen=True):
    """The tokens of a new session, and the one by which the device is known next time."""

    tokens: Tokens
    device_token: str


def device_account(player_id: str) -> str:
    """Return the name under which devices of a player are known who has none to type."""
    return f"device {player_id}"


async def welcome(
    identity: Identity,
    tenant: TenantRef,
    visitor: Visitor,
    entrant: Entrant,
    methods: tuple[Method, ...],
) -> Welcome | Refusal:
    """Return a session for who proved to be the player by other ways than a password.

    Refusals: those of `finish_sign_in`.
    """
    # Nobody guessed anything here, so no counter of guesses is touched.
    account = device_account(entrant.player_id)
    known = identity.throttle.knows(tenant.id, account, visitor.device_token)
    token = identity.throttle.token_of(tenant.id, account, visitor.device_token)
    proof = Proof(
        entrant=entrant,
        methods=methods,
        device=visitor.device,
        known=known,
        place=str(visitor.address),
        device_token=token,
    )
    finished = await finish_sign_in(identity, tenant, proof)
    return finished if isinstance(finished, Refusal) else Welcome(finished, token)


async def finish_sign_in(identity: Identity, tenant: TenantRef, proof: Proof) -> Tokens | Refusal:
    """Return the tokens of a new session.

    Refusals: `player_suspended`, `player_closed`, `hook_refused`, `hook_unavailable`,
    `credentials_changed`, and `second_factor_required`, which tells how to go on: `challenge` names
    the sign-in for ten minutes, `methods` are those that finish it.
    """
    proof = msgspec.structs.replace(proof, device=clean_device(proof.device))
    barred = barred_by(proof.entrant.state)
    if barred is not None:
        return barred
    found = await read_factors(identity, tenant, proof.entrant.player_id)
    if isinstance(found, Refusal):
        return found
    factors, policy = found
    if _asks(policy, factors, proof.methods):
        return await _challenge(identity, tenant, proof, factors)
    return await open_session(identity, tenant, proof, factors)


async def open_session(
    identity: Identity, tenant: TenantRef, proof: Proof, factors: Factors
) -> Tokens | Refusal:
    """Return the tokens of a session for who proved all that is asked.

    The studio's server is asked last. A device that is not known, and is not the first, is told of
    by mail that commits with it. Refusals: `hook_refused`, `hook_unavailable`,
    `credentials_changed`.
    """
    player_id, methods, device = proof.entrant.player_id, proof.methods, proof.device
    claims = await ask_before_login(
        identity, tenant, player_id, methods, device, known_device=proof.known
    )
    if isinstance(claims, Refusal):
        return claims
    notice = None
    if factors.returning and not proof.known:
        values = {"device": proof.device, "place": proof.place}
        notice = await seal_notice(identity, tenant, factors, "identity.new_device", values)
    return await begin_session(
        identity, tenant, proof.entrant, device, methods, claims=claims, notice=notice
    )


def seal_proof(key: DataKey, proof: Proof) -> bytes:
    """Return what a challenge keeps of what was proved so far."""
    return key.seal(_PLACE + proof.entrant.player_id.encode(), msgspec.json.encode(proof))


def open_proof(key: DataKey, player_id: str, sealed: bytes) -> Proof:
    """Return what a challenge kept; raises SealBroken."""
    return msgspec.json.decode(key.open(_PLACE + player_id.encode(), sealed), type=Proof)


def _asks(policy: Policy, factors: Factors, methods: tuple[Method, ...]) -> bool:
    if proves_twice(methods):
        return False
    # A guest has nothing that a thief could know, and nothing to prove a second time.
    return factors.protected or (policy.second_factor == "required" and methods != ("guest",))


async def _challenge(
    identity: Identity, tenant: TenantRef, proof: Proof, factors: Factors
) -> Refusal:
    secret, key = new_secret(), await key_of(identity, tenant)
    ways: tuple[str, ...] = ways_to_prove(factors)
    if not ways and not factors.protected:
        ways = (ENROL_TOTP,)
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await add_ticket(
            identity,
            tx,
            secret,
            "second_factor",
            CHALLENGE_LIFE,
            player_id=proof.entrant.player_id,
            data=seal_proof(key, proof),
        )
    return Refusal(
        code="second_factor_required",
        detail=_what_to_do(ways),
        extra={
            "challenge": secret,
            "methods": ways,
            "expiresAt": ticket.expires_at.isoformat().replace("+00:00", "Z"),
        },
    )


def _what_to_do(ways: tuple[str, ...]) -> str:
    if ENROL_TOTP in ways:
        return (
            "A second factor is needed here and the player has none: take an authenticator app "
            "into use at /v1/sign-in/second-factor/totp with `challenge`."
        )
    if not ways:
        return (
            "The player's second factor cannot be used here any more, and no address is confirmed: "
            "only support can help."
        )
    return "Finish the sign-in at /v1/sign-in/second-factor with `challenge`, by one of `methods`."
