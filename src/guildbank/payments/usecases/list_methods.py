"""List the methods by which a player can pay again, as people know them."""

from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import saved
from guildbank.payments.contracts.refusals_saved import (
    METHOD_ELSEWHERE,
    METHOD_EXPIRED,
    NO_PLAYER,
)
from guildbank.payments.contracts.saved import PaymentMethod
from guildbank.payments.rules import is_expired
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import SavedMethod


class ShownMethod(NamedTuple):
    """A saved method, what is known of it, and the code with which a purchase would refuse it."""

    method: PaymentMethod
    known: SavedMethod
    problem: str | None


async def list_methods(
    payments: Payments, tenant: TenantRef, player_id: str
) -> list[ShownMethod] | Refusal:
    """Return a player's saved methods, the oldest first, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if not await saved.is_player(tx.driver, player_id):
            return NO_PLAYER
        methods = await saved.saved_of(tx.driver, player_id)
        customers = await saved.customers_of(tx.driver, player_id)
    key = await payments.persons.key_of(tenant, player_id) if methods else None
    if key is None:
        return []
    now, here = payments.clock.now(), {one.id for one in customers if one.here}
    found = []
    for one in methods:
        if one.sealed is None:
            continue
        said = payments.persons.opened(key, player_id, one.sealed, None)
        known = msgspec.convert(said, SavedMethod)
        problem = None
        if one.customer_id not in here:
            problem = METHOD_ELSEWHERE.code
        elif is_expired(known.expires_year, known.expires_month, now):
            problem = METHOD_EXPIRED.code
        found.append(ShownMethod(one, known, problem))
    return found
