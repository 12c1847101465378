"""Paying players out: a batch of one item for each payout, known by our name for it.

PayPal pays once for a `sender_batch_id` of the last 30 days and refuses it when it comes again,
with a link to the batch that there is. It has no call that finds a batch by it, and its request ids
do not keep a batch from being made twice.
https://developer.paypal.com/docs/api/payments.payouts-batch/v1/
"""

import re
from collections.abc import Mapping

from guildbank.plugin_api import (
    RETURNED,
    SEND_AGAIN,
    Destination,
    DestinationRefused,
    NoAnswer,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank_paypal.amounts import NotExpressible, from_paypal, to_paypal
from guildbank_paypal.client import Client, PayPalFailed, path_of
from guildbank_paypal.objects import PayoutBatch, PayoutItem

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)
_LONGEST_EMAIL = 127
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_BATCH = re.compile(r"/v1/payments/payouts/([A-Za-z0-9_-]{1,40})$")
_STATUS = {
    "SUCCESS": OutcomeStatus.PROCESSED,
    "PENDING": OutcomeStatus.PENDING,
    # The receiver has no account yet, and 30 days to open one.
    "UNCLAIMED": OutcomeStatus.PENDING,
    "ONHOLD": OutcomeStatus.PENDING,
    # PayPal does not say that a blocked item has moved no money and will move none.
    "BLOCKED": OutcomeStatus.PENDING,
    "FAILED": OutcomeStatus.DECLINED,
    "DENIED": OutcomeStatus.DECLINED,
    "RETURNED": OutcomeStatus.CANCELED,
    "REFUNDED": OutcomeStatus.CANCELED,
    "REVERSED": OutcomeStatus.CANCELED,
}
_OF_NO_ITEM = {
    "DENIED": OutcomeStatus.DECLINED,
    "CANCELED": OutcomeStatus.CANCELED,
}
"""Batches that ended before they had an item; every other one is at work."""
_REFUSALS = frozenset({400, 403, 422})
"""A 403 says that the account may not pay out: nothing was done for this request."""


def read_destination(given: Mapping[str, str]) -> Destination | DestinationRefused:
    """Return the address of a PayPal account, or what is wrong with it."""
    email = given.get("email", "").strip()
    if set(given) != {"email"} or len(email) > _LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        detail = "Give as email the address of the player's PayPal account."
        return DestinationRefused(code="no_email", detail=detail, field="email")
    name, _, host = email.partition("@")
    return Destination(
        kind="paypal_email", label=f"{name[0]}....@{host[0]}....", details={"email": email}
    )


async def pay_out(client: Client, request: PayoutRequest) -> Outcome:
    """Send the money; of a payout that was sent before, say how it stands."""
    email = request.details.get("email")
    if email is None:
        return _declined("no_destination", "There is no address to pay to.")
    try:
        value = to_paypal(request.amount_minor, request.currency)
    except NotExpressible as error:
        return _declined("amount_not_expressible", str(error))
    path = path_of("v1", "payments", "payouts")
    made = await client.post(
        path, request.idempotency_key, _batch(request, email, value), PayoutBatch, _REFUSALS
    )
    if isinstance(made, PayoutBatch):
        return await _after(client, request, made)
    if made.name == "USER_BUSINESS_ERROR" and made.field.upper() == "SENDER_BATCH_ID":
        named = _BATCH.search(made.link)
        if named is None:
            raise PayPalFailed("PayPal has the payout already and does not say which it is")
        return await fetch(client, request, named[1])
    return _declined(made.issue, made.message)


async def fetch(client: Client, request: PayoutRequest, reference: str | None) -> Outcome:
    """Say how a payout stands; without PayPal's name of it only sending it again can."""
    if reference is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, code=SEND_AGAIN)
    batch = await client.get(path_of("v1", "payments", "payouts", reference), PayoutBatch)
    if batch is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    return _outcome_of(request, batch)


async def confirm(
    client: Client, request: PayoutRequest, data: Mapping[str, str]
) -> Outcome | NotConfirmed:
    """Say how the batch stands that an operator found: of no word but PayPal's a payout ends."""
    named = data.get("batch", "")
    if set(data) != {"batch"} or not _BATCH_ID.fullmatch(named):
        detail = "Give as batch the id of the payout's batch, as PayPal's pages show it."
        return NotConfirmed(code="no_batch", detail=detail, field="batch")
    try:
        said = await fetch(client, request, named)
    except LookupError:
        detail = "That batch has another name than this payout."
        return NotConfirmed(code="other_batch", detail=detail, field="batch")
    if said.status is OutcomeStatus.UNKNOWN:
        detail = "PayPal shows no such batch, or does not say how it stands."
        return NotConfirmed(code="unknown_batch", detail=detail, field="batch")
    return said


async def _after(client: Client, request: PayoutRequest, made: PayoutBatch) -> Outcome:
    """Look once at what was just made: the answer to a new batch has no item yet."""
    try:
        return await fetch(client, request, made.batch_header.payout_batch_id)
    except (NoAnswer, PayPalFailed):
        return _outcome_of(request, made)


def _outcome_of(request: PayoutRequest, batch: PayoutBatch) -> Outcome:
    header = batch.batch_header
    if header.sender_batch_header.sender_batch_id != request.payout_id:
        raise LookupError(f"the batch {header.payout_batch_id} is not of {request.payout_id}")
    reference = header.payout_batch_id
    if not batch.items:
        status = _OF_NO_ITEM.get(header.batch_status, OutcomeStatus.PENDING)
        return Outcome(status=status, reference=reference, code=header.batch_status[:60])
    item = batch.items[0]
    status = _STATUS.get(item.transaction_status, OutcomeStatus.UNKNOWN)
    if status is not OutcomeStatus.PROCESSED:
        code = RETURNED if status is OutcomeStatus.CANCELED else _reason(item)
        return Outcome(status=status, reference=reference, code=code)
    amount = item.payout_item.amount
    return Outcome(
        status=status,
        reference=reference,
        amount_minor=from_paypal(amount.value, amount.currency),
        currency=amount.currency,
    )


def _reason(item: PayoutItem) -> str:
    return ((item.errors and item.errors.name) or item.transaction_status)[:60]


def _declined(code: str, message: str | None) -> Outcome:
    return Outcome(status=OutcomeStatus.DECLINED, code=code[:60], message=message)


def _batch(request: PayoutRequest, email: str, value: str) -> dict[str, object]:
    return {
        "sender_batch_header": {"sender_batch_id": request.payout_id, "recipient_type": "EMAIL"},
        "items": [
            {
                "recipient_type": "EMAIL",
                "receiver": email,
                "amount": {"currency": request.currency, "value": value},
                "sender_item_id": request.payout_id,
            }
        ],
    }
