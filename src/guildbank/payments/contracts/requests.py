"""What a player asks back and what became of it: the row of a refund request, and its commands."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

REFUND_REQUESTED = "payments.refund_requested"
REQUEST_REJECTED = "payments.refund_request_rejected"
REQUEST_WITHDRAWN = "payments.refund_request_withdrawn"
REFUND_POLICY_SET = "payments.refund_policy_set"


class RequestState(StrEnum):
    """Where a request stands; once granted, its refund goes on by itself."""

    OPEN = "open"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RequestReason(StrEnum):
    """Why a player wants money back, of a list that can be counted."""

    BY_MISTAKE = "by_mistake"
    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    BOUGHT_TWICE = "bought_twice"
    BOUGHT_BY_ANOTHER = "bought_by_another"
    CHANGED_MIND = "changed_mind"
    OTHER = "other"


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for money back: `amount_minor` of `money`, or all that is left where it is None.

    `sealed_text` is what the player wrote, `sealed_words` what the tenant's people said of the
    decision (`answer` to the player, `note` for the record): both under the person's key.
    `decided_by` and `because` (as JSON) say who or what decided; `refund_id` is what was granted.
    """

    id: str
    payment_id: str
    player_id: str
    state: RequestState
    reason: RequestReason
    amount_minor: int | None
    money: str
    sealed_text: bytes | None
    sealed_words: bytes | None
    refund_id: str | None
    decided_by: str | None
    because: str | None
    created_at: datetime
    decided_at: datetime | None


class AskCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A player's wish. In its fingerprint the salted hash of the text stands for the text."""

    payment_id: str
    reason: RequestReason
    amount_minor: int | None
    money: str | None
    text: str | None


class RejectCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A no: the `answer` is a sentence for the player, the `note` is for the record."""

    request_id: str
    answer: str
    note: str | None


class GrantCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A yes, to an amount or to all that was asked for; the `note` is for the record."""

    request_id: str
    amount_minor: int | None
    money: str | None
    note: str | None


class GrantRule(msgspec.Struct, frozen=True, kw_only=True):
    """Grants by itself what comes `within_hours` after the credit, while all coins are unspent.

    Up to so many minor units by money, and to who was granted fewer than `most` in `in_days`.
    """

    within_hours: int
    up_to: Mapping[str, int]
    most: int
    in_days: int


class RejectRule(msgspec.Struct, frozen=True, kw_only=True):
    """Rejects by itself what comes later than `after_days` after the credit, with this answer."""

    after_days: int
    answer: str


class RefundPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered without a person; all else waits for one."""

    grant: GrantRule | None = None
    reject: RejectRule | None = None


class StoredPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the policy as it was saved."""

    version: int
    policy: RefundPolicy
    saved_by: str
    saved_at: datetime


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What rules go by: what is asked for, when its coins came, and when others were granted."""

    amount_minor: int
    money: str
    credited_at: datetime
    granted: tuple[datetime, ...]
