"""What a hook's answer is worth: a yes, with claims; a no, with a reason; or nothing at all."""

import re
from collections.abc import Mapping

import msgspec

from guildbank.identity.contracts.hooks import Claims, ClaimValue, hook_refused
from guildbank.kernel import Refusal

MAX_ANSWER_BYTES = 16_384
MAX_CLAIMS = 20
MAX_CLAIMS_BYTES = 1_024
MAX_REASON = 200
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class Unusable(ValueError):
    """The answer decides nothing; the message is a sentence for the studio's people."""


class Silent(Unusable):
    """No answer came at all."""


class _Answer(msgspec.Struct, frozen=True):
    allow: bool
    reason: str | None = None
    claims: Mapping[str, ClaimValue] = {}


def read_answer(status: int, body: bytes) -> Claims | Refusal:
    """Return the claims of a yes, or `hook_refused`; raises Unusable.

    Members that are not known are ignored, so that a server may be newer than this one.
    """
    if status != 200:
        raise Unusable(f"It answered {status} instead of 200.")
    if len(body) > MAX_ANSWER_BYTES:
        raise Unusable(f"It answered more than {MAX_ANSWER_BYTES} bytes.")
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unusable(f"Its answer cannot be read: {error}.") from None
    if not answer.allow:
        return hook_refused(_printable(answer.reason))
    if len(answer.claims) > MAX_CLAIMS:
        raise Unusable(f"It gave more than {MAX_CLAIMS} claims.")
    if len(msgspec.json.encode(answer.claims)) > MAX_CLAIMS_BYTES:
        raise Unusable(f"Its claims take more than {MAX_CLAIMS_BYTES} bytes of JSON.")
    for name in answer.claims:
        if not _NAME.fullmatch(name):
            raise Unusable(f"{name[:64]!r} is no name of a claim: letters, digits and _, up to 40.")
    return answer.claims


def _printable(reason: str | None) -> str | None:
    if reason is None:
        return None
    return "".join(sign for sign in reason if sign.isprintable())[:MAX_REASON].strip() or None
