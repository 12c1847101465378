"""How a payment that its player approved is paid by a call of ours, once everybody was asked.

`Captures` is a capability of payment providers, named `capture` in the manifest. Without it no call
but `create_payment` takes money: a look and a confirmation only say how it stands.
"""

from typing import Final, Protocol, runtime_checkable

from guildbank.plugin_api.provider import Context, Outcome

CAPTURE: Final = "capture"
"""The capability's name in a manifest."""


@runtime_checkable
class Captures(Protocol):
    """A provider that takes the money of an approved payment by a call of its own."""

    async def capture_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        """Take the money of a payment that was `pending` and `approved`.

        Called by the core alone, after what may still veto the payment let it pass. Called again it
        must not charge twice; of a payment that was canceled it says so and takes nothing.
        """
        ...
