"""Takes vouchers that were paid for elsewhere: those of the tenant, and by hand those of others.

There is nobody to be asked. What a code of the tenant's own is worth follows from the code, the
secret and the settings; that it pays once the core sees by its reference.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec

from guildbank.kernel.money import format_money
from guildbank.plugin_api import (
    Confirmation,
    Context,
    Decline,
    Manifest,
    NextAction,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    SettingProblem,
    WebhookRejected,
    never_arrived,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_voucher.batches import batch_named, batches_of, fault_in, scale_of
from guildbank_voucher.codes import Code, is_genuine, make, read
from guildbank_voucher.manifest import MANIFEST
from guildbank_voucher.words import (
    FOREIGN,
    other_than,
    read_code,
    read_redeemed,
    read_transaction,
)

DAYS = 3
NAME = "The voucher"
MISTYPED = NotConfirmed(
    code="mistyped",
    detail="A digit of the code is wrong or missing: compare it with the voucher.",
    field="code",
)
NO_SUCH_CODE = NotConfirmed(
    code="wrong_code",
    detail="No voucher of this shop has this code. Nothing was used.",
    field="code",
)
REVOKED = NotConfirmed(
    code="revoked",
    detail="This voucher was revoked and is not taken any more: ask who sold it.",
    field="code",
)
EXPIRED = NotConfirmed(
    code="expired", detail="The last day of this voucher is over: ask who sold it.", field="code"
)
NOT_A_CODE = NotConfirmed(
    code="mistyped",
    detail=f"A code has {FOREIGN.start} to {FOREIGN.stop - 1} characters. Nothing was used.",
    field="code",
)
BUYERS_GIVE_CODES = NotConfirmed(
    code="not_by_operators",
    detail="Vouchers of your own are given by their buyers; nobody confirms them for them.",
)


class VoucherProvider:
    """Waits for a code. One of the tenant's own pays at once; an operator looks at all others."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find batches that say nothing sensible, and codes of one's own without a secret."""
        if not _by_hand(settings) and "secrets" not in settings:
            detail = "Codes of your own need a secret: guildbank-voucher secret makes one."
            return [SettingProblem(field="secrets", detail=detail)]
        try:
            fault = fault_in(batches_of(settings))
        except msgspec.ValidationError as error:
            fault = ("batches", str(error))
        return [] if fault is None else [SettingProblem(field=fault[0], detail=fault[1])]

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Wait for a code, and say what it must be worth and until when."""
        settings = context.settings
        until = context.now + timedelta(days=settings.get("days", DAYS))
        details = {
            "amount": format_money(request.amount_minor, scale_of(request.currency)),
            "currency": request.currency,
            "payUntil": until.date().isoformat(),
        }
        more = {"text": settings["text"]} if "text" in settings else {}
        return Outcome(
            status=OutcomeStatus.PENDING,
            reference=request.attempt_id,
            next_action=NextAction(kind="voucher", details={**details, **more}),
            waits_until=until,
        )

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say that nobody knows more than the core; without a reference nothing was ever shown."""
        if reference is None:
            return never_arrived(attempt_id, context.now, NAME)
        return Outcome(status=OutcomeStatus.UNKNOWN, code="not_confirmed")

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Stop waiting."""
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference, code="not_paid")

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Take a buyer's code, or an operator's word on a code that is looked at by hand."""
        if given.by == "operator":
            if not _by_hand(context.settings):
                return BUYERS_GIVE_CODES
            return _looked_at(given)
        typed = read_code(given.data)
        if isinstance(typed, NotConfirmed):
            return typed
        if _by_hand(context.settings):
            return _handed_in(typed, given)
        code = read(typed)
        return MISTYPED if code is None else _own(context, given.request, code)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Wait until an operator has given the money back; the code stays used."""
        return Outcome(status=OutcomeStatus.PENDING, reference=request.refund_id)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Wait on; one that is not known to wait yet is begun again."""
        if reference is None:
            return never_arrived(request.refund_id, context.now, "The refund of a voucher")
        return Outcome(status=OutcomeStatus.PENDING, reference=reference)

    async def confirm_refund(
        self, context: Context, request: RefundRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Take an operator's word that the money was given back, or with `sent` `no` was not."""
        if data.get("sent") == "no":
            fault = other_than(data, ("sent",))
            return fault or Outcome(status=OutcomeStatus.CANCELED, code="not_sent")
        if (fault := other_than(data, ("transaction",))) is not None:
            return fault
        transaction = read_transaction(data)
        if isinstance(transaction, NotConfirmed):
            return transaction
        return _paid(transaction, request.amount_minor, request.currency)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Believe nothing: nobody delivers events here."""
        return WebhookRejected(code="malformed", detail="vouchers have no events")

    async def test_connection(self, context: Context) -> str:
        """Say what is taken; there is nobody to be called."""
        if _by_hand(context.settings):
            return "Operators look at each code. Nobody was called."
        good = [
            one
            for one in batches_of(context.settings)
            if not one.revoked and not one.is_over(context.now.date())
        ]
        return f"Codes of {len(good)} batches are taken. Nobody was called."

    def rehearsal(self) -> Rehearsal:
        """Return how a buyer would pay each payment of a run; a batch worth 9.00 EUR is needed."""
        return Rehearsal(
            pays="voucher",
            keeps_books=False,
            confirms=_code_for,
            no_old_webhooks="nobody sends webhooks about vouchers",
        )


def _own(context: Context, request: PaymentRequest, code: Code) -> Outcome | NotConfirmed:
    """Judge a code of the tenant's own; one that is not genuine learns nothing of a batch."""
    settings = context.settings
    batch = batch_named(settings, code.batch)
    if batch is None:
        return NO_SUCH_CODE
    value = batch.value_at(context.tenant)
    if not is_genuine(code, value, str(settings["secrets"]).split()):
        return NO_SUCH_CODE
    if batch.revokes(code.serial):
        return REVOKED
    if batch.is_over(context.now.date()):
        return EXPIRED
    if (value.amount_minor, value.currency) != (request.amount_minor, request.currency):
        asked = format_money(request.amount_minor, scale_of(request.currency))
        detail = (
            f"The voucher is worth {batch.amount} {batch.currency}, and {asked} {request.currency} "
            "is to be paid. Nothing was used: buy something at exactly its price."
        )
        return NotConfirmed(code="wrong_amount", detail=detail, field="code")
    # In small letters, which no transaction has that an operator names.
    return _paid(f"voucher-{code.batch}-{code.serial}", value.amount_minor, value.currency)


def _handed_in(typed: str, given: Confirmation) -> Outcome | NotConfirmed:
    """Let a foreign code wait for an operator; the payment's buyer has nothing more to do."""
    if len(typed) not in FOREIGN:
        return NOT_A_CODE
    return Outcome(status=OutcomeStatus.PENDING, reference=given.reference, code="handed_in")


def _looked_at(given: Confirmation) -> Outcome | NotConfirmed:
    """Take what an operator found where the voucher is redeemed."""
    if given.data.get("accepted") == "no":
        fault = other_than(given.data, ("accepted",))
        return fault or Outcome(
            status=OutcomeStatus.DECLINED, code="rejected", decline=Decline.DETAILS_WRONG
        )
    found = read_redeemed(given.data)
    if isinstance(found, NotConfirmed):
        return found
    return _paid(found.transaction, found.amount_minor, found.currency)


def _paid(transaction: str, amount_minor: int, currency: str) -> Outcome:
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=transaction,
        amount_minor=amount_minor,
        currency=currency,
    )


def _by_hand(settings: Mapping[str, Any]) -> bool:
    return settings.get("mode") == "by_hand"


def _code_for(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    """Return a code that pays the request, another one for each attempt."""
    asked = (context.tenant, request.amount_minor, request.currency)
    batch = next(
        (one for one in batches_of(context.settings) if one.value_at(context.tenant) == asked), None
    )
    if batch is None:
        raise LookupError("no batch of the settings is worth what the run asks for")
    number = int.from_bytes(sha256(request.attempt_id.encode()).digest()[:8])
    secret = str(context.settings["secrets"]).split()[0]
    value = batch.value_at(context.tenant)
    return {"code": make(secret, value, batch.batch, number % batch.count + 1)}


PLUGIN = VoucherProvider()
