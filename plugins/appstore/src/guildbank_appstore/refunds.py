"""Money back: Apple alone gives it, and takes that back where the buyer disputes it.

A refund is named by the transaction and the time of its revocation, which is gone when the refund
was reversed.
"""

from appstoreserverlibrary.models.Environment import Environment

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus, RefundRequest, never_arrived
from guildbank_appstore.api import Apple, AppleFailed
from guildbank_appstore.prices import share_of, to_minor
from guildbank_appstore.transactions import Transaction, is_sandbox


def refused() -> Outcome:
    """Return that nobody but Apple gives money back."""
    return Outcome(
        status=OutcomeStatus.DECLINED,
        code="only_apple_refunds",
        message="Apple gives money back when the buyer asks Apple for it, and nobody else does.",
        decline=Decline.METHOD_NOT_SUPPORTED,
    )


def reference_of(transaction: Transaction) -> str | None:
    """Return the name of the refund that a transaction shows, None where it shows none."""
    if transaction.revocationDate is None:
        return None
    return f"{transaction.transactionId}/{transaction.revocationDate}"


async def fetch(apple: Apple, request: RefundRequest, reference: str | None) -> Outcome:
    """Say whether a refund that Apple told of still stands, and how much it was."""
    if reference is None:
        return never_arrived(request.refund_id, apple.now, "Apple")
    transaction_id = reference.partition("/")[0]
    found = await apple.transaction(transaction_id)
    if found is None and apple.environment is Environment.PRODUCTION:
        found = await apple.transaction(transaction_id, Environment.SANDBOX)
    if found is None:
        raise AppleFailed("Apple does not show the transaction of the refund")
    if reference_of(found) != reference:
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference, code="reversed")
    paid = to_minor(found.price or 0, found.currency or "")
    free = is_sandbox(found) and apple.environment is Environment.PRODUCTION
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=reference,
        amount_minor=0 if free else share_of(paid, found.revocationPercentage),
        currency=found.currency,
    )
