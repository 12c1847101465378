"""What a provider may do besides its slot: pay money out to where a player wants it.

`PaysOut` is a capability of payment providers, named `payouts` in the manifest. Whatever a call
raises, a time-out included, the core takes for `unknown`: it asks again, and never gives the
player's coins back for it.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.confirmation import NotConfirmed
from guildbank.plugin_api.provider import Context, Outcome

PAYOUTS = "payouts"
"""The capability's name in the manifest."""
RETURNED = "returned"
"""The code of a `canceled` outcome of money that was paid out and came back."""
SEND_AGAIN = "send_again"
"""The code of an `unknown` look at a payout that can be found by the provider's name alone.

Only sending the same request again shows what became of it, which pays once for one key.
"""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where money goes, as the provider understands it.

    `details` are what a payout needs, written alike however they were typed; the core keeps them
    under the person's key. `label` is what people are shown, such as `DE.. .... 3000`: never more
    than the last four characters of an account.
    """

    kind: str
    label: str
    details: Mapping[str, str]


class DestinationRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing can be paid there: a word, a sentence without the data, and the item of them."""

    code: str
    detail: str
    field: str | None = None


class PayoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Pay `amount_minor` out.

    `payout_id` is our reference; the same `idempotency_key` always comes with the same request.
    `details` are those of the checked destination; of a person who was erased there are none.
    """

    payout_id: str
    idempotency_key: str
    amount_minor: int
    currency: str
    player_id: str
    details: Mapping[str, str] = {}


@runtime_checkable
class PaysOut(Protocol):
    """Pays money out, and can say what became of it."""

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        """Read where a player wants money; at most 20 words of at most 200 characters.

        It has no effect anywhere: nothing is paid, and the same words are answered alike.
        """
        ...

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        """Send the money. Called again with the same key it must not pay twice.

        `processed` has the exact amount; `declined` and `canceled` say for certain that nothing
        was sent and nothing will be: the player gets the coins back for them, and for nothing else.
        """
        ...

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        """Say how a payout stands, by the provider's reference or, without one, by ours.

        `canceled` with code `not_found` when the provider certainly never got it, and with code
        RETURNED when the money was sent and came back. `unknown` with code SEND_AGAIN, without a
        reference, where a provider cannot be asked by ours: a look pays nothing by itself.
        """
        ...


@runtime_checkable
class ConfirmsPayouts(Protocol):
    """Takes an operator's word on a payout that is `pending` or `unknown`, or that was paid."""

    async def confirm_payout(
        self, context: Context, request: PayoutRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        """Say what the data prove: `processed`, `canceled` when nothing was sent, or RETURNED.

        `processed` has the transaction as its `reference`, and exactly the amount that was asked
        for. It must have no effect anywhere.
        """
        ...
