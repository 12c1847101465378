"""What a conformance run of a charge step is given."""

from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.stages import PurchaseView


class ChargeRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that is charged with the settings of the run, and one that is not or is vetoed.

    None where there is no such purchase.
    """

    charged: PurchaseView | None = None
    spared: PurchaseView | None = None


@runtime_checkable
class ChargeRehearsable(Protocol):
    """A step that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> ChargeRehearsal:
        """Return a charged purchase and one that is not."""
        ...
