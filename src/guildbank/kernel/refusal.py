"""An expected refusal as a value: what was refused, why, and which field to change."""

from collections.abc import Sequence

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A named reason why nothing happened.

    `code` is stable and documented; `detail` says what it means and what to do; `field` names
    the input at fault in dotted JSON form; `extra` holds facts a client may act on.
    """

    code: str
    detail: str
    field: str | None = None
    extra: dict[str, str | int | bool | Sequence[str] | None] = msgspec.field(default_factory=dict)
