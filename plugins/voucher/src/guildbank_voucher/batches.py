"""Batches of vouchers as settings tell of them: what each is worth, and which are good no more."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from iso4217 import Currency

from guildbank.kernel.money import BadAmount, parse_money
from guildbank_voucher.codes import Value

MAX_BATCHES = 100


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch. Its serials are 1 to `count`; `expires` is the last day on which it is good, in UTC.

    Serials that are `revoked_serials` are written as `17` or `20-29`.
    """

    batch: int
    amount: str
    currency: str
    count: int
    expires: str | None = None
    revoked: bool = False
    revoked_serials: tuple[str, ...] = ()

    def value_at(self, tenant: str) -> Value:
        """Return what its codes are worth; raises BadAmount and ValueError for what is no money."""
        return Value(tenant, parse_money(self.amount, scale_of(self.currency)), self.currency)

    def is_over(self, today: date) -> bool:
        """Say whether its last day has passed."""
        return self.expires is not None and today > date.fromisoformat(self.expires)

    def revokes(self, serial: int) -> bool:
        """Say whether a voucher is good no more, or was never one of the batch."""
        spans = map(_span, self.revoked_serials)
        listed = any(first <= serial <= last for first, last in spans)
        return self.revoked or listed or not 0 < serial <= self.count


def scale_of(currency: str) -> int:
    """Return the decimals of a money by ISO 4217; raises ValueError for what is none."""
    return Currency(currency).exponent or 0


def batches_of(settings: Mapping[str, Any]) -> Sequence[Batch]:
    """Return the batches of settings that fit the schema."""
    return msgspec.convert(settings.get("batches", ()), tuple[Batch, ...])


def batch_named(settings: Mapping[str, Any], number: int) -> Batch | None:
    """Return a batch by its number."""
    return next((one for one in batches_of(settings) if one.batch == number), None)


def fault_in(batches: Sequence[Batch]) -> tuple[str, str] | None:
    """Return what a schema cannot say of batches: which setting is wrong, and why."""
    seen: set[int] = set()
    for at, one in enumerate(batches):
        place = f"batches.{at}"
        if one.batch in seen:
            return f"{place}.batch", "Another batch has this number: each has its own."
        seen.add(one.batch)
        try:
            worth = one.value_at("").amount_minor
        except BadAmount:
            worth = 0
        except ValueError:
            return f"{place}.currency", "Name a money of ISO 4217, such as EUR."
        if worth == 0:
            return f"{place}.amount", "Say what each voucher is worth, as a decimal such as 10.00."
        if one.expires is not None and not _is_date(one.expires):
            return f"{place}.expires", "Name a day, such as 2027-12-31."
        for number, span in enumerate(one.revoked_serials):
            first, last = _span(span)
            if not 0 < first <= last <= one.count:
                where = f"{place}.revoked_serials.{number}"
                return where, f"Name serials from 1 to {one.count}, such as 17 or 20-29."
    return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
