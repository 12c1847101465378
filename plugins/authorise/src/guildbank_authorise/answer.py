"""What the game server's answer is worth: a yes, with notes; a no, with a reason; or nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from guildbank.plugin_api import (
    MAX_ANNOTATION_TEXT,
    Annotated,
    HttpAnswer,
    Judgement,
    NoAnswer,
    Veto,
)

MAX_ANSWER_BYTES = 16_384
MAX_ANSWERS_BYTES = 524_288
"""Of what is said of many operations at once."""
MAX_NOTES = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
REFUSED = Veto(code="game_refused", detail="The game's own server does not agree to this purchase.")

NOT_MOVED = Veto(
    code="game_refused", detail="The game's own server does not agree to this operation."
)


class _Answer(msgspec.Struct, frozen=True):
    allow: bool
    code: str | None = None
    detail: str | None = None
    notes: Mapping[str, str] = {}


class _Answers(msgspec.Struct, frozen=True):
    answers: Sequence[_Answer]


_Read = TypeVar("_Read", _Answer, _Answers)


def read_answer(answer: HttpAnswer) -> Annotated | Veto:
    """Return what the server says; raises NoAnswer, which refuses.

    Members that are not known are ignored, so that a server may be newer than this plugin.
    """
    return _worth(_decoded(answer, _Answer, MAX_ANSWER_BYTES), REFUSED)


def read_answers(answer: HttpAnswer, many: int) -> list[Judgement]:
    """Return what the server says of each of so many operations; raises NoAnswer like that."""
    said = _decoded(answer, _Answers, MAX_ANSWERS_BYTES).answers
    if len(said) != many:
        raise NoAnswer(f"it gave {len(said)} answers about {many} operations")
    judgements = []
    for one in (_worth(each, NOT_MOVED) for each in said):
        veto = one if isinstance(one, Veto) else None
        notes = one.annotations if isinstance(one, Annotated) else {}
        judgements.append(Judgement(veto=veto, annotations=notes))
    return judgements


def _decoded(answer: HttpAnswer, kind: type[_Read], most_bytes: int) -> _Read:
    if answer.status != 200:
        raise NoAnswer(f"it answered {answer.status} instead of 200")
    if len(answer.body) > most_bytes:
        raise NoAnswer(f"it answered more than {most_bytes} bytes")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NoAnswer(f"its answer cannot be read: {error}") from None


def _worth(said: _Answer, refused: Veto) -> Annotated | Veto:
    if not said.allow:
        return _refusal(said, refused)
    if len(said.notes) > MAX_NOTES:
        raise NoAnswer(f"it gave more than {MAX_NOTES} notes")
    for name, text in said.notes.items():
        if not _NAME.fullmatch(name):
            raise NoAnswer("a note's name is not 1 to 20 of a-z, 0-9 and _, a letter first")
        if not text.isprintable() or len(text) > MAX_ANNOTATION_TEXT:
            raise NoAnswer(f"the note {name} is no plain text of {MAX_ANNOTATION_TEXT} characters")
    return Annotated(annotations=said.notes)


def _refusal(said: _Answer, refused: Veto) -> Veto:
    """Return the veto: a no is one however badly its reason is written."""
    detail = "".join(sign for sign in said.detail or "" if sign.isprintable())
    known = said.code is not None and _CODE.fullmatch(said.code)
    return Veto(
        code=said.code if known and said.code else refused.code,
        detail=detail[:MAX_ANNOTATION_TEXT].strip() or refused.detail,
    )
