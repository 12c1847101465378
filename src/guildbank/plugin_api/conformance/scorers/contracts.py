"""What a conformance run of a scorer is given."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.history import PastPurchase
from guildbank.plugin_api.stages import PurchaseView


class ScorerRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that is risky with the settings of the run, and one that is less so.

    `past` and `sharers` are what the history tells, as of a GateRehearsal.
    """

    risky: PurchaseView | None = None
    plain: PurchaseView | None = None
    past: Mapping[str, Sequence[PastPurchase]] = {}
    sharers: Mapping[str, int] = {}


@runtime_checkable
class ScorerRehearsable(Protocol):
    """A scorer that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> ScorerRehearsal:
        """Return a risky and a plain purchase."""
        ...
