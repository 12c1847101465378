"""Keep what callback steps answered, and why they were not told: words of others, sealed.

Under the key of the player whose payment it was about; under the tenant's where it was no payment.
"""

from collections.abc import Sequence

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import outbox
from guildbank.payments.exchanges import mask_cards
from guildbank.payments.usecases import Payments

NOT_TOLD = "It was not told."
"""What stands in clear of why a step was not told."""


class Words(msgspec.Struct, frozen=True):
    """What a step said when it was told, or why it was not."""

    answer: str | None = None
    problem: str | None = None


NOTHING = Words()


async def seal_words(
    payments: Payments, tenant: TenantRef, payment_id: str, words: Words
) -> bytes | None:
    """Return the words as they are kept, card-like digits masked; None where they are not.

    A tenant that keeps no exchanges keeps none, nor are any of a person who was erased.
    """
    settings = await payments.tenants.settings(tenant.id)
    if words == NOTHING or settings is None or settings.exchanges_kept_days == 0:
        return None
    masked = Words(*(None if one is None else mask_cards(one) for one in _both(words)))
    plain = msgspec.json.encode(masked)
    player = (await _players(payments, tenant, [payment_id])).get(payment_id)
    if player is None:
        key = await payments.tenants.data_key(tenant.id)
        return None if key is None else key.seal(_place(tenant), plain)
    sealed = await payments.persons.seal(tenant, player, plain)
    return None if isinstance(sealed, Refusal) else sealed.ciphertext


async def open_words(
    payments: Payments, tenant: TenantRef, kept: Sequence[tuple[str, bytes | None]]
) -> list[Words]:
    """Return what was kept about each payment, nothing where its person's key is gone."""
    about = {payment_id for payment_id, sealed in kept if sealed is not None}
    players = await _players(payments, tenant, sorted(about))
    keys = await payments.persons.keys_of(tenant, set(players.values())) if players else {}
    house = await payments.tenants.data_key(tenant.id) if about else None
    found = []
    for payment_id, sealed in kept:
        player, plain = players.get(payment_id), None
        if sealed is not None and player is not None and player in keys:
            opened = payments.persons.opened(keys[player], player, sealed, None)
            plain = msgspec.convert(opened, Words)
        elif sealed is not None and player is None and house is not None:
            plain = msgspec.json.decode(house.open(_place(tenant), sealed), type=Words)
        found.append(plain or NOTHING)
    return found


def _both(words: Words) -> tuple[str | None, str | None]:
    return words.answer, words.problem


async def _players(payments: Payments, tenant: TenantRef, about: Sequence[str]) -> dict[str, str]:
    """Return whose these payments are; what is about no payment has an empty id."""
    wanted = [one for one in about if one]
    if not wanted:
        return {}
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        payers = await outbox.payers_of(tx.driver, wanted)
    return {one: payer.player_id for one, payer in payers.items()}


def _place(tenant: TenantRef) -> bytes:
    return f"payments_telling.sealed:{tenant.id}".encode()
