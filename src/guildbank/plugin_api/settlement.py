"""What a provider reports of the money that it holds for a merchant, line by line.

`Settles` is a capability of payment providers, named `settlements` in the manifest.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from guildbank.plugin_api.provider import Context

MAX_SETTLEMENTS = 500
"""Lines of one page."""


class SettlementKind(StrEnum):
    """What a line of the report is about."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    PAYOUT = "payout"
    """What the company paid to the merchant's own bank, or got back from there."""
    PLAYER_PAYOUT = "player_payout"
    """What it paid to a player for us (`PaysOut`); positive where the money came back."""
    ADJUSTMENT = "adjustment"


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what it did to the balance that the provider holds for us, in minor units.

    `transaction` is the provider's id of the line, the same for ever. `gross_minor` is positive
    where the balance grew by it (a capture, a dispute that was won), negative where it shrank;
    `fee_minor` is what the provider kept of it, negative where it gave a fee back, and
    `net_minor` = gross - fee. A line of kind fee has no gross. `attempt_id` and `refund_id` are
    our own references where the provider echoes them; `reference` is the provider's id of the
    payment, refund, dispute or player's payout, the one that outcomes and events name. `payout` is
    its id of the payout to the merchant's bank; of a line of kind PLAYER_PAYOUT it is our own
    reference where the provider echoes it.
    """

    transaction: str
    kind: SettlementKind
    at: datetime
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    attempt_id: str | None = None
    refund_id: str | None = None
    reference: str | None = None
    payment_reference: str | None = None
    payout: str | None = None


class SettlementPage(msgspec.Struct, frozen=True, kw_only=True):
    """At most MAX_SETTLEMENTS lines, and where the next ones begin (None: these are the last)."""

    lines: tuple[Settlement, ...]
    next: str | None = None


class Settles(Protocol):
    """A provider that can be asked what it settled."""

    async def settlements(
        self, context: Context, since: datetime, until: datetime, cursor: str | None
    ) -> SettlementPage:
        """Return lines of `since` <= at < `until`, in an order in which pages do not shift.

        The same period asked again has the same lines, and those that were late besides. Raises
        when the provider gave no answer that can be used.
        """
        ...
