"""Read what a step said: its record, what it notes, and whether it refuses."""

import re
from typing import NamedTuple, TypeAlias

import msgspec

from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import Answer, Step
from guildbank.plugin_api import (
    MAX_ANNOTATION_NAME,
    MAX_ANNOTATION_TEXT,
    MAX_ANNOTATIONS,
    MAX_POINTS,
    MAX_REASON_TEXT,
    MAX_REASONS,
    Annotated,
    Charge,
    Charged,
    Scored,
    Slot,
    Veto,
)

MAX_CODE = 64
HIDDEN = "(address)"
"""What stands in a record in the place of the buyer's address."""
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Silent(NamedTuple):
    """No answer; `matters` where the step may refuse. `code` says why, where it is known."""

    matters: bool
    code: str | None = None


Said: TypeAlias = Annotated | Veto | Scored | Charged | Silent


def read_answer(
    slot: Slot, step: Step, said: Said, notes: dict[str, str], address: str | None = None
) -> tuple[Answer, Refusal | None]:
    """Return the record of an answer, and the refusal that it is; its notes are added.

    The buyer's address is in none of them, whatever a step wrote.
    """
    record = Answer(slot=slot, step=step.id, plugin=step.plugin, verdict="passed")
    if isinstance(said, Silent):
        if not said.matters:
            return msgspec.structs.replace(record, verdict="ignored", code=said.code), None
        failed = msgspec.structs.replace(record, verdict="failed", code=said.code)
        return failed, _unavailable(step)
    if isinstance(said, Scored):
        return _scored(record, step, said, notes, address)
    if isinstance(said, Veto):
        detail = without_address(said.detail, address)[:MAX_ANNOTATION_TEXT]
        return _refused(record, step, said.code[:MAX_CODE], detail)
    if isinstance(said, Charged):
        return record, None
    given = {without_address(name, address): without_address(text, address) for name, text in
             said.annotations.items()}  # fmt: skip
    return msgspec.structs.replace(record, notes=_note(step, given, notes)), None


def charges_of(step: Step, said: Said, address: str | None = None) -> tuple[Charge, ...]:
    """Return the lines of an answer under the name of their step; the address is in no label."""
    if not isinstance(said, Charged):
        return ()
    return tuple(
        msgspec.structs.replace(one, step=step.id, label=without_address(one.label, address))
        for one in said.charges
    )


def check_score(said: Scored) -> None:
    """Raise ValueError for a score that could not be kept as it is, or that nobody could read."""
    if not _is_whole(said.points, 0) or len(said.reasons) > MAX_REASONS:
        raise ValueError(f"a score is from 0 to {MAX_POINTS}, with up to {MAX_REASONS} reasons")
    for one in said.reasons:
        if not (
            _CODE.fullmatch(one.code)
            and _is_whole(one.points, -MAX_POINTS)
            and one.detail.isprintable()
            and len(one.detail) <= MAX_REASON_TEXT
        ):
            raise ValueError("a reason has a code, points and one line of text")


def _is_whole(number: object, least: int) -> bool:
    return type(number) is int and least <= number <= MAX_POINTS


def _scored(
    record: Answer, step: Step, said: Scored, notes: dict[str, str], address: str | None
) -> tuple[Answer, Refusal | None]:
    reasons = tuple(
        msgspec.structs.replace(one, detail=without_address(one.detail, address))
        for one in said.reasons
    )
    record = msgspec.structs.replace(record, points=said.points, reasons=reasons)
    limits = step.limits
    if limits.annotate_from is not None and said.points >= limits.annotate_from:
        codes = ",".join(one.code for one in reasons)
        given = {"points": str(said.points), "reasons": codes}
        record = msgspec.structs.replace(record, notes=_note(step, given, notes))
    if limits.refuse_from is not None and said.points >= limits.refuse_from:
        # Whoever tries what passes must not learn what spoke against it.
        return _refused(record, step, "score_too_high", "This purchase cannot be made now.")
    return record, None


def _refused(record: Answer, step: Step, code: str, detail: str) -> tuple[Answer, Refusal]:
    refusal = Refusal(
        code="purchase_vetoed",
        detail=detail,
        extra={"veto": code, "step": step.id, "plugin": step.plugin},
    )
    return msgspec.structs.replace(record, verdict="vetoed", code=code), refusal


def _note(step: Step, given: dict[str, str], notes: dict[str, str]) -> dict[str, str]:
    """Add what a step noted to all notes, as many as go along; return those that do."""
    own: dict[str, str] = {}
    for name, value in given.items():
        if len(notes) < MAX_ANNOTATIONS:
            whole = f"{step.id}.{name}"[:MAX_ANNOTATION_NAME]
            own[whole] = notes[whole] = value[:MAX_ANNOTATION_TEXT]
    return own


def without_address(text: str, address: str | None) -> str:
    """Return a text with the buyer's address taken out, fit to be kept or logged."""
    return text if address is None else text.replace(address, HIDDEN)


def _unavailable(step: Step) -> Refusal:
    return Refusal(
        code="gate_unavailable",
        detail=f"The check {step.id} did not answer, so the purchase is refused. Try again later.",
        extra={"step": step.id, "plugin": step.plugin},
    )
