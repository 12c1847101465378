"""Letters that a callback writes to the player whom an event is about; the core delivers them.

The plugin knows neither address nor language: it writes in each language that it speaks, and the
core mails the one that the player reads, to an address that the player confirmed.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from guildbank.kernel import has_control
from guildbank.plugin_api.charges import Charge

LETTERS = "letters"
"""The capability of a callback that may write: it is told what was sold, and its letters are
mailed."""
MAX_SUBJECT = 150
MAX_PARAGRAPH = 1_000
MAX_ROWS = 60
MAX_ROW = 200


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """The payment that an event is about, as it stands when the callback is told.

    `amount_minor` is what the buyer pays in all, in minor units of the money `currency`: the price
    and what the `lines` add. It buys `coins` paid and `bonus` free units of `game_currency`, sold
    as `title`.
    """

    payment_id: str
    title: str
    amount_minor: int
    currency: str
    game_currency: str
    coins: int
    bonus: int
    credited_at: datetime | None
    lines: tuple[Charge, ...] = ()


class LetterText(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in one language, in plain text: a paragraph, rows under each other, a paragraph.

    No part has a line break or another control character. `closing` may be empty.
    """

    subject: str
    opening: str
    rows: tuple[str, ...]
    closing: str = ""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter by language (`en`, `ru`). Who reads none of them gets the first."""

    texts: Mapping[str, LetterText]


def fault_in_letter(letter: Letter) -> str | None:
    """Say why the letter cannot be mailed, None where it can."""
    if not letter.texts:
        return "it is written in no language"
    for language, text in letter.texts.items():
        limits = (
            ("subject", text.subject, MAX_SUBJECT),
            ("opening", text.opening, MAX_PARAGRAPH),
            ("closing", text.closing, MAX_PARAGRAPH),
            *(("row", row, MAX_ROW) for row in text.rows),
        )
        for name, said, most in limits:
            if len(said) > most:
                return f"{language}: the {name} has more than {most} characters"
            if has_control(said):
                return f"{language}: the {name} has a control character"
        if not text.subject.strip() or not text.opening.strip():
            return f"{language}: a letter has a subject and an opening"
        if len(text.rows) > MAX_ROWS:
            return f"{language}: it has more than {MAX_ROWS} rows"
    return None
