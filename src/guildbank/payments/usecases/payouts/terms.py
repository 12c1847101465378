"""Say how coins of a currency are paid out; without terms they are not."""

from typing import ClassVar

from guildbank.approvals import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import is_money
from guildbank.payments.contracts.payouts import PAYOUT_TERMS_SET, PayoutTerms
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_CURRENCY
from guildbank.payments.payouts import TERMS, all_terms
from guildbank.payments.usecases import Payments
from guildbank.wallets import CURRENCIES

SET_TERMS = "payout-terms:write"


class SetPayoutTerms(Act):
    """Puts other terms in the place of a currency's; payouts that were requested keep theirs."""

    verb: ClassVar[str] = "payments.set_payout_terms"
    __slots__ = ("terms",)

    def __init__(self, principal: str, terms: PayoutTerms) -> None:
        super().__init__(principal)
        self.terms = terms

    def needs(self, stage: Stage) -> list[Need]:
        """Return the currency and its terms."""
        return [(CURRENCIES, self.terms.currency), (TERMS, self.terms.currency)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set them. Refusals: `not_found`, `no_change`."""
        code = self.terms.currency
        if stage.get(CURRENCIES, code) is None:
            return NO_CURRENCY
        known = stage.get(TERMS, code)
        if known == self.terms:
            return NO_CHANGE
        stage.put(TERMS, code, self.terms)
        return Draft(PAYOUT_TERMS_SET, facts(self.terms), before=known)


def check_terms(terms: PayoutTerms) -> Refusal | None:
    """Return what is wrong with terms: `invalid_value` with its field."""
    if not is_money(terms.money):
        return _wrong("Coins are paid out in a currency of ISO 4217.", "rate.amount.currency")
    if terms.least_coins > terms.most_coins:
        return _wrong("The least of a payout is more than the most.", "leastCoins")
    if len(set(terms.buckets)) != len(terms.buckets):
        return _wrong("A bucket is named twice.", "buckets")
    return None


def _wrong(detail: str, field: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field=field)


async def set_payout_terms(
    payments: Payments, tenant: TenantRef, principal: str, terms: PayoutTerms
) -> Outcome:
    """Set a currency's terms, or store the wish for them.

    Refusals: `invalid_value`, `not_found`, `no_change`, `too_many_approvals`, `tenant_suspended`.
    Raises Unavailable.
    """
    if (wrong := check_terms(terms)) is not None:
        return wrong
    act = SetPayoutTerms(principal, terms)
    gated = await gate(payments.four_eyes, tenant, act, act.verb, terms)
    return await payments.journal.submit(tenant.schema, gated)


async def list_payout_terms(payments: Payments, tenant: TenantRef) -> list[PayoutTerms]:
    """Return the terms of all currencies that have some."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await all_terms(tx.driver)
