"""How the bank of the laws pays out: each payout stands somewhere in its own books, once."""

from collections.abc import Mapping
from typing import Final

from guildbank.plugin_api import (
    RETURNED,
    Context,
    Destination,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)

CAME_BACK: Final = "came back"
TURNS: Mapping[str, frozenset[str]] = {
    "unknown": frozenset({"pending", "processed", "declined"}),
    "pending": frozenset({"processed", "declined"}),
    "processed": frozenset({CAME_BACK}),
}
"""How a payout can move on there."""
_NEVER = Outcome(status=OutcomeStatus.CANCELED, code="not_found")


class Payer:
    """Pays out to places whose one detail is the fate of what is sent there.

    `lies` is what it says, once, of money that it did pay. `twice` is what it was asked to pay
    under one key in two ways.
    """

    def __init__(self) -> None:
        self.stands: dict[str, str] = {}
        self.lies: dict[str, OutcomeStatus] = {}
        self.twice: list[PayoutRequest] = []
        self._requests: dict[str, PayoutRequest] = {}
        self._events: set[str] = set()

    def is_new(self, event: str) -> bool:
        """Say whether an event is told of for the first time."""
        told = event in self._events
        self._events.add(event)
        return not told

    def turn(self, payout: str, to: str) -> None:
        """Let a payout move on, where it can."""
        if to in TURNS.get(self.stands.get(payout, ""), ()):
            self.stands[payout] = to

    async def check_destination(self, context: Context, given: Mapping[str, str]) -> Destination:
        return Destination(kind="fate", label=given["fate"], details=given)

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        known = self._requests.setdefault(request.idempotency_key, request)
        if known != request or known.payout_id not in request.idempotency_key:
            self.twice.append(request)
        self.stands.setdefault(request.payout_id, request.details["fate"])
        return self._says(request)

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        lie = self.lies.pop(request.payout_id, None)
        if lie is not None and self.stands.get(request.payout_id) == "processed":
            return Outcome(status=lie)
        return self._says(request)

    def _says(self, request: PayoutRequest) -> Outcome:
        stand = self.stands.get(request.payout_id)
        if stand is None:
            return _NEVER
        if stand == CAME_BACK:
            return Outcome(status=OutcomeStatus.CANCELED, code=RETURNED)
        return Outcome(
            status=OutcomeStatus(stand), reference=f"po_{request.payout_id}",
            amount_minor=request.amount_minor, currency=request.currency,
        )  # fmt: skip
