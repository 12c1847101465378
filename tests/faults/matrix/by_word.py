"""Money that somebody confirms: a bank transfer by an operator, a voucher by its buyer.

Nobody is called, so the company's own books are what lies at the bank: its statement.
"""

from typing import Any, ClassVar

from tests.faults.matrix.company import PRICE, Books, Company
from tests.payments.shop import Shop

from guildbank.payments.contracts.rows import Attempt, Refund
from guildbank.plugin_api import Confirmer
from guildbank_transfer.plugin import ACCOUNT, BankTransferProvider
from guildbank_voucher.codes import Value, make, new_secret
from guildbank_voucher.plugin import VoucherProvider


class Transfer(Company):
    """A bank transfer: the player pays at a bank, and an operator reads the statement."""

    provider = "bank_transfer"
    confirmed_by: ClassVar[Confirmer | None] = "operator"

    def __init__(self, hall: Any) -> None:
        super().__init__(hall)
        self.came: set[str] = set()
        self.sent: dict[str, int] = {}
        """What went back, by the attempt and the refund."""

    def plugin(self) -> object:
        return BankTransferProvider()

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        return dict(ACCOUNT)

    async def pay(self, attempt: Attempt, fate: str) -> None:
        self.came.add(attempt.id)

    def word(self, attempt: Attempt) -> dict[str, str]:
        return {"amount": "4.99", "currency": "EUR", "transaction": f"tx-{attempt.id}"}

    def refund_word(self, refund: Refund) -> dict[str, str]:
        self.sent[f"{refund.attempt_id}/{refund.id}"] = refund.amount_minor
        return {"transaction": f"back-{refund.id}"}

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for one in attempts:
            back = sum(n for name, n in self.sent.items() if name.startswith(f"{one.id}/"))
            books = books.plus(Books(PRICE if one.id in self.came else 0, back))
        return books


class Voucher(Transfer):
    """A voucher of the shop's own, sold before: its code pays, and an operator gives back."""

    provider = "voucher"
    confirmed_by = "buyer"

    def __init__(self, hall: Any) -> None:
        super().__init__(hall)
        self.secret = new_secret()
        self.serials: dict[str, int] = {}

    def plugin(self) -> object:
        return VoucherProvider()

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        batch = {"batch": 1, "amount": "4.99", "currency": "EUR", "count": 100_000}
        return {"secrets": self.secret, "batches": [batch]}

    def word(self, attempt: Attempt) -> dict[str, str]:
        serial = self.serials.setdefault(attempt.id, len(self.serials) + 1)
        return {"code": make(self.secret, Value(self.shop.tenant.slug, PRICE, "EUR"), 1, serial)}
