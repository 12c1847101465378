"""Take an operator's browser back from the studio's issuer, and believe who it is.

A state is good once, for its plane and in the browser that left with it.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from guildbank.identity.contracts.external import BAD_STATE
from guildbank.identity.contracts.operators import STEP_UP_LIFE, HalfSignIn, SignedIn
from guildbank.identity.contracts.studio import PLUGIN, StudioSettings, Trust
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import factors as tickets
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.browsers import Browser
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.studio import terms_of
from guildbank.identity.usecases.studio.arrival import Arrival
from guildbank.identity.usecases.studio.begin import Journey, journey_cookie, journey_place
from guildbank.identity.usecases.studio.enter import enter
from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity


async def come_back(
    external: ExternalSignIn,
    plane: Plane,
    params: Mapping[str, str],
    cookies: Mapping[str, str],
    name: str,
) -> SignedIn | HalfSignIn | Refusal:
    """Return a session, or what is still to be proved here, for who came back.

    `name` is what the browser calls itself.

    Refusals: `bad_state`, `unknown_identity_provider`, those of the plugin and those of `enter`.
    """
    state = params.get("state", "")
    journey = await _journey(external, plane, state)
    held = cookies.get(journey_cookie(external, state), "")
    if journey is None or not hmac.compare_digest(token_hash(held), journey.cookie):
        return BAD_STATE
    terms = await terms_of(external, plane)
    if isinstance(terms, Refusal):
        return terms
    known = await external.providers.finish(PLUGIN, terms[1], params, journey.keep)
    if isinstance(known, Refusal):
        return known
    now = external.identity.clock.now()
    return await enter(external, plane, _arrival(known, terms[0], journey, name, now))


async def _journey(external: ExternalSignIn, plane: Plane, state: str) -> Journey | None:
    now = external.identity.clock.now()
    async with external.identity.db.begin(plane.schema) as tx:
        taken = await tickets.take(tx.driver, token_hash(state), "studio_away", now)
    if taken is None or taken.data is None:
        return None
    opened = plane.sealer.open(journey_place(plane), taken.data)
    return msgspec.json.decode(opened, type=Journey)


def _arrival(
    known: ExternalIdentity,
    settings: StudioSettings,
    journey: Journey,
    name: str,
    now: datetime,
) -> Arrival:
    proved_at = _time(known.claims.get("auth_time"), now)
    fresh = proved_at is not None and now - proved_at <= STEP_UP_LIFE
    trusted = settings.trusts is not None and says(known.claims, settings.trusts)
    return Arrival(
        issuer=known.issuer,
        subject=known.subject,
        # Many issuers of a studio's own do not say; the address proves nobody here anyway.
        email=None if known.claims.get("email_verified") in (False, "false") else known.email,
        verified=known.claims.get("email_verified") in (True, "true"),
        name=known.name,
        groups=_groups(known.claims.get(settings.groups_claim)),
        links=journey.links,
        invitation=journey.invitation,
        # An issuer that does not say when it asked anew is not believed that it did.
        complete=trusted and (fresh or not journey.anew),
        proved_at=proved_at,
        browser=Browser(name, journey.browser),
    )


def says(claims: Mapping[str, Any], trust: Trust) -> bool:
    """Say whether the token tells of a second factor, as the settings want it."""
    told = claims.get(trust.claim)
    if trust.claim == "acr":
        return isinstance(told, str) and told in trust.values
    return isinstance(told, list) and any(
        isinstance(one, str) and one in trust.values for one in told
    )


def _groups(told: object) -> frozenset[str]:
    # Some issuers write a single group as a text.
    found = told if isinstance(told, list) else [told]
    return frozenset(one for one in found if isinstance(one, str))


def _time(told: object, now: datetime) -> datetime | None:
    """Return when the person proved who they are, by our clock never in the future."""
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    try:
        return min(datetime.fromtimestamp(int(told), UTC), now)
    except (ValueError, OverflowError, OSError):
        return None
