"""Take the browser back from a provider, and send it on to the game with a code or an error."""

import hmac
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from guildbank.identity.contracts.external import BAD_STATE, RETURN_URL_NOT_REGISTERED
from guildbank.identity.rules import token_hash, with_query
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.begin import AWAY_PLACE, Journey, cookie_name
from guildbank.identity.usecases.external.proofs import CODE_PLACE, Arrival, Code
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret, take_ticket
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity

CODE_LIFE = timedelta(seconds=60)


class Return(msgspec.Struct, frozen=True):
    """Where the browser goes now, and the cookie that it needs no more."""

    url: str
    cookie_name: str


async def come_back(
    external: ExternalSignIn,
    tenant: TenantRef,
    provider: str,
    params: Mapping[str, str],
    cookies: Mapping[str, str],
) -> Return | Refusal:
    """Finish at the provider and return the game's address with `code`, or with `error`.

    A state is good once, for the provider that it was made for and in the browser that left with
    it; until that is sure nobody is sent anywhere, nor to an address that the tenant took back.
    Refusals: `bad_state`, `return_url_not_registered`.
    """
    state = params.get("state", "")
    journey = await _journey(external, tenant, state)
    name = cookie_name(external, state)
    if journey is None or journey.wanted.provider != provider:
        return BAD_STATE
    if not hmac.compare_digest(token_hash(cookies.get(name, "")), journey.cookie):
        return BAD_STATE
    wanted = journey.wanted
    if wanted.return_url not in (await external.setup(tenant)).return_urls:
        return RETURN_URL_NOT_REGISTERED
    known = await _finish(external, tenant, params, journey)
    if isinstance(known, Refusal):
        url = with_query(wanted.return_url, error=known.code, state=wanted.client_state)
        return Return(url, name)
    code = await _code(external, tenant, journey, known)
    return Return(with_query(wanted.return_url, code=code, state=wanted.client_state), name)


async def _journey(external: ExternalSignIn, tenant: TenantRef, state: str) -> Journey | None:
    safe = await external.safe(tenant)
    async with external.identity.db.begin(tenant.schema) as tx:
        taken = await take_ticket(external.identity, tx, state, "external_away")
    if taken is None:
        return None
    return msgspec.json.decode(safe.open(AWAY_PLACE, taken.data), type=Journey)


async def _finish(
    external: ExternalSignIn, tenant: TenantRef, params: Mapping[str, str], journey: Journey
) -> ExternalIdentity | Refusal:
    terms = await external.terms(tenant, journey.wanted.provider)
    if isinstance(terms, Refusal):
        return terms
    return await external.providers.finish(journey.wanted.provider, terms, params, journey.keep)


async def _code(
    external: ExternalSignIn, tenant: TenantRef, journey: Journey, known: ExternalIdentity
) -> str:
    """Return a code for who came back, which only the client that began can exchange."""
    arrival = Arrival(provider=journey.wanted.provider, identity=known)
    safe = await external.safe(tenant)
    sealed = safe.seal(CODE_PLACE, Code(arrival=arrival, challenge=journey.wanted.challenge))
    code = new_secret()
    async with external.identity.db.begin(tenant.schema) as tx:
        await add_ticket(external.identity, tx, code, "external_code", CODE_LIFE, data=sealed)
    return code
