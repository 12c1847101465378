"""Change a profile: players their own, and the tenant's people more of it.

A country may set prices and duties, so a player names it once and afterwards a machine changes it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from guildbank.identity.contracts.events import PROFILE_CHANGED
from guildbank.identity.contracts.players import NO_PLAYER, TENANT_SUSPENDED, Profile
from guildbank.identity.store import profiles as store
from guildbank.identity.store.accounts import read_profile
from guildbank.identity.store.profiles import AgeConfirmation
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver
from guildbank.kernel import Refusal, parse_id

COUNTRY_FIXED = Refusal(
    code="country_fixed",
    detail="The country was named before. Ask the game's support to change it.",
    field="country",
)
FUTURE = Refusal(
    code="out_of_range", detail="An age is confirmed now or earlier.", field="ageConfirmation.at"
)


class Whole(msgspec.Struct, frozen=True):
    """A profile with how the age was confirmed."""

    profile: Profile
    age: AgeConfirmation | None


EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""No age was confirmed before; and no time zone takes it out of the range of times."""


async def read_whole(identity: Identity, tenant: TenantRef, player_id: str) -> Whole | Refusal:
    """Return all that a profile holds, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        profile = await read_profile(tx.driver, player_id)
        age = await store.age_of(tx.driver, player_id)
    return NO_PLAYER if profile is None else Whole(profile, age)


async def change_profile(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    given: Mapping[str, str | None],
    *,
    by: str | None = None,
    age: AgeConfirmation | msgspec.UnsetType | None = msgspec.UNSET,
) -> Whole | Refusal:
    """Set what is `given` of `locale` and `country`, and with `age` the confirmation of it.

    `by` is whoever changes it for the tenant; None is the player, who sets the country while there
    is none. Refusals: `not_found`, `country_fixed`,
    `out_of_range` (age), `tenant_suspended`.
    """
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    if tenant.state != "active":
        return TENANT_SUSPENDED
    if isinstance(age, AgeConfirmation) and not EARLIEST <= age.at <= identity.clock.now():
        return FUTURE
    seal = await identity.persons.sealing(tenant, player_id)
    if isinstance(seal, Refusal):
        return NO_PLAYER
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        known = await store.ensure(tx.driver, player_id)
        if known is None:
            return NO_PLAYER
        before = await _told(tx.driver, player_id)
        named = known.country is not None and given.get("country", known.country) != known.country
        if by is None and named:
            return COUNTRY_FIXED
        await store.change(tx.driver, player_id, dict(given))
        if age is not msgspec.UNSET:
            await store.confirm_age(tx.driver, player_id, age)
        if by is not None:
            after = await _told(tx.driver, player_id)
            payload = seal(msgspec.json.encode({"before": before, "after": after}))
            told = {"playerId": player_id, "payload": payload.hash}
            await recorder.record(tx, by, PROFILE_CHANGED, told, payload=payload)
    return await read_whole(identity, tenant, player_id)


async def _told(driver: Driver, player_id: str) -> dict[str, object]:
    """Return what the record of a change says of a profile."""
    profile = await read_profile(driver, player_id)
    age = await store.age_of(driver, player_id)
    named = {} if profile is None else {"locale": profile.locale, "country": profile.country}
    return {**named, "ageConfirmation": age}
