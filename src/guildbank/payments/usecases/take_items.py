"""Take what a payment's coins bought, where too few of them are unspent to be taken back.

An item goes by reversing its spend: the coins come back to where they were, and the claw-back of
the same commit takes them. Whatever else the item had cost stays with the player.
"""

from collections.abc import Mapping, Sequence

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Need, Stage
from guildbank.ledger import ORIGINALS, Book, spends_of
from guildbank.payments import posting, store
from guildbank.payments.contracts.items import Item
from guildbank.payments.contracts.rows import Applied, Attempt, Intent
from guildbank.payments.usecases import Payments
from guildbank.wallets import reverse_spend, spend_left


async def items_of(payments: Payments, tenant: TenantRef, attempt: Attempt) -> Sequence[Item]:
    """Return what the coins that an attempt bought were spent on, as far as it can be taken."""
    if payments.items is None or attempt.applied is not Applied.CREDITED:
        return ()
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, attempt.payment_id)
        lots = [] if intent is None else list(posting.lots_of(intent).values())
        spends = await spends_of(tx.driver, lots) if lots else []
        if intent is None or not spends:
            return ()
        return await payments.items.bought(tx, intent.player_id, spends)


def item_needs(items: Sequence[Item]) -> list[Need]:
    """Return what taking any of these reads."""
    return [need for item in items for need in ((ORIGINALS, item.spend), *item.needs())]


def take_items(
    stage: Stage, book: Book, intent: Intent, due: Mapping[str, int], items: Sequence[Item]
) -> tuple[Mapping[str, object], ...]:
    """Take items in their order until as many coins of each bucket are unspent as are `due`.

    Returns what the entry says of each. One that is not there any more, or whose spend was
    reversed meanwhile, is passed over.
    """
    told: list[Mapping[str, object]] = []
    lots, wallet = posting.lots_of(intent), (intent.player_id, intent.currency)
    for item in items:
        if all(book.unspent(ref) >= due[bucket] for bucket, ref in lots.items()):
            break
        if spend_left(stage, item.spend, *wallet) == 0:
            continue
        taken = item.take(stage)
        if taken is not None:
            reverse_spend(stage, book, item.spend, *wallet)
            told.append(taken)
    return tuple(told)
