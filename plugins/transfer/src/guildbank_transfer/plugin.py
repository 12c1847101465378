"""Takes money by bank transfer: shows where to pay, and takes an operator's word that it came.

There is nobody to be asked: it keeps no books, and what it cannot know it calls unknown.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from iso4217 import Currency

from guildbank.kernel.money import format_money
from guildbank.plugin_api import (
    Confirmation,
    Context,
    Destination,
    DestinationRefused,
    Manifest,
    NextAction,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    PayoutRequest,
    ProviderEvent,
    RefundRequest,
    SettingProblem,
    WebhookRejected,
    never_arrived,
)
from guildbank.plugin_api.conformance import Rehearsal
from guildbank_transfer.checked import in_groups, is_iban, plain, reference_of
from guildbank_transfer.manifest import MANIFEST
from guildbank_transfer.payouts import read_destination, read_word
from guildbank_transfer.words import read_statement, read_transaction, unknown

DAYS = 14
NAME = "The bank transfer"


class BankTransferProvider:
    """Shows an account and a reference; an operator who reads the statement does the rest."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find an IBAN whose check digits are wrong."""
        iban = settings.get("iban")
        if isinstance(iban, str) and not is_iban(plain(iban)):
            detail = "The check digits are wrong: compare it with what the bank wrote."
            return [SettingProblem(field="iban", detail=detail)]
        return []

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        """Show at once where to pay, by which reference and until when."""
        settings = context.settings
        iban = plain(str(settings["iban"]))
        if not is_iban(iban):
            raise ValueError("the IBAN of the settings has wrong check digits")
        until = context.now + timedelta(days=settings.get("days", DAYS))
        reference = reference_of(request.attempt_id)
        scale = Currency(request.currency).exponent or 0
        details = {
            "holder": settings["holder"],
            "iban": in_groups(iban),
            "amount": format_money(request.amount_minor, scale),
            "currency": request.currency,
            "reference": in_groups(reference),
            "payUntil": until.date().isoformat(),
        }
        more = {name: settings[name] for name in ("bic", "text") if name in settings}
        return Outcome(
            status=OutcomeStatus.PENDING,
            reference=reference,
            next_action=NextAction(kind="bank_transfer", details={**details, **more}),
            waits_until=until,
        )

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Say that only the statement can tell; without a reference nothing was ever shown."""
        if reference is None:
            return never_arrived(attempt_id, context.now, NAME)
        return Outcome(status=OutcomeStatus.UNKNOWN, code="not_confirmed")

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Stop waiting. Money that comes all the same is confirmed, booked aside and given back."""
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference, code="not_paid")

    async def confirm(self, context: Context, given: Confirmation) -> Outcome | NotConfirmed:
        """Take what an operator read: any amount and money, for the core compares them."""
        line = read_statement(given.data)
        if isinstance(line, NotConfirmed):
            return line
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=line.transaction,
            amount_minor=line.amount_minor,
            currency=line.currency,
        )

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        """Wait until an operator has sent the money back."""
        return Outcome(status=OutcomeStatus.PENDING, reference=request.refund_id)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        """Wait on; one that is not known to wait yet is begun again."""
        if reference is None:
            return never_arrived(request.refund_id, context.now, "The refund by transfer")
        return Outcome(status=OutcomeStatus.PENDING, reference=reference)

    async def confirm_refund(
        self, context: Context, request: RefundRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Take an operator's word that the money was sent, or with `sent` `no` that it was not."""
        if data.get("sent") == "no":
            fault = unknown(data, ("sent",))
            return fault or Outcome(status=OutcomeStatus.CANCELED, code="not_sent")
        if (fault := unknown(data, ("transaction",))) is not None:
            return fault
        transaction = read_transaction(data)
        if isinstance(transaction, NotConfirmed):
            return transaction
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=transaction,
            amount_minor=request.amount_minor,
            currency=request.currency,
        )

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Read an account; nobody can be asked whether it exists."""
        return read_destination(given)

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Wait until an operator has sent the money."""
        return Outcome(status=OutcomeStatus.PENDING, reference=request.payout_id)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Wait on; one that is not known to wait yet is begun again."""
        if reference is None:
            return never_arrived(request.payout_id, context.now, "The payout by transfer")
        return Outcome(status=OutcomeStatus.PENDING, reference=reference)

    async def confirm_payout(
        self, context: Context, request: PayoutRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Take an operator's word that the money was sent, was not, or came back."""
        return read_word(request, data)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        """Believe nothing: no bank delivers events here."""
        return WebhookRejected(code="malformed", detail="bank transfers have no events")

    async def test_connection(self, context: Context) -> str:
        """Say which account buyers are shown; there is nobody to be called."""
        iban = plain(str(context.settings["iban"]))
        if not is_iban(iban):
            raise ValueError("the IBAN of the settings has wrong check digits")
        return f"Buyers pay to {in_groups(iban)}. No bank was called."

    def rehearsal(self) -> Rehearsal:
        """Return how an operator would confirm each payment of a run."""
        return Rehearsal(
            pays="transfer",
            keeps_books=False,
            confirms=_statement_of,
            pays_to=ACCOUNT,
            no_old_webhooks="nobody sends webhooks about transfers between banks",
        )


ACCOUNT = {"holder": "A. Nderson", "iban": "DE89 3704 0044 0532 0130 00"}


def _statement_of(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    scale = Currency(request.currency).exponent or 0
    return {
        "amount": format_money(request.amount_minor, scale),
        "currency": request.currency,
        "transaction": request.attempt_id,
    }


PLUGIN = BankTransferProvider()
