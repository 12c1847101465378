"""Buy a number of coins: find what is sold for it, then begin a payment."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Dossier
from guildbank.payments.contracts.sale import NOWHERE, Offer, Purchase, Wanted, Whence
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.create import create_payment


class Wish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many coins of which currency a player wants, and how they are to be paid.

    A default is no part of the command's fingerprint, as of a Purchase.
    """

    player_id: str
    currency: str
    coins: int
    country: str | None
    provider: str | None
    method: str | None
    return_url: str | None
    method_id: str | None = None
    save_method: bool = False


async def buy_coins(
    payments: Payments, tenant: TenantRef, key: str, wish: Wish, whence: Whence = NOWHERE
) -> Dossier | Refusal:
    """Return the payment, as it stands once its provider has answered or kept us waiting.

    The same key answers with the same payment, whatever is on sale by then. Refusals:
    `amount_not_sold` and those of `create_payment`. Raises Unavailable.
    """
    wanted = Wanted(
        currency=wish.currency,
        coins=wish.coins,
        country=wish.country,
        at=payments.clock.now(),
    )
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        offer = await payments.fulfilment.offer(tx, wanted)
    unsold = offer if isinstance(offer, Refusal) else None
    found = Offer("", None, "") if isinstance(offer, Refusal) else offer
    purchase = Purchase(
        player_id=wish.player_id,
        product_id=found.product_id,
        coins=found.coins,
        money=found.money,
        country=wish.country,
        provider=wish.provider,
        method=wish.method,
        return_url=wish.return_url,
        method_id=wish.method_id,
        save_method=wish.save_method,
    )
    bought = await create_payment(
        payments, tenant, wish.player_id, key, purchase, command=wish, unsold=unsold,
        whence=whence,
    )  # fmt: skip
    return bought if isinstance(bought, Refusal) else bought.dossier
