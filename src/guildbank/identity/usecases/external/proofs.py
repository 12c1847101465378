"""What a client brings to be let in or linked: a code of ours, or what a provider signed."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from guildbank.identity.contracts.external import BAD_EXCHANGE, REPLAYED
from guildbank.identity.rules import challenge_of
from guildbank.identity.store import external as store
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.sign_in.tickets import take_ticket
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity

CODE_PLACE = "identity_ticket.external_code"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Who was proved to come, and by which provider."""

    provider: str
    identity: ExternalIdentity


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, sealed, for a code: who came, and the challenge that its verifier must meet."""

    arrival: Arrival
    challenge: str


async def redeem(
    external: ExternalSignIn, tenant: TenantRef, code: str, verifier: str
) -> Arrival | Refusal:
    """Return who a code is for. It is used up by the first who sends it, right or wrong.

    Refusal: `exchange_refused`.
    """
    safe = await external.safe(tenant)
    async with external.identity.db.begin(tenant.schema) as tx:
        taken = await take_ticket(external.identity, tx, code, "external_code")
    if taken is None:
        return BAD_EXCHANGE
    kept = msgspec.json.decode(safe.open(CODE_PLACE, taken.data), type=Code)
    if not hmac.compare_digest(challenge_of(verifier), kept.challenge):
        return BAD_EXCHANGE
    return kept.arrival


async def believe(
    external: ExternalSignIn, tenant: TenantRef, provider: str, assertion: Mapping[str, str]
) -> Arrival | Refusal:
    """Return whom a provider vouches for. Each of its proofs is taken once, however it is written.

    Refusals: `unknown_identity_provider`, `assertion_replayed`, and those of the plugin.
    """
    terms = await external.terms(tenant, provider)
    if isinstance(terms, Refusal):
        return terms
    verified = await external.providers.verify(provider, terms, assertion)
    if isinstance(verified, Refusal):
        return verified
    key = sha256(msgspec.json.encode((provider, verified.once))).digest()
    async with external.identity.db.begin(tenant.schema) as tx:
        first = await store.take_once(tx.driver, key, verified.until)
    return Arrival(provider=provider, identity=verified.identity) if first else REPLAYED
