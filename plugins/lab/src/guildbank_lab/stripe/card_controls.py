"""What others do to cards that are kept: the merchant at the dashboard, and banks."""

from typing import Annotated, Any

import msgspec
from litestar import post

from guildbank_lab.stripe.cards import shown_customer
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import missing
from guildbank_lab.stripe.records import Card
from guildbank_lab.stripe.wire import shown_card


class Whose(msgspec.Struct):
    """Whose customers are asked about: by what the merchant wrote into their metadata."""

    player: str


class Detaching(msgspec.Struct):
    """A card to detach at the dashboard."""

    card: str


class Renewal(msgspec.Struct):
    """A card's new end, as its bank tells."""

    card: str
    exp_month: Annotated[int, msgspec.Meta(ge=1, le=12)]
    exp_year: Annotated[int, msgspec.Meta(ge=2000, le=2099)]


@post("/lab/stripe/customers")
async def customers(stripe: StripeDesk, data: Whose) -> dict[str, Any]:
    """Tell a player's customers with their cards, those that were deleted too."""
    found = [one for one in stripe.cards.customers.values() if data.player in one.subjects]
    return {
        "customers": [
            {
                **shown_customer(one),
                "cards": [shown_card(card) for card in stripe.cards.kept_for(one)],
            }
            for one in found
        ]
    }


@post("/lab/stripe/detach")
async def detach(stripe: StripeDesk, data: Detaching) -> dict[str, Any]:
    """Detach a card at the dashboard."""
    card = _card(stripe, data.card)
    stripe.cards.detach(card)
    return shown_card(card)


@post("/lab/stripe/renew")
async def renew(stripe: StripeDesk, data: Renewal) -> dict[str, Any]:
    """Give a card another end."""
    card = _card(stripe, data.card)
    stripe.cards.renew(card, data.exp_month, data.exp_year)
    return shown_card(card)


def _card(stripe: StripeDesk, id_: str) -> Card:
    if id_ not in stripe.cards.cards:
        raise missing("PaymentMethod", id_)
    return stripe.cards.cards[id_]


ROUTES = (customers, detach, renew)
