"""How a subscription stands at Apple, and each of its periods, whether notified of or not.

https://developer.apple.com/documentation/appstoreserverapi/get-all-subscription-statuses and
https://developer.apple.com/documentation/appstoreserverapi/get-transaction-history
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from appstoreserverlibrary.api_client import APIException, GetTransactionHistoryVersion
from appstoreserverlibrary.models.AutoRenewStatus import AutoRenewStatus
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.InAppOwnershipType import InAppOwnershipType
from appstoreserverlibrary.models.LastTransactionsItem import LastTransactionsItem
from appstoreserverlibrary.models.Status import Status
from appstoreserverlibrary.models.TransactionHistoryRequest import (
    Order,
    ProductType,
    TransactionHistoryRequest,
)

from guildbank.kernel import epoch_ms
from guildbank.plugin_api import (
    MAX_REPORTED,
    EventKind,
    ProviderEvent,
    SubscriptionStand,
    SubscriptionState,
)
from guildbank_appstore.api import NOT_THERE, Apple, AppleFailed, check_page, failed
from guildbank_appstore.notifications import reason_of
from guildbank_appstore.refunds import reference_of
from guildbank_appstore.transactions import (
    TRANSACTION_ID,
    Transaction,
    attempt_of,
    end_of,
    subscription_of,
)
from guildbank_appstore.trust import Doubted, read_renewal, read_transaction

EARLIER = timedelta(days=400)
"""How long a purchase may have been made before it was told of here."""
_STATES: Mapping[Status, SubscriptionState] = {
    Status.ACTIVE: SubscriptionState.ACTIVE,
    Status.EXPIRED: SubscriptionState.EXPIRED,
    Status.BILLING_RETRY: SubscriptionState.RETRYING,
    Status.BILLING_GRACE_PERIOD: SubscriptionState.GRACE,
    Status.REVOKED: SubscriptionState.REVOKED,
}


async def fetch(apple: Apple, reference: str, since: datetime) -> SubscriptionStand | None:
    """Return how a subscription stands, None where Apple has none of this name.

    A live tenant with reviewers asks the sandbox for what production does not know.
    """
    if not TRANSACTION_ID.fullmatch(reference):
        return None
    where = apple.environment
    last = await _last(apple, reference, where)
    if last is None and apple.settings.reviewers and where is Environment.PRODUCTION:
        where = Environment.SANDBOX
        last = await _last(apple, reference, where)
    if last is None:
        return None
    newest, renews = _read(apple, last, where)
    state, ends_at = _STATES.get(last.status) if last.status else None, end_of(newest)
    if state is None or ends_at is None:
        raise AppleFailed("Apple does not say how the subscription stands")
    periods = await _periods(apple, reference, since - EARLIER, where)
    return SubscriptionStand(
        state=state,
        ends_at=ends_at,
        renews=renews,
        events=tuple(_events(periods)[-MAX_REPORTED:]),
    )


async def _last(
    apple: Apple, reference: str, environment: Environment
) -> LastTransactionsItem | None:
    """Return the last that Apple has of a subscription. Raises AppleFailed, NoAnswer."""
    try:
        answer = await apple.client(environment).get_all_subscription_statuses(reference)
    except APIException as error:
        if error.api_error in NOT_THERE:
            return None
        raise failed(error) from None
    if answer.bundleId != apple.settings.bundle_id:
        # What is no answer of Apple's is read as one without subscriptions.
        raise AppleFailed("Apple's answer is not about the app")
    found = (one for group in answer.data or () for one in group.lastTransactions or ())
    return next((one for one in found if one.originalTransactionId == reference), None)


def _read(
    apple: Apple, last: LastTransactionsItem, environment: Environment
) -> tuple[Transaction, bool]:
    """Return the newest period, and whether it renews. Raises AppleFailed."""
    settings, now = apple.settings, apple.now
    try:
        newest = read_transaction(settings, environment, last.signedTransactionInfo or "", now)
        renewal = read_renewal(settings, environment, last.signedRenewalInfo or "", now)
    except Doubted as doubted:
        raise AppleFailed(f"Apple's answer is not believed: {doubted.detail}") from None
    return newest, renewal.autoRenewStatus is AutoRenewStatus.ON


async def _periods(
    apple: Apple, reference: str, since: datetime, environment: Environment
) -> Sequence[Transaction]:
    """Return what the buyer paid of a subscription, the oldest first; nothing shared by family."""
    wanted = TransactionHistoryRequest(
        startDate=epoch_ms(since),
        productTypes=[ProductType.AUTO_RENEWABLE],
        inAppOwnershipType=InAppOwnershipType.PURCHASED,
        sort=Order.ASCENDING,
    )
    client, revision, found = apple.client(environment), None, list[Transaction]()
    while True:
        try:
            page = await client.get_transaction_history(
                reference, revision, wanted, GetTransactionHistoryVersion.V2
            )
        except APIException as error:
            raise failed(error) from None
        check_page(page.hasMore)
        for signed in page.signedTransactions or ():
            try:
                one = read_transaction(apple.settings, environment, signed, apple.now)
            except Doubted as doubted:
                raise AppleFailed(f"Apple's answer is not believed: {doubted.detail}") from None
            if subscription_of(one) == reference:
                found.append(one)
        if not page.hasMore or page.revision in (None, revision):
            return found
        revision = page.revision


def _events(periods: Sequence[Transaction]) -> list[ProviderEvent]:
    """Return each period as a payment, and what went back of it as a refund."""
    events = []
    for one in periods:
        attempt_id = attempt_of(one)
        if attempt_id is None or one.transactionId is None:
            continue
        events.append(
            ProviderEvent(
                external_id=f"period/{one.transactionId}",
                kind=EventKind.PAYMENT,
                attempt_id=attempt_id,
                payment_reference=one.transactionId,
            )
        )
        refund = reference_of(one)
        if refund is not None:
            events.append(
                ProviderEvent(
                    external_id=f"period/{refund}",
                    kind=EventKind.REFUND,
                    attempt_id=attempt_id,
                    payment_reference=one.transactionId,
                    refund_reference=refund,
                    reason=reason_of(one),
                )
            )
    return events
