"""Pays out by bank transfer: reads an account's IBAN, and takes an operator's word on the rest."""

from collections.abc import Mapping

from guildbank.plugin_api import (
    RETURNED,
    Destination,
    DestinationRefused,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank_transfer.checked import is_iban, plain
from guildbank_transfer.words import read_transaction, unknown

MAX_HOLDER = 70
"""As many characters as a SEPA transfer has for a name."""


def read_destination(given: Mapping[str, str]) -> Destination | DestinationRefused:
    """Return the account, or what is wrong with it: a name, an IBAN, and perhaps a BIC."""
    other = next((name for name in given if name not in ("holder", "iban", "bic")), None)
    if other is not None:
        return _wrong(other, "Give holder, iban and bic, and nothing else.")
    holder = " ".join(given.get("holder", "").split())
    if not 1 <= len(holder) <= MAX_HOLDER:
        return _wrong("holder", f"Name the account's holder in at most {MAX_HOLDER} characters.")
    iban = plain(given.get("iban", ""))
    if not is_iban(iban):
        return _wrong("iban", "The check digits are wrong: compare it with what the bank wrote.")
    details = {"holder": holder, "iban": iban}
    if "bic" in given:
        details["bic"] = plain(given["bic"])
    return Destination(kind="bank_account", label=f"{iban[:2]}.. .... {iban[-4:]}", details=details)


def read_word(request: PayoutRequest, data: Mapping[str, str]) -> Outcome | NotConfirmed:
    """Return what an operator says: the transaction that sent it, `sent` no, or `returned` yes."""
    if data.get("sent") == "no":
        fault = unknown(data, ("sent",))
        return fault or Outcome(status=OutcomeStatus.CANCELED, code="not_sent")
    if data.get("returned") == "yes":
        fault = unknown(data, ("returned",))
        return fault or Outcome(status=OutcomeStatus.CANCELED, code=RETURNED)
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


def _wrong(field: str, detail: str) -> DestinationRefused:
    return DestinationRefused(code="wrong_account", detail=detail, field=field)
