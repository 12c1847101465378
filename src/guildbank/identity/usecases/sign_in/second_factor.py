"""Finish a sign-in that waits for a second factor."""

from collections.abc import Sequence

import msgspec

from guildbank.identity.contracts.factors import (
    CHALLENGE_ENDED,
    WAY_NOT_OPEN,
    Answer,
    Enrolment,
    Factors,
    Policy,
)
from guildbank.identity.contracts.players import barred_by
from guildbank.identity.contracts.sign_in import Method, Tokens
from guildbank.identity.rules import ways_to_prove
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.enrol_totp import begin_totp, confirm_totp
from guildbank.identity.usecases.factors.prove import guesses_of, prove
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.seal_codes import key_of
from guildbank.identity.usecases.sign_in.finish import (
    Proof,
    open_proof,
    open_session,
)
from guildbank.identity.usecases.sign_in.tickets import find_ticket, take_ticket
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


class Waiting(msgspec.Struct, frozen=True):
    """A sign-in that waits: what was proved, and what its player has."""

    proof: Proof
    factors: Factors
    policy: Policy

    @property
    def may_enrol(self) -> bool:
        """Say whether the sign-in can be finished by nothing but a new authenticator app."""
        return not self.factors.protected and not ways_to_prove(self.factors)


class Finished(msgspec.Struct, frozen=True):
    """The tokens of the new session, and what else the client is to keep or show, once."""

    tokens: Tokens
    device_token: str | None
    recovery_codes: Sequence[str] | None = None


async def find_waiting(identity: Identity, tenant: TenantRef, challenge: str) -> Waiting | Refusal:
    """Return the sign-in that a challenge names.

    Refusals: `challenge_ended`, `player_suspended`, `player_closed`.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_ticket(identity, tx, challenge, "second_factor")
    if ticket is None or ticket.player_id is None:
        return CHALLENGE_ENDED
    found = await read_factors(identity, tenant, ticket.player_id)
    if isinstance(found, Refusal):
        return found
    factors, policy = found
    barred = barred_by(factors.state)
    if barred is not None:
        return barred
    key = await key_of(identity, tenant)
    return Waiting(open_proof(key, ticket.player_id, ticket.data), factors, policy)


async def finish_by_factor(
    identity: Identity,
    tenant: TenantRef,
    challenge: str,
    answer: Answer,
    address: ClientAddress,
) -> Finished | Refusal:
    """Return the tokens of a session whose methods list both that were proved.

    Refusals: those of `find_waiting` and `prove`. Raises StoreAway.
    """
    waiting = await find_waiting(identity, tenant, challenge)
    if isinstance(waiting, Refusal):
        return waiting
    of = (waiting.factors, waiting.policy)
    device = known_device(identity, tenant, waiting.proof)
    refused = await prove(identity, tenant, of, answer, address, "sign_in_code", device)
    if refused is not None:
        return refused
    return await _finish(identity, tenant, challenge, waiting, answer.method)


def known_device(identity: Identity, tenant: TenantRef, proof: Proof) -> str | None:
    """Return the token of a device that signed in before, as one that is known for its guesses."""
    if not proof.known or proof.device_token is None:
        return None
    account = guesses_of(proof.entrant.player_id)
    return identity.throttle.token_for(tenant.id, account, proof.device_token)


async def begin_enrolment(
    identity: Identity, tenant: TenantRef, challenge: str
) -> Enrolment | Refusal:
    """Return an authenticator app's secret to who must have a second factor and has no other way.

    Refusals: those of `find_waiting`, `method_not_open`.
    """
    waiting = await find_waiting(identity, tenant, challenge)
    if isinstance(waiting, Refusal):
        return waiting
    if not waiting.may_enrol:
        return WAY_NOT_OPEN
    return await begin_totp(identity, tenant, waiting.factors, waiting.policy)


async def finish_by_enrolment(
    identity: Identity, tenant: TenantRef, challenge: str, enrolment: str, code: str
) -> Finished | Refusal:
    """Keep the authenticator app whose code this is, and finish the sign-in.

    Refusals: those of `find_waiting` and `confirm_totp`, `method_not_open`.
    """
    waiting = await find_waiting(identity, tenant, challenge)
    if isinstance(waiting, Refusal):
        return waiting
    if not waiting.may_enrol:
        return WAY_NOT_OPEN
    fresh = await confirm_totp(identity, tenant, waiting.factors, enrolment, code)
    if isinstance(fresh, Refusal):
        return fresh
    finished = await _finish(identity, tenant, challenge, waiting, "totp")
    if isinstance(finished, Refusal):
        return finished
    return msgspec.structs.replace(finished, recovery_codes=fresh.recovery_codes)


async def _finish(
    identity: Identity, tenant: TenantRef, challenge: str, waiting: Waiting, method: Method
) -> Finished | Refusal:
    async with identity.db.begin(tenant.schema) as tx:
        # Of two proofs for one challenge, one begins a session.
        if await take_ticket(identity, tx, challenge, "second_factor") is None:
            return CHALLENGE_ENDED
    proof = msgspec.structs.replace(waiting.proof, methods=(*waiting.proof.methods, method))
    tokens = await open_session(identity, tenant, proof, waiting.factors)
    return tokens if isinstance(tokens, Refusal) else Finished(tokens, proof.device_token)
