"""A reconciliation: a period of a provider's report, held line by line against the books."""

from datetime import datetime
from enum import StrEnum

import msgspec


class ReconciliationState(StrEnum):
    """How far a reconciliation is."""

    READING = "reading"
    MATCHING = "matching"
    DONE = "done"
    FAILED = "failed"


class Origin(StrEnum):
    """Why a reconciliation was begun."""

    ASKED = "asked"
    DAILY = "daily"
    FILE = "file"
    """Somebody brought the report in a file; the provider is not asked for one."""


class LineState(StrEnum):
    """What came of a line."""

    NEW = "new"
    MATCHED = "matched"
    MISSING_HERE = "missing_here"
    """The provider reports it, and the books know nothing of it."""
    MISSING_THERE = "missing_there"
    """The books have it, and the provider did not report it in time."""
    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
    DUPLICATE = "duplicate"
    FEE = "fee"
    """A line that is a fee and nothing else."""
    NOTED = "noted"
    """A payout or an adjustment: kept, and held against nothing."""


DIFFERING = (
    LineState.MISSING_HERE,
    LineState.MISSING_THERE,
    LineState.AMOUNT_DIFFERS,
    LineState.CURRENCY_DIFFERS,
    LineState.DUPLICATE,
)
"""What a person is to look at."""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """A run over the lines of `since` <= at < `until`; `cursor` is where reading goes on.

    `problem` says why it failed, or what keeps it from going on.
    """

    id: str
    provider: str
    since: datetime
    until: datetime
    state: ReconciliationState
    cursor: str | None
    problem: str | None
    created_at: datetime
    changed_at: datetime
    origin: Origin = Origin.ASKED


class DailyRun(msgspec.Struct, frozen=True):
    """The run of a provider's day, which ended at `until`."""

    provider: str
    until: datetime
    state: ReconciliationState


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a report and what came of it; `ours_minor` is what the books say of the same.

    `looked` says that the provider was asked about the payment because of this line, `fee_seq` is
    the entry that booked its fee.
    """

    reconciliation_id: str
    number: int
    transaction: str
    kind: str
    at: datetime
    money: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    attempt_id: str | None
    refund_id: str | None
    reference: str | None
    payment_reference: str | None
    payout: str | None
    state: LineState
    payment_id: str | None
    ours_minor: int | None
    looked: bool
    fee_seq: int | None
