"""What the game server's answer is worth: a yes, with notes; a no, with a reason; or nothing."""

import re
from collections.abc import Mapping

import msgspec

from guildbank.plugin_api import MAX_ANNOTATION_TEXT, Annotated, HttpAnswer, NoAnswer, Veto

MAX_ANSWER_BYTES = 16_384
MAX_NOTES = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
REFUSED = Veto(code="game_refused", detail="The game's own server does not agree to this purchase.")


class _Answer(msgspec.Struct, frozen=True):
    allow: bool
    code: str | None = None
    detail: str | None = None
    notes: Mapping[str, str] = {}


def read_answer(answer: HttpAnswer) -> Annotated | Veto:
    """Return what the server says; raises NoAnswer, which refuses.

    Members that are not known are ignored, so that a server may be newer than this plugin.
    """
    if answer.status != 200:
        raise NoAnswer(f"it answered {answer.status} instead of 200")
    if len(answer.body) > MAX_ANSWER_BYTES:
        raise NoAnswer(f"it answered more than {MAX_ANSWER_BYTES} bytes")
    try:
        said = msgspec.json.decode(answer.body, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NoAnswer(f"its answer cannot be read: {error}") from None
    if not said.allow:
        return _refusal(said)
    if len(said.notes) > MAX_NOTES:
        raise NoAnswer(f"it gave more than {MAX_NOTES} notes")
    for name, text in said.notes.items():
        if not _NAME.fullmatch(name):
            raise NoAnswer("a note's name is not 1 to 20 of a-z, 0-9 and _, a letter first")
        if not text.isprintable() or len(text) > MAX_ANNOTATION_TEXT:
            raise NoAnswer(f"the note {name} is no plain text of {MAX_ANNOTATION_TEXT} characters")
    return Annotated(annotations=said.notes)


def _refusal(said: _Answer) -> Veto:
    """Return the veto: a no is one however badly its reason is written."""
    detail = "".join(sign for sign in said.detail or "" if sign.isprintable())
    known = said.code is not None and _CODE.fullmatch(said.code)
    return Veto(
        code=said.code if known and said.code else REFUSED.code,
        detail=detail[:MAX_ANNOTATION_TEXT].strip() or REFUSED.detail,
    )
