"""What a store has to be told once a purchase is credited, or it takes the money back.

`Finishes` is a capability of payment providers, named `finish` in the manifest.
"""

from typing import Protocol, runtime_checkable

from guildbank.plugin_api.provider import Context


@runtime_checkable
class Finishes(Protocol):
    """A provider whose company waits to hear that what was paid for was delivered."""

    async def finish_payment(self, context: Context, reference: str) -> None:
        """Tell it, by its own name of the payment; told again it must change nothing.

        Returns as well where there is nothing to be told any more, such as of money that went
        back. Raises when the company gave no answer that can be used: then it is called again,
        within minutes at first and within hours later, until it returns.
        """
        ...
