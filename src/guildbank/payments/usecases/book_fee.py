"""Book what a provider kept for itself, once for each line of its reports."""

from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import Leg, account_needs, close_book, open_book
from guildbank.payments import posting
from guildbank.payments.contracts.reports import Line
from guildbank.payments.contracts.rows import FEE_BOOKED
from guildbank.payments.usecases import provider_principal


class BookFee(Act):
    """Move a fee from what the provider holds for us to the fees; one given back goes back.

    The line's transaction is the key, so that no later report books it a second time, and one that
    names another amount for it is refused.
    """

    verb = "payments.fee"
    __slots__ = ("line", "provider")

    def __init__(self, provider: str, line: Line) -> None:
        super().__init__(
            provider_principal(provider), f"{line.transaction}:fee", (line.money, line.fee_minor)
        )
        self.provider = provider
        self.line = line

    def needs(self, stage: Stage) -> list[Need]:
        """Return the two accounts."""
        money = self.line.money
        return account_needs([posting.provider_account(money, self.provider), posting.fees(money)])

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Book it."""
        line = self.line
        held, fees = posting.provider_account(line.money, self.provider), posting.fees(line.money)
        debit, credit = (fees, held) if line.fee_minor > 0 else (held, fees)
        book = open_book(stage)
        refusal = book.post([Leg((debit,), credit, abs(line.fee_minor))])
        if refusal is not None:
            return refusal
        close_book(stage, book)
        told = {
            "provider": self.provider, "transaction": line.transaction, "money": line.money,
            "amount": line.fee_minor, "payment": line.payment_id, "attempt": line.attempt_id,
        }  # fmt: skip
        return Draft(
            FEE_BOOKED, facts({name: one for name, one in told.items() if one is not None})
        )
