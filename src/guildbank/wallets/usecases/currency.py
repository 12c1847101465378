"""Create a currency, or change what may be changed of it."""

from collections.abc import Iterable

from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import ASSETS, Asset, is_money
from guildbank.wallets.contracts import Currency
from guildbank.wallets.purses import ALL, CODES, CURRENCIES

CREATED = "wallets.currency_created"
CHANGED = "wallets.currency_changed"


class SaveCurrencyAct(Act):
    """The code is the currency's identity and never changes; the rest may."""

    verb = "wallets.currency"
    __slots__ = ("create", "currency")

    def __init__(
        self, principal: str, key: str | None, currency: Currency, *, create: bool
    ) -> None:
        super().__init__(principal, key, currency)
        self.currency = currency
        self.create = create

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the currency and its asset, and for a new one the list of all."""
        code = self.currency.code
        own: tuple[Need, ...] = ((CURRENCIES, code), (ASSETS, code))
        return (*own, (CODES, ALL)) if self.create else own

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save it; refused: currency_exists, not_found, invalid_value."""
        code = self.currency.code
        if is_money(code):
            return Refusal(
                code="invalid_value",
                detail=f"{code} is real money (ISO 4217); choose another code.",
                field="code",
            )
        known = stage.get(CURRENCIES, code)
        if self.create and known is not None:
            return Refusal(code="currency_exists", detail=f"{code} exists already.", field="code")
        if not self.create and known is None:
            return Refusal(code="not_found", detail=f"There is no currency {code}.")
        if sorted(self.currency.order) != ["bonus", "free", "paid"]:
            return Refusal(
                code="invalid_value",
                detail="The order names paid, free and bonus, each once.",
                field="order",
            )
        stage.put(CURRENCIES, code, self.currency)
        if self.create:
            stage.put(ASSETS, code, Asset(code, "currency", 0))
            stage.put(CODES, ALL, (*(stage.get(CODES, ALL) or ()), code))
        return Draft(CREATED if self.create else CHANGED, facts(self.currency), before=known)
