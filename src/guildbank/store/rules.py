"""Pure decisions of the store: whether a pack is for sale, and what it costs, in integers."""

from collections.abc import Iterable
from datetime import datetime

from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.payments import LimitUse, Offer, Order, Quote, Wanted
from guildbank.store.contracts import PACK_INACTIVE, Pack, PackDraft, Price


def check_draft(draft: PackDraft) -> Refusal | None:
    """Return `invalid_value` for a pack that could never be sold as it says."""
    seen = {(price.money, price.country) for price in draft.prices}
    if len(seen) < len(draft.prices):
        return _invalid("prices", "There are two prices for one currency and country.")
    if draft.starts_at and draft.ends_at and draft.starts_at >= draft.ends_at:
        return _invalid("activeUntil", "A pack ends after it starts.")
    amounts = draft.open_amount
    if amounts is not None and amounts.least > amounts.most:
        return _invalid("openAmount", "The least amount is above the most.")
    if amounts is not None and any(
        scaled_up(price.amount_minor, amounts.most, draft.coins) > MAX_AMOUNT
        for price in draft.prices
    ):
        return _invalid("openAmount", "The most coins cost more than any payment can carry.")
    if amounts is not None and draft.bonus * amounts.most // draft.coins > MAX_AMOUNT:
        return _invalid("openAmount", "The most coins have more bonus coins than a wallet holds.")
    return None


def quote(pack: Pack, order: Order) -> Quote | Refusal:
    """Return what the order costs.

    Refusals: `pack_inactive`, `pack_not_for_sale_in_currency`, `amount_out_of_range`.
    """
    if not for_sale(pack, order.at):
        return PACK_INACTIVE
    price = price_for(pack, order.money, order.country)
    if price is None:
        return Refusal(
            code="pack_not_for_sale_in_currency",
            detail=f"The pack has no price in {order.money} for this country.",
            field="currency",
        )
    coins = _coins(pack, order.coins)
    if isinstance(coins, Refusal):
        return coins
    limit = pack.limit_per_player
    counter = f"store.bought:{pack.id}:{order.player_id}"
    return Quote(
        purpose=pack.purpose,
        product_id=pack.id,
        version=pack.version,
        title=pack.name,
        currency=pack.currency,
        coins=coins,
        bonus=pack.bonus * coins // pack.coins,
        money=price.money,
        amount_minor=scaled_up(price.amount_minor, coins, pack.coins),
        limits=() if limit is None else (LimitUse(counter, 1, limit),),
    )


def choose(packs: Iterable[Pack], wanted: Wanted) -> Offer | None:
    """Return the first pack of exactly the wanted coins, else the first that sells any number.

    The money is the country's own, where it has a price, else that of the first price for all.
    """
    open_offer: Offer | None = None
    for pack in packs:
        money = _money(pack, wanted.country)
        if money is None or not for_sale(pack, wanted.at):
            continue
        amounts = pack.open_amount
        if amounts is None:
            if pack.coins == wanted.coins:
                return Offer(pack.id, None, money)
        elif open_offer is None and amounts.least <= wanted.coins <= amounts.most:
            open_offer = Offer(pack.id, wanted.coins, money)
    return open_offer


def _money(pack: Pack, country: str | None) -> str | None:
    own = [price.money for price in pack.prices if price.country == country]
    everywhere = [price.money for price in pack.prices if price.country is None]
    return next(iter([*own, *everywhere]), None)


def for_sale(pack: Pack, at: datetime) -> bool:
    """Say whether the pack is active and the time inside its window."""
    begun = pack.starts_at is None or pack.starts_at <= at
    over = pack.ends_at is not None and pack.ends_at <= at
    return pack.active and begun and not over


def price_for(pack: Pack, money: str, country: str | None) -> Price | None:
    """Return the country's own price in this money, else the one for everywhere."""
    prices = {price.country: price for price in pack.prices if price.money == money}
    return prices.get(country) or prices.get(None)


def scaled_up(amount_minor: int, coins: int, unit: int) -> int:
    """Return the price of `coins` where `unit` coins cost `amount_minor`, rounded up.

    Exact integers; up, so that no amount of coins is free and no split of an order is cheaper.
    """
    return -(-amount_minor * coins // unit)


def _coins(pack: Pack, asked: int | None) -> int | Refusal:
    amounts = pack.open_amount
    if amounts is None:
        if asked not in (None, pack.coins):
            return Refusal(
                code="amount_out_of_range",
                detail=f"The pack holds {pack.coins} coins; leave the number out.",
                field="coins",
            )
        return pack.coins
    if asked is None or not amounts.least <= asked <= amounts.most:
        return Refusal(
            code="amount_out_of_range",
            detail=f"Choose {amounts.least} to {amounts.most} coins.",
            field="coins",
            extra={"least": amounts.least, "most": amounts.most},
        )
    return asked


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field=field)
