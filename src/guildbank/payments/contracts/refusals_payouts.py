"""What payouts refuse, each with its stable code."""

from datetime import datetime

from guildbank.kernel import Refusal
from guildbank.payments.contracts.payouts import MAX_DESTINATIONS, MAX_OPEN_PAYOUTS, PayoutState

NO_PAYOUT = Refusal(code="not_found", detail="There is no such payout.")
NO_DESTINATION = Refusal(code="not_found", detail="There is no such payout destination.")
UNKNOWN_DESTINATION = Refusal(
    code="unknown_payout_destination",
    detail="The player has no such payout destination. GET /v1/players/{id}/payout-destinations "
    "lists those that there are.",
    field="destinationId",
)
DESTINATIONS_FULL = Refusal(
    code="payout_destinations_full",
    detail=f"A player has at most {MAX_DESTINATIONS} payout destinations. Remove one first.",
)
TOO_MANY_PAYOUTS = Refusal(
    code="too_many_payouts",
    detail=f"A player has at most {MAX_OPEN_PAYOUTS} payouts that have not ended. Wait for one.",
)
NOT_WITHDRAWABLE = Refusal(
    code="not_withdrawable",
    detail="Coins of this currency are not paid out. Nothing was taken.",
    field="currency",
)
NOT_PAID_OUT = Refusal(
    code="payouts_not_offered",
    detail="The provider pays nothing out. Choose one whose capabilities name payouts.",
    field="provider",
)
NOT_CANCELABLE = Refusal(
    code="payout_not_cancelable",
    detail="The payout was sent or has ended. What its provider says decides what becomes of it.",
)
NOT_AWAITED = Refusal(
    code="payout_not_confirmable",
    detail="The payout waits for nobody's word: it was not sent, has ended, or its provider says "
    "itself how it stands.",
)
OTHER_AMOUNT = Refusal(
    code="confirmation_refused",
    detail="Another amount than the payout's was sent. Nothing was booked.",
    field="data.amount",
)
DESTINATION_SILENT = Refusal(
    code="provider_silent",
    detail="The provider did not say whether money can be sent there. Nothing was kept; try again.",
)


def cooling_off(until: datetime, because: str) -> Refusal:
    """Return the refusal of a payout soon after a change that a thief would make first."""
    changed = {
        "destination": "The destination is new",
        "credentials": "The player's password or e-mail address was changed of late",
    }[because]
    at = until.isoformat(timespec="seconds")
    return Refusal(
        code="payout_cooling_off",
        detail=f"{changed}, so nothing is paid out before {at}. Nothing was taken.",
        extra={"until": at, "because": because},
    )


def not_whole(per_coins: int) -> Refusal:
    """Return the refusal of coins that are worth no whole number of minor units."""
    return Refusal(
        code="payout_not_whole",
        detail=f"So many coins are worth no exact amount: ask for a multiple of {per_coins}.",
        field="coins",
        extra={"multipleOf": per_coins},
    )


def out_of_bounds(least: int, most: int) -> Refusal:
    """Return the refusal of fewer or more coins than one payout may have."""
    return Refusal(
        code="payout_out_of_bounds",
        detail=f"One payout is of {least} to {most} coins.",
        field="coins",
        extra={"least": least, "most": most},
    )


def too_young(ready: int, days: int) -> Refusal:
    """Return the refusal of coins that have not been the player's for long enough."""
    return Refusal(
        code="coins_too_young",
        detail=f"Coins are paid out once they have been the player's for {days} days; {ready} are. "
        "Nothing was taken.",
        field="coins",
        extra={"ready": ready, "days": days},
    )


def not_waiting(state: PayoutState) -> Refusal:
    """Return the refusal of a decision on a payout that waits for none."""
    return Refusal(
        code="payout_not_waiting",
        detail=f"The payout waits for nobody's decision: it is {state}.",
        extra={"state": state.value},
    )
