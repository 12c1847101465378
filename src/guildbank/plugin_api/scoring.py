"""The slot of fraud scorers: how risky a purchase is, and by how much each reason made it so."""

from typing import Protocol

import msgspec

from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import PurchaseView

MAX_POINTS = 100
"""The riskiest that a purchase can be."""
MAX_REASONS = 20
"""How many reasons of one score are kept."""
MAX_REASON_TEXT = 500
"""How long the sentence of one may be."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a purchase has so many points, or so many less: `points` is from -100 to 100.

    `code` is stable, such as `device_shared`; `detail` is a sentence for operators. Players read
    neither.
    """

    code: str
    points: int
    detail: str


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What a purchase comes to: `points` from 0 (nothing speaks against it) to 100."""

    points: int
    reasons: tuple[Reason, ...] = ()


class Scorer(Protocol):
    """Scores a purchase once all annotations are there and before the provider is called.

    The step says from how many points on the purchase is refused. Where it says so, a scorer that
    raises, or is late, refuses; where it does not, the purchase goes on without a score.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `scorer`."""
        ...

    async def score(self, context: Context, purchase: PurchaseView) -> Scored:
        """Return the points and the reasons; raise where nobody can say."""
        ...
