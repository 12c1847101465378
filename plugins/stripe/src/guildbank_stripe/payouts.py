"""Paying players out: a transfer to the account that a player has under the merchant's (Connect).

https://docs.stripe.com/api/transfers ; Stripe pays nobody's bank account without such an account.
"""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from stripe import InvalidRequestError, StripeClient
from stripe import PermissionError as NotPermitted
from stripe.params import TransferCreateParams

from guildbank.plugin_api import (
    RETURNED,
    Destination,
    DestinationRefused,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
    never_arrived,
)
from guildbank_stripe.amounts import NotExpressible, from_stripe, to_stripe
from guildbank_stripe.objects import PAYOUT, StripeTransfer, read, read_error

_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{6,60}")
_RECEIVES = ("transfers", "legacy_payments")
"""Capabilities by either of which an account is paid (https://docs.stripe.com/connect)."""
_NO = frozenset({400, 403, 404})


class _Account(msgspec.Struct, frozen=True):
    """What an account under the merchant's may do."""

    id: str
    capabilities: dict[str, str] = msgspec.field(default_factory=dict)


async def read_destination(
    client: StripeClient, given: Mapping[str, str]
) -> Destination | DestinationRefused:
    """Return a connected account that takes transfers, or what is wrong with it."""
    name = given.get("account", "").strip()
    if set(given) != {"account"} or not _ACCOUNT.fullmatch(name):
        return _refused("no_account", "Give as account the acct_... of the player at Stripe.")
    try:
        found = read(await client.v1.accounts.retrieve_async(name), _Account)
    except (InvalidRequestError, NotPermitted) as error:
        if error.http_status not in _NO:
            raise
        return _refused("unknown_account", "Stripe shows no such account under the merchant's.")
    if not any(found.capabilities.get(one) == "active" for one in _RECEIVES):
        detail = "The account takes no transfers yet. Its player finishes signing up at Stripe."
        return _refused("transfers_inactive", detail)
    return Destination(kind="stripe_account", label=f".... {name[-4:]}", details={"account": name})


async def pay_out(client: StripeClient, request: PayoutRequest) -> Outcome:
    """Transfer the money, unless a transfer of this payout is already there.

    Stripe forgets an idempotency key after a day or so; its list of transfers never does. The key
    settles a race.
    """
    account = request.details.get("account")
    if account is None:
        return _declined("no_destination", "There is no account to pay to.")
    try:
        amount = to_stripe(request.amount_minor, request.currency)
    except NotExpressible as error:
        return _declined("amount_not_expressible", str(error))
    earlier = await _find(client, request)
    if earlier is not None:
        return _outcome_of(earlier)
    params: TransferCreateParams = {
        "amount": amount,
        "currency": request.currency.lower(),
        "destination": account,
        "transfer_group": request.payout_id,
        "metadata": {PAYOUT: request.payout_id},
    }
    try:
        made = await client.v1.transfers.create_async(
            params, {"idempotency_key": request.idempotency_key}
        )
    except (InvalidRequestError, NotPermitted) as error:
        if error.http_status not in _NO:
            raise
        detail = read_error(error)
        return _declined(detail.code or "invalid_request", detail.message)
    return _outcome_of(read(made, StripeTransfer))


async def fetch(
    client: StripeClient, request: PayoutRequest, reference: str | None, now: datetime
) -> Outcome:
    """Say how a payout stands, by Stripe's id or by ours, which is the transfer's group."""
    if reference is None:
        found = await _find(client, request)
        return (
            never_arrived(request.payout_id, now, "Stripe") if found is None else _outcome_of(found)
        )
    try:
        transfer = read(await client.v1.transfers.retrieve_async(reference), StripeTransfer)
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    if (transfer.metadata or {}).get(PAYOUT) != request.payout_id:
        raise LookupError(f"the transfer {transfer.id} is not of {request.payout_id}")
    return _outcome_of(transfer)


async def _find(client: StripeClient, request: PayoutRequest) -> StripeTransfer | None:
    page = await client.v1.transfers.list_async({"transfer_group": request.payout_id, "limit": 10})
    for found in page.data:
        transfer = read(found, StripeTransfer)
        if (transfer.metadata or {}).get(PAYOUT) == request.payout_id:
            return transfer
    return None


def _outcome_of(transfer: StripeTransfer) -> Outcome:
    """Say how a transfer stands; one of which only a part was reversed was paid."""
    if transfer.amount_reversed >= transfer.amount:
        return Outcome(status=OutcomeStatus.CANCELED, reference=transfer.id, code=RETURNED)
    currency = transfer.currency.upper()
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=transfer.id,
        amount_minor=from_stripe(transfer.amount, currency),
        currency=currency,
    )


def _refused(code: str, detail: str) -> DestinationRefused:
    return DestinationRefused(code=code, detail=detail, field="account")


def _declined(code: str, message: str | None) -> Outcome:
    return Outcome(status=OutcomeStatus.DECLINED, code=code[:60], message=message)
