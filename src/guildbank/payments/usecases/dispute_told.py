"""What is told of a dispute, by events or by its provider, and what a dispute makes of that."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from guildbank.payments.contracts.rows import Dispute, DisputeState, EvidenceState
from guildbank.payments.rules import CLOSED_DISPUTES, DISPUTE
from guildbank.plugin_api import DisputeStand, DisputeStatus, EventKind, ProviderEvent


class Told(NamedTuple):
    """What an event says of a dispute, checked to be complete.

    `stand` is how it stands by the event, or by its provider where that was asked. `event_id` tells
    one change of it from another.
    """

    kind: EventKind
    reference: str
    amount_minor: int
    money: str
    reason: str | None
    won: bool | None
    stand: DisputeStand
    event_id: str


def told_by(event: ProviderEvent) -> Told | None:
    """Return what the event says, None when it lacks its dispute or amount."""
    if event.dispute_reference is None or not event.amount_minor or event.currency is None:
        return None
    stand = DisputeStand(
        reference=event.dispute_reference,
        status=event.dispute_status or DisputeStatus.NEEDS_RESPONSE,
        answer_by=event.answer_by,
    )
    return Told(
        event.kind, event.dispute_reference, event.amount_minor, event.currency, event.reason,
        event.won, stand, event.external_id,
    )  # fmt: skip


def numbered(known: Sequence[Dispute], told: Told) -> Told:
    """Return what is told of a dispute, by its own name where several follow each other.

    A company may know one name for all, such as that of an order which is charged back, given back
    and charged back again. What is lost after it was here again is a dispute of its own.
    """
    family = {_number(one.reference, told.reference): one for one in known}
    family.pop(0, None)
    if not family:
        return told
    newest = max(family)
    again = told.kind is EventKind.DISPUTE_LOST and family[newest].reinstated
    name = f"{told.reference}:{newest + 1}" if again else family[newest].reference
    return told._replace(reference=name, stand=msgspec.structs.replace(told.stand, reference=name))


def _number(reference: str, first: str) -> int:
    """Return which of those that the first begins it is, from 1 on; 0 for a stranger."""
    if reference == first:
        return 1
    name, _, digits = reference.rpartition(":")
    return int(digits) if name == first and digits.isdecimal() else 0


def asked(told: Told, stand: DisputeStand) -> Told:
    """Return what an event says, by what its provider said when it was asked afterwards."""
    if stand.amount_minor is None or stand.currency is None:
        return told._replace(stand=stand)
    return told._replace(stand=stand, amount_minor=stand.amount_minor, money=stand.currency)


def untold(known: Dispute, stand: DisputeStand, change_id: str) -> Iterator[Told]:
    """Yield what no event told of a dispute that stands so, in the order in which it is booked.

    `change_id` names this look. A company that tells nothing of the money itself takes it by the
    end, and gives it back by the end. One that says it took nothing is waited for.
    """
    ended = DisputeState(stand.status) in CLOSED_DISPUTES
    lost = stand.status is DisputeStatus.LOST
    undecided = known.state not in CLOSED_DISPUTES
    if not ended and undecided:
        yield _of(known, stand, EventKind.DISPUTE_UPDATED, change_id)
    if stand.withdrawn and not known.withdrawn:
        yield _of(known, stand, EventKind.DISPUTE_FUNDS_WITHDRAWN, change_id)
    if not known.reinstated and (known.withdrawn or stand.withdrawn):
        if stand.reinstated:
            yield _of(known, stand, EventKind.DISPUTE_FUNDS_REINSTATED, change_id)
        elif ended and not lost and stand.withdrawn is None and stand.reinstated is None:
            yield _of(known, stand, EventKind.DISPUTE_TAKEN_BACK, change_id)
    if lost and stand.withdrawn is None and not known.withdrawn:
        yield _of(known, stand, EventKind.DISPUTE_LOST, change_id)
    elif ended and undecided:
        yield _of(known, stand, EventKind.DISPUTE_CLOSED, change_id)


def _of(known: Dispute, stand: DisputeStand, kind: EventKind, change_id: str) -> Told:
    won = stand.status is not DisputeStatus.LOST
    told = Told(
        kind, known.reference, known.amount_minor, known.money, known.reason, won, stand, change_id
    )
    return asked(told, stand)


def noted(dispute: Dispute, stand: DisputeStand) -> Dispute:
    """Return a dispute as its provider says it stands; only the event of its end ends it."""
    after = DisputeState(stand.status)
    moves = after in DISPUTE[dispute.state] and after not in CLOSED_DISPUTES
    fresh = msgspec.structs.replace(
        dispute,
        state=after if moves else dispute.state,
        answer_by=stand.answer_by or dispute.answer_by,
    )
    if not stand.answered or dispute.evidence_state not in (None, EvidenceState.REFUSED):
        return fresh
    # Somebody answered at the provider; what was refused here is not what it has.
    return msgspec.structs.replace(
        fresh, evidence_state=EvidenceState.SUBMITTED, evidence_id=None, evidence_by=None,
        evidence_at=None, evidence_code=None, sealed_evidence=None,
    )  # fmt: skip


def is_claim(fresh: Dispute, known: Dispute | None, told: DisputeStatus) -> bool:
    """Say whether the buyer claims the money by now, be it withdrawn or not.

    A question of the bank's, and its review, is none yet. A dispute that is under review when it is
    first heard of counts: which of both it is cannot be told, and its end gives the coins back.
    """
    if fresh.state in CLOSED_DISPUTES:
        return False
    if told is DisputeStatus.UNDER_REVIEW:
        return known is None or known.state is DisputeState.NEEDS_RESPONSE
    return told is DisputeStatus.NEEDS_RESPONSE
