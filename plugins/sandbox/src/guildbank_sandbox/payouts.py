"""Pays out at the sandbox provider, by its HTTP API."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from guildbank.plugin_api import (
    RETURNED,
    Context,
    Destination,
    DestinationRefused,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
    never_arrived,
)
from guildbank_sandbox import outcomes
from guildbank_sandbox.client import SandboxUnreachable, call
from guildbank_sandbox.places import Place, place_of
from guildbank_sandbox.wire import ErrorBody, PayoutObject, Payouts

_ACCOUNT = re.compile(r"[a-z]+(-[a-z0-9]{1,30})?")


def read_destination(given: Mapping[str, str]) -> Destination | DestinationRefused:
    """Return the account, or what is wrong with it."""
    account = given.get("account", "")
    if set(given) != {"account"} or not _ACCOUNT.fullmatch(account) or place_of(account) is None:
        detail = f"Give as account one of {', '.join(Place)}, perhaps with -0042 behind it."
        return DestinationRefused(code="unknown_account", detail=detail, field="account")
    return Destination(
        kind="sandbox_account", label=f".... {account[-4:]}", details={"account": account}
    )


async def pay_out(context: Context, request: PayoutRequest) -> Outcome:
    """Send money."""
    body: dict[str, object] = {
        "reference": request.payout_id,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "account": request.details.get("account", ""),
        "webhook_url": context.webhook_url,
    }
    answer = await call(
        context, "POST", "/payouts", PayoutObject, body=body,
        idempotency_key=request.idempotency_key,
    )  # fmt: skip
    return outcomes.of_created(answer, of_payout)


async def fetch_payout(context: Context, request: PayoutRequest, reference: str | None) -> Outcome:
    """Say how a payout stands."""
    if reference is not None:
        path = f"/payouts/{quote(reference, safe='')}"
        return outcomes.of_found(await call(context, "GET", path, PayoutObject), of_payout)
    query = {"reference": request.payout_id}
    some = await call(context, "GET", "/payouts", Payouts, query=query)
    if isinstance(some, ErrorBody):
        raise SandboxUnreachable(some.code)
    if not some.items:
        return never_arrived(request.payout_id, context.now, "The sandbox")
    return of_payout(some.items[0])


def of_payout(payout: PayoutObject) -> Outcome:
    """Say how a payout stands; only a paid one has moved its amount."""
    match payout.state:
        case "paid":
            return Outcome(
                status=OutcomeStatus.PROCESSED,
                reference=payout.id,
                amount_minor=payout.amount_minor,
                currency=payout.currency,
            )
        case "pending":
            return Outcome(status=OutcomeStatus.PENDING, reference=payout.id)
        case "failed":
            return Outcome(status=OutcomeStatus.DECLINED, reference=payout.id, code=payout.code)
        case "returned":
            return Outcome(status=OutcomeStatus.CANCELED, reference=payout.id, code=RETURNED)
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=payout.id, code="unknown_state")
