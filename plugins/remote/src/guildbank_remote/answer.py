"""What the server's answer is worth: a yes with annotations, a veto with its reason, or nothing."""

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
MAX_GIVEN = 10
"""Annotations of one answer; a purchase carries 20 of all steps."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class _Refusing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    detail: str


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: bool | None = None
    annotations: Mapping[str, str] | None = None
    veto: _Refusing | None = None


class _Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answers: Sequence[_Answer]


_Read = TypeVar("_Read", _Answer, _Answers)


def read_answer(answer: HttpAnswer) -> Annotated | Veto:
    """Return what the server says; raises NoAnswer for all that is not exactly one of the two.

    A member that is not known is no answer: it may be a veto that is spelt wrongly.
    """
    return _worth(_decoded(answer, _Answer, MAX_ANSWER_BYTES))


def read_answers(answer: HttpAnswer, many: int) -> list[Judgement]:
    """Return what the server says of each of so many operations; raises NoAnswer like that.

    One that cannot be read makes the whole of it no answer: it is not known what the others mean.
    """
    said = _decoded(answer, _Answers, MAX_ANSWERS_BYTES).answers
    if len(said) != many:
        raise NoAnswer(f"it gave {len(said)} answers about {many} operations")
    judgements = []
    for one in map(_worth, said):
        veto = one if isinstance(one, Veto) else None
        notes = one.annotations if isinstance(one, Annotated) else {}
        judgements.append(Judgement(veto=veto, annotations=notes))
    return judgements


def _worth(said: _Answer) -> Annotated | Veto:
    if said.veto is not None:
        if said.allow is not None or said.annotations is not None:
            raise NoAnswer("its answer has a veto and something else")
        return _veto(said.veto)
    if said.allow is not True:
        raise NoAnswer("its answer has neither allow, which is true, nor a veto")
    given = said.annotations or {}
    if len(given) > MAX_GIVEN:
        raise NoAnswer(f"it gave more than {MAX_GIVEN} annotations")
    for name, text in given.items():
        if not _NAME.fullmatch(name):
            raise NoAnswer(
                "the name of an annotation is not 1 to 20 of a-z, 0-9, _, a letter first"
            )
        if not text.isprintable() or len(text) > MAX_ANNOTATION_TEXT:
            raise NoAnswer(f"{name} is no plain text of up to {MAX_ANNOTATION_TEXT} characters")
    return Annotated(annotations=given)


def _decoded(answer: HttpAnswer, kind: type[_Read], most_bytes: int) -> _Read:
    if answer.status != 200:
        raise NoAnswer(f"it answered {answer.status} instead of 200")
    if len(answer.body) > most_bytes:
        raise NoAnswer(f"it answered more than {most_bytes} bytes")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NoAnswer(f"its answer cannot be read: {error}") from None


def _veto(said: _Refusing) -> Veto:
    if not _CODE.fullmatch(said.code):
        raise NoAnswer("the code of its veto is no word like vault_full")
    detail = said.detail.strip()
    if not detail or not detail.isprintable() or len(detail) > MAX_ANNOTATION_TEXT:
        raise NoAnswer(f"its veto has no sentence of up to {MAX_ANNOTATION_TEXT} characters")
    return Veto(code=said.code, detail=detail)
