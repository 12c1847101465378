"""Checks of disputes: how one stands, and of evidence where the manifest names texts of it."""

from guildbank.kernel import new_id
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.disputes import (
    DISPUTE_STAND,
    MAX_EVIDENCE_CHARACTERS,
    DisputeStand,
    EvidenceRefused,
    EvidenceRequest,
)
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.provider import DisputeStatus, Outcome

_NO_DISPUTE = NotRun("the rehearsal lets nobody dispute a payment: set disputed")
_WAITS = (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.EARLY_WARNING)
_TEXT = "Conformance check"


def tells(manifest: Manifest) -> bool:
    """Say whether the provider is asked how disputes stand."""
    return bool(manifest.evidence_fields) or DISPUTE_STAND in manifest.capabilities


async def evidence_has_names_and_room(stage: Stage) -> Verdict:
    """Each text of the manifest has a name and room for some characters, and all fit together."""
    for name, characters in stage.manifest.evidence_fields.items():
        if not name or not 0 < characters <= MAX_EVIDENCE_CHARACTERS:
            return f"{name!r} has room for {characters} characters"
    return None


async def a_dispute_is_told_alike_at_each_look(stage: Stage) -> Verdict:
    """One that waits for an answer is told as that, unanswered, by its own reference."""
    reference = await _disputed(stage)
    if isinstance(reference, NotRun):
        return reference
    first = await stage.provider.fetch_dispute(stage.context, reference)
    again = await stage.provider.fetch_dispute(stage.context, reference)
    if first != again:
        return f"told {first!r} and then {again!r}"
    if first is None:
        return "the dispute is not told of, though the credentials opened it"
    if first.reference != reference:
        return f"asked for {reference!r}, told of {first.reference!r}"
    if first.status not in _WAITS or first.answered:
        return f"expected one that waits for an answer, got {first!r}"
    if first.answer_by is not None and first.answer_by.tzinfo is None:
        return "the time until which it is answered has no time zone"
    return None


async def a_dispute_is_told_with_money_that_was_paid(stage: Stage) -> Verdict:
    """What is told of its money is a part of what was paid, and nothing is back that never went."""
    if stage.rehearsal.disputed is None:
        return _NO_DISPUTE
    paid = await _paid(stage)
    reference = await stage.rehearsal.disputed(stage.context, paid)
    stand = await stage.provider.fetch_dispute(stage.context, reference)
    if stand is None:
        return "the dispute is not told of, though the credentials opened it"
    if (stand.amount_minor is None) is not (stand.currency is None):
        return f"an amount and its currency come together: {stand!r}"
    if stand.currency not in (None, paid.currency):
        return f"paid in {paid.currency}, told in {stand.currency}"
    if stand.amount_minor is not None and not 0 < stand.amount_minor <= (paid.amount_minor or 0):
        return f"paid {paid.amount_minor}, told of {stand.amount_minor}"
    return f"money is back that never went: {stand!r}" if stand.reinstated else None


async def a_dispute_that_nobody_has_is_not_told_of(stage: Stage) -> Verdict:
    """Nothing is told of one that is not there: raising leaves open how it stands."""
    try:
        stand = await stage.provider.fetch_dispute(stage.context, _nobodys())
    except Exception:  # whatever it is, nothing was told
        return None
    return None if stand is None else f"it tells {stand!r}"


async def evidence_is_handed_in_and_seen(stage: Stage) -> Verdict:
    """What is handed in is there: in the answer, and in a look afterwards."""
    reference = await _disputed(stage)
    if isinstance(reference, NotRun):
        return reference
    said = await stage.provider.submit_evidence(stage.context, evidence_for(stage, reference))
    if isinstance(said, EvidenceRefused):
        return f"refused: {said!r}"
    look = await stage.provider.fetch_dispute(stage.context, reference)
    for one in (said, look):
        if one is None or one.reference != reference or not one.answered:
            return f"handed in, and told {one!r}"
    return None


async def the_same_evidence_key_hands_in_once(stage: Stage) -> Verdict:
    """The same request sent twice is answered as before, and is no second answer to the bank."""
    reference = await _disputed(stage)
    if isinstance(reference, NotRun):
        return reference
    request = evidence_for(stage, reference)
    first = await stage.provider.submit_evidence(stage.context, request)
    second = await stage.provider.submit_evidence(stage.context, request)
    return None if first == second else f"answered {first!r} and then {second!r}"


async def evidence_for_no_dispute_is_not_taken(stage: Stage) -> Verdict:
    """Whoever hands in evidence for a dispute that is not there is not told that it was taken."""
    try:
        said = await stage.provider.submit_evidence(stage.context, evidence_for(stage, _nobodys()))
    except Exception:  # whatever it is, nothing was taken
        return None
    return f"it tells {said!r}" if isinstance(said, DisputeStand) else None


async def _disputed(stage: Stage) -> str | NotRun:
    """Return the reference of a fresh dispute that waits for an answer."""
    if stage.rehearsal.disputed is None:
        return _NO_DISPUTE
    return await stage.rehearsal.disputed(stage.context, await _paid(stage))


async def _paid(stage: Stage) -> Outcome:
    request = stage.payment(stage.rehearsal.pays)
    paid = await stage.pay(request)
    if (fault := fault_in_money(paid, request.amount_minor, request.currency)) is not None:
        raise RuntimeError(fault)
    return paid


def _nobodys() -> str:
    return f"du_{new_id('dis')}"


def evidence_for(stage: Stage, reference: str) -> EvidenceRequest:
    """Return a fresh answer of all texts that the manifest names, as short as they have to be."""
    evidence_id = new_id("evd")
    return EvidenceRequest(
        dispute_id=new_id("dis"),
        idempotency_key=f"{evidence_id}:evidence:1",
        reference=reference,
        texts={name: _TEXT[:most] for name, most in stage.manifest.evidence_fields.items()},
    )


OF_STANDS: tuple[CheckFunction, ...] = (
    a_dispute_is_told_alike_at_each_look,
    a_dispute_is_told_with_money_that_was_paid,
    a_dispute_that_nobody_has_is_not_told_of,
)

CHECKS: tuple[CheckFunction, ...] = (
    evidence_has_names_and_room,
    evidence_is_handed_in_and_seen,
    the_same_evidence_key_hands_in_once,
    evidence_for_no_dispute_is_not_taken,
)
