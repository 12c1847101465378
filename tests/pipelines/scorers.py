"""Scorers for the tests: each says what it is told to."""

from collections.abc import Callable
from typing import Any

from guildbank.plugin_api import Context, Manifest, PurchaseView, Reason, Scored, Slot

FAR = Reason(code="far_away", points=60, detail="The address is far away (AQ).")
NEW = Reason(code="new_player", points=15, detail="Nothing was bought before (0 paid).")
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"word": {"type": "string", "maxLength": 9}},
}


class Scripted:
    """Gives 75 points for two reasons, or what `says` does."""

    def __init__(self, id_: str = "risk", **more: Any) -> None:
        self.manifest = Manifest(
            id=id_, version="1", slot=Slot.SCORER, title="Risk", timeout_seconds=1,
            settings_schema=SCHEMA, **more,
        )  # fmt: skip
        self.seen: list[PurchaseView] = []
        self.says: Callable[[PurchaseView], object] = lambda _: Scored(
            points=75, reasons=(FAR, NEW)
        )

    async def score(self, context: Context, purchase: PurchaseView) -> Scored:
        self.seen.append(purchase)
        said = self.says(purchase)
        if isinstance(said, Exception):
            raise said
        return said  # type: ignore[return-value]
