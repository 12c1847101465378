"""The plugin `receipt`: writes receipts of what was credited, and of money that went back."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from iso4217 import Currency

from guildbank.kernel import has_control
from guildbank.kernel.money import format_money
from guildbank.plugin_api import (
    MAX_ROW,
    CallbackEvent,
    Charge,
    Context,
    Delivered,
    Letter,
    LetterText,
    Manifest,
    SettingProblem,
    Sold,
)
from guildbank_receipt.manifest import MANIFEST
from guildbank_receipt.words import WORDS, Words

CREDITED, REFUNDED = "payments.credited", "payments.refunded"
NOTHING = Delivered(note="No mail: players are not written to of this.")
SENT = Delivered(note="Mailed to the player's confirmed address.")


class Settings(msgspec.Struct, frozen=True):
    """Who sells, and what else stands on a receipt."""

    seller: str
    address: Sequence[str] = ()
    tax_id: str | None = None
    footer: str = ""
    refunds: bool = True


class Facts(msgspec.Struct, frozen=True):
    """What is read of an event; of one that says less nothing is written."""

    money: str
    amount: int
    refund: str = ""
    test: bool = False


class Receipt:
    """Writes to players what they paid for and what they got back."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find text that is not plain: a line break, or a mark that lets it be read otherwise."""
        detail = "Plain text on one line: no line break, and no mark that turns the text."
        return [
            SettingProblem(field=field, detail=detail)
            for field, text in _texts(settings)
            if has_control(text)
        ]

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered:
        """Write to the player, or say why not. Nothing here can fail and keep back what follows."""
        settings = msgspec.convert(dict(context.settings), Settings)
        facts = _facts(event)
        if event.sold is None or facts is None:
            return NOTHING
        if event.kind == CREDITED and not facts.test:
            return _mailed(settings, event.at, event.sold)
        if event.kind == REFUNDED and settings.refunds:
            return _mailed(settings, event.at, event.sold, facts)
        return NOTHING


def _mailed(settings: Settings, at: datetime, sold: Sold, back: Facts | None = None) -> Delivered:
    texts = {
        language: _receipt(words, settings, at, sold)
        if back is None
        else _refund(words, settings, at, sold, back)
        for language, words in WORDS.items()
    }
    return msgspec.structs.replace(SENT, letter=Letter(texts=texts))


def _receipt(words: Words, settings: Settings, at: datetime, sold: Sold) -> LetterText:
    added = sum(one.amount_minor for one in sold.lines if not one.included)
    rows = [
        (words.number, sold.payment_id),
        *_heading(words, settings, at),
        (words.product, sold.title),
        (words.price, _money(sold.amount_minor - added, sold.currency)),
        *((_name(words, one), _money(one.amount_minor, sold.currency)) for one in sold.lines),
        (words.total, _money(sold.amount_minor, sold.currency)),
    ]
    return LetterText(
        subject=words.receipt.format(seller=settings.seller),
        opening=words.thanks,
        rows=_rows(rows),
        closing=settings.footer,
    )


def _refund(words: Words, settings: Settings, at: datetime, sold: Sold, back: Facts) -> LetterText:
    rows = [
        (words.refund_number, back.refund),
        *_heading(words, settings, at),
        (words.product, sold.title),
        (words.payment, sold.payment_id),
        (words.sent_back, _money(back.amount, back.money)),
    ]
    return LetterText(
        subject=words.refund.format(seller=settings.seller),
        opening=words.went_back,
        rows=_rows(rows),
        closing=settings.footer,
    )


def _heading(words: Words, settings: Settings, at: datetime) -> Iterator[tuple[str, str]]:
    yield words.date, f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield words.seller, settings.seller
    for number, line in enumerate(settings.address):
        yield "" if number else words.address, line
    if settings.tax_id is not None:
        yield words.tax_id, settings.tax_id


def _name(words: Words, line: Charge) -> str:
    return words.included.format(label=line.label) if line.included else line.label


def _rows(rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the rows as they are mailed: what others wrote is cut to what a row may hold."""
    return tuple(_clean(f"{name}: {text}" if name else text) for name, text in rows if text)


def _clean(text: str) -> str:
    plain = "".join(" " if has_control(one) else one for one in text)
    return plain if len(plain) <= MAX_ROW else f"{plain[: MAX_ROW - 1]}…"


def _money(amount_minor: int, currency: str) -> str:
    return f"{format_money(amount_minor, Currency(currency).exponent or 0)} {currency}"


def _facts(event: CallbackEvent) -> Facts | None:
    """Return what the event says of money, None where it says none that is known."""
    try:
        facts = msgspec.convert(event.data, Facts)
        Currency(facts.money)
    except (msgspec.ValidationError, ValueError):
        return None
    return facts


def _texts(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("seller", "tax_id", "footer"):
        if isinstance(text := settings.get(field), str):
            yield field, text
    lines = settings.get("address")
    for number, line in enumerate(lines if isinstance(lines, list | tuple) else ()):
        if isinstance(line, str):
            yield f"address.{number}", line


PLUGIN = Receipt()
"""What the entry point names."""
