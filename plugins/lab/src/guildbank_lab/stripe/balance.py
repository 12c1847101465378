"""What moved the balance of an account (https://docs.stripe.com/api/balance_transactions/list)."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from guildbank_lab.stripe import wire
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.records import Account
from guildbank_lab.stripe.transfers import shown_reversal, shown_transfer
from guildbank_lab.stripe.wire import Json

_SHARE, _FIXED = Decimal("0.015"), 25
_DISPUTE_FEE = 1_500


def lines_of(stripe: StripeDesk, account: Account) -> list[Json]:
    """Return the lines of payments, refunds, disputes and transfers, the newest first."""
    found = [
        *_of_payments(stripe, account), *_of_disputes(stripe, account),
        *_of_transfers(stripe, account),
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one["created"], one["id"]), reverse=True)


def fee_of(amount: int) -> int:
    """Return what Stripe keeps of a payment: 1.5 % and 25 of its smallest coin."""
    share = (amount * _SHARE).quantize(Decimal(1), ROUND_HALF_UP)
    return min(amount, int(share) + _FIXED)


def _of_payments(stripe: StripeDesk, account: Account) -> Iterator[Json]:
    for intent in stripe.intents.values():
        if intent.account is not account or not intent.received:
            continue
        charge = {
            "id": f"ch_{intent.id[3:]}",
            "object": "charge",
            "metadata": intent.metadata,
            "payment_intent": intent.id,
        }
        fee, money = fee_of(intent.received), intent.currency
        yield _line(
            f"txn_{intent.id[3:]}", "charge", (intent.received, fee), money, intent.at, charge
        )
        for one in intent.refunds:
            if one.status == "succeeded":
                shown = wire.refund(intent, one)
                yield _line(f"txn_{one.id[3:]}", "refund", (-one.amount, 0), money, one.at, shown)


def _of_disputes(stripe: StripeDesk, account: Account) -> Iterator[Json]:
    """Yield what disputes moved; their fee comes with the money and stays."""
    for one in stripe.disputes.values():
        if one.intent.account is not account:
            continue
        for number, (category, amount, at) in enumerate(one.moved):
            fee = _DISPUTE_FEE if amount < 0 else 0
            yield _line(
                f"txn_{one.id[3:]}{number}", category, (amount, fee), one.intent.currency, at,
                wire.dispute(one),
            )  # fmt: skip


def _of_transfers(stripe: StripeDesk, account: Account) -> Iterator[Json]:
    for one in stripe.transfers.listed(account, None):
        went = (-one.amount, 0)
        yield _line(one.line, "transfer", went, one.currency, one.at, shown_transfer(one))
        for back in one.reversals:
            shown = shown_reversal(one, back)
            came = (back.amount, 0)
            yield _line(back.line, "transfer_reversal", came, one.currency, back.at, shown)


def _line(
    id_: str, category: str, amounts: tuple[int, int], currency: str, at: int, source: Json
) -> Json:
    amount, fee = amounts
    return {
        "id": id_,
        "object": "balance_transaction",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": currency,
        "created": at,
        "reporting_category": category,
        "source": source,
        "status": "available",
    }
