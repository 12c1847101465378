"""What a transaction of the store proves of an attempt: nothing is left to the client's word."""

import re
from datetime import UTC, datetime, timedelta

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.InAppOwnershipType import InAppOwnershipType
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.models.Type import Type

from guildbank.kernel import id_of_uuid, uuid_of
from guildbank.plugin_api import Decline, Outcome, OutcomeStatus, Period
from guildbank_appstore.prices import WHOLE, NotExpressible, to_minor
from guildbank_appstore.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Transaction = JWSTransactionDecodedPayload
TRANSACTION_ID = re.compile(r"[0-9]{1,40}")


def token_of(attempt_id: str) -> str:
    """Return the appAccountToken of an attempt: the UUID that its id is made of."""
    return uuid_of(attempt_id)


def attempt_of(transaction: Transaction) -> str | None:
    """Return the attempt that a transaction names, None where it names none."""
    return id_of_uuid("att", transaction.appAccountToken or "")


def is_gone(transaction: Transaction) -> bool:
    """Say whether all of the money went back to the buyer."""
    percentage = transaction.revocationPercentage
    return transaction.revocationDate is not None and percentage in (None, WHOLE)


def is_subscription(transaction: Transaction) -> bool:
    """Say whether a transaction is a period of a subscription."""
    return transaction.type is Type.AUTO_RENEWABLE_SUBSCRIPTION


def is_shared(transaction: Transaction) -> bool:
    """Say whether somebody of the buyer's family has it: nobody paid for it again."""
    return transaction.inAppOwnershipType is InAppOwnershipType.FAMILY_SHARED


def subscription_of(transaction: Transaction) -> str | None:
    """Return Apple's name of the subscription that a transaction is a period of, None of none."""
    return transaction.originalTransactionId if is_subscription(transaction) else None


def end_of(transaction: Transaction) -> datetime | None:
    """Return until when a period lasts, None where the transaction does not say so."""
    return _at(transaction.expiresDate)


def _at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)


def period_of(transaction: Transaction, settings: Settings, wanted: str | None) -> Period | None:
    """Return the period that a transaction paid, None where it is of no subscription.

    `wanted` is the pack that was asked for. A trial is a period, but nobody paid for it.
    """
    subscription, ends_at = subscription_of(transaction), end_of(transaction)
    began_at = _at(transaction.purchaseDate)
    if subscription is None or began_at is None or ends_at is None:
        return None
    return Period(
        subscription=subscription,
        began_at=began_at,
        ends_at=ends_at,
        product_id=settings.pack_of(transaction.productId, wanted),
        credits=bool(transaction.price) or settings.credit_free_periods,
    )


def outcome_of(
    transaction: Transaction, product: str | None, *, test: bool, period: Period | None = None
) -> Outcome:
    """Return what is certain about the money of an attempt's own transaction.

    The price is the store's. Money for another product than the attempt's, or for several, was
    taken all the same: the core books it aside. `product` is None where nothing was ordered. A
    `test` is a reviewer's, for which nobody paid. A `period` says itself which pack it is of.
    """
    if is_gone(transaction):
        return Outcome(
            status=OutcomeStatus.DECLINED,
            reference=transaction.transactionId,
            code="revoked",
            message="The store gave the money back before the purchase came here.",
            decline=Decline.DECLINED,
        )
    try:
        amount = to_minor(transaction.price or 0, transaction.currency or "")
    except NotExpressible as error:
        return Outcome(status=OutcomeStatus.UNKNOWN, code="price_unusable", message=str(error))
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=transaction.transactionId,
        amount_minor=0 if test else amount,
        currency=transaction.currency,
        conflict=_conflict(transaction, None if period is not None else product),
        is_test=test,
        period=period,
    )


def _conflict(transaction: Transaction, product: str | None) -> str | None:
    """Return why a transaction is not what was asked for, None where it is."""
    if transaction.price is None:
        return "price_missing"
    if product is not None and transaction.productId != product:
        return "product_differs"
    if (transaction.quantity or 1) != 1:
        return "quantity_differs"
    if transaction.type is not Type.CONSUMABLE and not is_subscription(transaction):
        return "not_consumable"
    return None


def is_sandbox(transaction: Transaction) -> bool:
    """Say whether nobody paid: the purchase was made in Apple's sandbox."""
    return transaction.environment is Environment.SANDBOX
