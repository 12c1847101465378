"""Customers and the cards that are kept for them (https://docs.stripe.com/api/payment_methods)."""

from typing import Any

from guildbank_lab.stripe.errors import Refused, missing
from guildbank_lab.stripe.records import Account, Card, Customer
from guildbank_lab.stripe.webhooks import Webhooks
from guildbank_lab.stripe.wire import shown_card

MOST_KEPT = 50_000
SEARCHABLE_SECONDS = 60
"""Stripe's search shows what is new this much later."""


class Cards:
    """All customers and cards of the lab's Stripe, and who is told when one changes."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self.customers: dict[str, Customer] = {}
        self.cards: dict[str, Card] = {}

    def keep(self, made: Customer | Card) -> None:
        """Remember what was made."""
        kept: dict[str, Any] = self.customers if isinstance(made, Customer) else self.cards
        if len(kept) >= MOST_KEPT:
            raise Refused(429, "rate_limit", f"The lab keeps {MOST_KEPT} of these; start it anew.")
        kept[made.id] = made

    def customer(self, account: Account, id_: str, *, deleted: bool = False) -> Customer:
        """Return a customer of this account, one that is `deleted` only where that is wanted."""
        found = self.customers.get(id_)
        if found is None or found.account is not account or (found.deleted and not deleted):
            raise missing("customer", id_)
        return found

    def found(self, account: Account, wanted: dict[str, str], before: int) -> list[Customer]:
        """Return what a search for metadata finds: nothing that is newer."""
        return [
            one
            for one in self.customers.values()
            if wanted
            and one.account is account
            and not one.deleted
            and one.at <= before
            and wanted.items() <= one.metadata.items()
        ]

    def card(self, account: Account, id_: str) -> Card:
        """Return a card of this account."""
        found = self.cards.get(id_)
        if found is None or found.account is not account:
            raise missing("PaymentMethod", id_)
        return found

    def kept_for(self, customer: Customer) -> list[Card]:
        """Return the cards that are attached to a customer."""
        return [one for one in self.cards.values() if one.customer is customer]

    def check(self, card: Card, customer: Customer | None) -> None:
        """Refuse what Stripe refuses: another's card, and one that was used and not attached."""
        if card.customer is None and card.used:
            raise Refused(
                400, "payment_method_unexpected_state",
                "The provided PaymentMethod was previously used without Customer attachment, or "
                "was detached from a Customer. It may not be used again.",
            )  # fmt: skip
        if card.customer is not None and customer is None:
            raise Refused(
                400, "parameter_missing",
                f"The `payment_method` parameter supplied {card.id} belongs to the Customer "
                f"{card.customer.id}. Please include the Customer in the `customer` parameter on "
                "the PaymentIntent.",
            )  # fmt: skip
        if card.customer is not None and card.customer is not customer:
            raise Refused(
                400, "resource_missing",
                f"The customer does not have a payment method with the ID {card.id}. The payment "
                "method must be attached to the customer.",
            )  # fmt: skip

    def charged(self, card: Card, customer: Customer | None, *, keeps: bool) -> None:
        """Note that a card has paid; one that is to be kept is attached."""
        card.used = True
        if keeps and customer is not None and card.customer is None:
            card.customer = customer
            self._tell(card, customer, "attached")

    def detach(self, card: Card) -> None:
        """Let go of a card for good."""
        customer = card.customer
        if customer is None:
            raise Refused(
                400, None,
                "The payment method you provided is not attached to a customer so detachment is "
                "impossible.",
            )  # fmt: skip
        card.customer, card.used = None, True
        self._tell(card, customer, "detached")

    def renew(self, card: Card, exp_month: int, exp_year: int) -> None:
        """Give a card another end, as banks tell Stripe."""
        card.exp_month, card.exp_year = exp_month, exp_year
        if card.customer is not None:
            self._tell(card, card.customer, "automatically_updated")

    def delete(self, customer: Customer) -> None:
        """Delete a customer with all its cards."""
        for card in self.kept_for(customer):
            card.customer, card.used = None, True
        customer.deleted = True

    def _tell(self, card: Card, customer: Customer, what: str) -> None:
        kind = f"payment_method.{what}"
        self._webhooks.tell(card.account, (card.id, *customer.subjects), kind, shown_card(card))


def shown_customer(one: Customer) -> dict[str, Any]:
    """Return a customer."""
    if one.deleted:
        return {"id": one.id, "object": "customer", "deleted": True}
    return {
        "id": one.id,
        "object": "customer",
        "created": one.at,
        "livemode": False,
        "metadata": one.metadata,
    }
