"""How a company that decides on a refund is told how much of the purchase was used.

`TellsUsage` is a capability of payment providers, named `usage` in the manifest. The core calls it
for events of the kind `usage_asked`.
"""

from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context, PaymentRequest


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the coins of a payment: of `coins` still its own, `spent` are gone.

    `reference` is the company's own id of the payment, `request` what was asked for.
    """

    request: PaymentRequest
    reference: str
    coins: int
    spent: int


@runtime_checkable
class TellsUsage(Protocol):
    """A provider that answers when its company asks how much was used."""

    async def tell_usage(self, context: Context, used: Usage) -> bool:
        """Tell it, if the player agreed to that; False where nothing was told.

        Raises when the company gave no answer that can be used; then it is told again later.
        """
        ...
