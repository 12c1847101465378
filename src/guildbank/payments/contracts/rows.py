"""The rows of a payment and the states that they go through."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from guildbank.payments.contracts.requests import REFUND_POLICY_SET
from guildbank.payments.contracts.saved import Saving
from guildbank.payments.contracts.spent import SPENT_COINS_SET

PAYMENTS_ORDER = 60


class IntentState(StrEnum):
    """Where a payment stands: what the player wants, over all attempts."""

    CREATED = "created"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    """Money came, but its coins could not be credited; it is on its way back. Or it is a free
    period of a store's, which credits nothing."""
    CREDITED = "credited"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    CONFLICTED = "conflicted"
    UNKNOWN = "unknown"


class AttemptState(StrEnum):
    """Where one try with one provider stands."""

    CREATED = "created"
    """Recorded; the request may or may not have left."""
    PENDING = "pending"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class RefundState(StrEnum):
    """Where a refund stands; its coins and money are set aside from the beginning."""

    CREATED = "created"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a dispute stands."""

    PREVENTED = "prevented"
    EARLY_WARNING = "early_warning"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class EvidenceState(StrEnum):
    """What became of the evidence that answers a dispute."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    """The provider did not say that it has it; it is asked."""
    SUBMITTED = "submitted"
    REFUSED = "refused"
    """Nothing was handed in, so that it can be tried again."""


class Applied(StrEnum):
    """Where captured money was booked: behind coins, or aside until it is given back."""

    CREDITED = "credited"
    UNAPPLIED = "unapplied"


class Finish(StrEnum):
    """Whether a store was told that its purchase is credited, where it waits for that."""

    DUE = "due"
    DONE = "done"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. `currency` is of the coins, `money` of the price, `amount_minor` its minor units.

    `credited_seq` is the entry that credited it, its lots are at `paid_leg` and `bonus_leg`;
    `taken_paid` and `taken_bonus` count the coins that refunds and disputes claimed back.
    `reserved` says whether the counters in `limits` hold this sale now. It runs through `revision`
    of the pipeline of its `purpose` until it is credited. `problem_detail` is the sentence for the
    player of a check that refused it. `platform` is where it was begun, in the buyer's word;
    `because` is the Because of its newest attempt as JSON. `device` is the keyed hash of the token
    of the device that asked last. `amount_minor` is what is asked for in all: the price and what
    its lines add, which are `charges` as JSON, None where no charge step was asked. `room` says
    whether room for its coins is kept below its currency's ceiling now.
    """

    id: str
    state: IntentState
    player_id: str
    provider: str
    product_id: str
    product_version: int
    title: str
    currency: str
    coins: int
    bonus: int
    money: str
    amount_minor: int
    country: str | None
    limits: str
    reserved: bool
    attempts: int
    attempt_id: str | None
    problem: str | None
    credited_seq: int | None
    credited_at: datetime | None
    paid_leg: int | None
    bonus_leg: int | None
    taken_paid: int
    taken_bonus: int
    created_at: datetime
    expires_at: datetime
    changed_at: datetime
    purpose: str
    revision: int
    problem_detail: str | None = None
    platform: str | None = None
    because: str = "{}"
    device: str | None = None
    charges: str | None = None
    room: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try with one provider: a transaction there, under `reference`.

    `request` is the exact request, kept before it was sent. What was captured is split over
    time: `refunding_minor` is on its way back, `refunded_minor` is back, `disputed_minor` was
    withdrawn by disputes, of which `undecided_minor` by those that are not decided; `aside_minor`
    is claimed by disputes that withdrew nothing yet.
    `method_id` is the saved method that pays, `customer_id` for whom its provider keeps methods;
    the provider's own names of them are left out of the stored request. `saves` says what becomes
    of the method that pays, `saves_by` who agreed to its being kept. `state_version` is that of the
    plugin's manifest when it was begun: who goes on must read it.
    """

    id: str
    payment_id: str
    number: int
    provider: str
    state: AttemptState
    reference: str | None
    request: str
    action: str | None
    code: str | None
    applied: Applied | None
    captured_minor: int
    captured_money: str | None
    refunding_minor: int
    refunded_minor: int
    disputed_minor: int
    open_disputes: int
    created_at: datetime
    changed_at: datetime
    because: str = "{}"
    finish: Finish | None = None
    method_id: str | None = None
    customer_id: str | None = None
    saves: Saving | None = None
    saves_by: str | None = None
    state_version: int = 1
    aside_minor: int = 0
    undecided_minor: int = 0

    @property
    def given_back_minor(self) -> int:
        """Return what is back, on its way back, or withdrawn."""
        return self.refunding_minor + self.refunded_minor + self.disputed_minor

    @property
    def settled_minor(self) -> int:
        """Return for how much of it taxes, fees and coins went as well."""
        return self.given_back_minor - self.undecided_minor

    @property
    def claimed_minor(self) -> int:
        """Return what is given back, and what open disputes ask for besides."""
        return self.given_back_minor + self.aside_minor

    @property
    def left_minor(self) -> int:
        """Return what can still be refunded."""
        return max(0, self.captured_minor - self.claimed_minor)


AFTER_CREDIT = -1


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks before attempt `number` said, 0 before the payment, AFTER_CREDIT after it was
    credited; `answers` are JSON.
    """

    id: str
    payment_id: str
    number: int
    answers: str
    at: datetime


class Claw(msgspec.Struct, frozen=True, array_like=True):
    """Coins taken by transfer (seq, leg) at `offset`; in their first lot they are at `position`."""

    bucket: str
    seq: int
    leg: int
    offset: int
    amount: int
    position: int


class Taking(msgspec.Struct, frozen=True):
    """What a refund or dispute took back: `paid` and `bonus` coins, of which the claws name those
    found unspent; of the rest so many coins are `written_off` and the others owed. `basis_minor`
    is what the clawed paid coins had cost, `taxes` and `fees` what else of the money was that.
    `items` were taken so that their coins came back first, in the words of who sold them.
    `aside` says that a dispute is not decided: what the claws name lies in suspense, `basis_minor`
    beside it, and nothing is owed or written off for the rest yet.
    """

    paid: int = 0
    bonus: int = 0
    basis_minor: int = 0
    claws: tuple[Claw, ...] = ()
    written_off: int = 0
    taxes: int = 0
    fees: int = 0
    items: tuple[Mapping[str, object], ...] = ()
    aside: bool = False

    def clawed(self, bucket: str) -> int:
        """Return the coins taken out of one bucket."""
        return sum(claw.amount for claw in self.claws if claw.bucket == bucket)

    @property
    def owed(self) -> int:
        """Return the coins that became a debt."""
        return 0 if self.aside else self.paid + self.bonus - self.written_off - self.found

    @property
    def found(self) -> int:
        """Return the coins that were found unspent and taken."""
        return sum(claw.amount for claw in self.claws)


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back: `origin` merchant, system (unapplied money) or provider (its dashboard).

    `sealed_reason` is what the tenant's people wrote, under the person's key.
    """

    id: str
    payment_id: str
    attempt_id: str
    provider: str
    source: Applied
    origin: str
    state: RefundState
    amount_minor: int
    money: str
    reason: str | None
    reference: str | None
    request: str
    taking: str
    code: str | None
    created_at: datetime
    changed_at: datetime
    sealed_reason: bytes | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute: money moves at `withdrawn` and back at `reinstated`, whatever its state says.
    Coins lie in suspense from the claim on, as `taking` says, until it is decided.

    `answer_by` is until when its provider takes evidence. `evidence_id` names the answer that was
    given, `evidence_by` who gave it, nobody known where that was done at the provider;
    `sealed_evidence` is its texts under the buyer's key. `withdrawn_at` and `reinstated_at` are
    when the books learned of it, None too where an earlier version did.
    """

    id: str
    payment_id: str
    attempt_id: str
    provider: str
    reference: str
    state: DisputeState
    amount_minor: int
    money: str
    withdrawn: bool
    reinstated: bool
    reason: str | None
    taking: str
    created_at: datetime
    changed_at: datetime
    answer_by: datetime | None = None
    evidence_id: str | None = None
    evidence_state: EvidenceState | None = None
    evidence_by: str | None = None
    evidence_at: datetime | None = None
    evidence_code: str | None = None
    sealed_evidence: bytes | None = None
    withdrawn_at: datetime | None = None
    reinstated_at: datetime | None = None


class Dossier(NamedTuple):
    """A payment with all that belongs to it."""

    intent: Intent
    attempts: list[Attempt]
    refunds: list[Refund]
    disputes: list[Dispute]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's account at a provider; `settings` is JSON without secrets, `sealed` the rest.

    `version` is that of the plugin that wrote them. `merchant` are the provider's names of whose
    account it is, as JSON, empty where nobody asked or it did not say. `fixed_as` is when the
    settings were set by which it was first used, None before that: whose account it is stays.
    """

    id: str
    enabled: bool
    settings: str
    sealed: bytes
    created_at: datetime
    changed_at: datetime
    version: str = ""
    merchant: str = "[]"
    fixed_as: datetime | None = None

    @property
    def since(self) -> datetime:
        """Since when it is the same account: before its first use, each save begins another."""
        return self.fixed_as or self.changed_at


PROVIDER_CONFIGURED = "payments.provider_configured"
MERCHANT_NAMED = "payments.merchant_named"
CALLBACK_DISABLED = "payments.callback_disabled"
CALLBACK_ENABLED = "payments.callback_enabled"
CALLBACK_SKIPPED = "payments.callback_skipped"
CALLBACKS_REPLAYED = "payments.callbacks_replayed"
CREDITED = "payments.credited"
PAYMENT_ADOPTED = "payments.adopted"
PAYMENT_FINISHED = "payments.finished"
UNAPPLIED_AGED = "payments.unapplied_aged"
UNAPPLIED_CLEARED = "payments.unapplied_cleared"
DISPUTES_DUE = "payments.disputes_due"
RECONCILIATION_STARTED = "payments.reconciliation_started"
RECONCILIATION_MISSED = "payments.reconciliation_missed"
RECONCILIATION_CAUGHT_UP = "payments.reconciliation_caught_up"
FEE_BOOKED = "payments.fee_booked"
EXCHANGES_READ = "payments.exchanges_read"
HANDED_IN_READ = "payments.handed_in_read"
OF_OPERATORS = frozenset(
    {
        REFUND_POLICY_SET,
        SPENT_COINS_SET,
        UNAPPLIED_AGED,
        UNAPPLIED_CLEARED,
        DISPUTES_DUE,
        RECONCILIATION_STARTED,
        RECONCILIATION_MISSED,
        RECONCILIATION_CAUGHT_UP,
        FEE_BOOKED,
        EXCHANGES_READ,
        HANDED_IN_READ,
        PROVIDER_CONFIGURED,
        CALLBACK_DISABLED,
        CALLBACK_ENABLED,
        CALLBACK_SKIPPED,
        CALLBACKS_REPLAYED,
    }
)
"""Kinds of entries for the tenant's operators, of which callback steps are not told."""
