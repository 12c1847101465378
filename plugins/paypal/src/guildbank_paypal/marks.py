"""What we write on an order: whose it is, and that it is over.

PayPal cannot cancel an order. But only our own capture takes its money, so an order is over once it
says so itself and every look reads that first. `custom_id` holds up to 127 characters and can be
changed until the order is captured (https://developer.paypal.com/docs/api/orders/v2/#orders_patch).
"""

import re
from typing import NamedTuple

_ATTEMPT = re.compile(r"att_[0-9a-hjkmnp-tv-z]{26}")
_REFUND = re.compile(r"ref_[0-9a-hjkmnp-tv-z]{26}")
_PAYOUT = re.compile(r"pyo_[0-9a-hjkmnp-tv-z]{26}")
CANCELED = "canceled"
DECLINED = "declined"


class Mark(NamedTuple):
    """What stands on an order or refund; None for what is not ours."""

    attempt_id: str | None = None
    refund_id: str | None = None
    ended: str | None = None
    code: str | None = None


def canceled(attempt_id: str) -> str:
    """Return the mark of an order that nobody may pay any more."""
    return f"{attempt_id}/{CANCELED}"


def declined(attempt_id: str, code: str) -> str:
    """Return the mark of an order whose payment was refused for good."""
    return f"{attempt_id}/{DECLINED}/{code[:60].replace('/', '_')}"


def of_refund(attempt_id: str, refund_id: str) -> str:
    """Return the mark of a refund: PayPal's events of refunds name neither order nor attempt."""
    return f"{attempt_id}/{refund_id}"


def read_mark(custom_id: str | None) -> Mark:
    """Return what a `custom_id` says."""
    attempt_id, *rest = (custom_id or "").split("/")
    if not _ATTEMPT.fullmatch(attempt_id):
        return Mark()
    match rest:
        case [refund_id] if _REFUND.fullmatch(refund_id):
            return Mark(attempt_id, refund_id)
        case ["canceled"]:
            return Mark(attempt_id, ended=CANCELED)
        case ["declined", code]:
            return Mark(attempt_id, ended=DECLINED, code=code)
    return Mark(attempt_id)


def read_payout(text: str | None) -> str | None:
    """Return the payout that a batch, an item or a line of the report names, if it is ours."""
    return text if text and _PAYOUT.fullmatch(text) else None
