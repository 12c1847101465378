"""Refuses purchases at night, where the tenant is."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from guildbank.plugin_api import (
    Annotated,
    Context,
    Manifest,
    PurchaseView,
    SettingProblem,
    Slot,
    Veto,
)

HOUR = {"type": "integer", "minimum": 0, "maximum": 23}
MANIFEST = Manifest(
    id="night-guard",
    version="0.1.0",
    slot=Slot.MIDDLEWARE,
    title="Night guard",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["time_zone", "from_hour", "until_hour"],
        "properties": {
            "time_zone": {"type": "string", "maxLength": 64, "title": "Time zone"},
            "from_hour": {**HOUR, "title": "First hour without purchases"},
            "until_hour": {**HOUR, "title": "Hour from which purchases are taken again"},
        },
    },
)


class NightGuard:
    """Looks at the clock before a provider is asked for money."""

    manifest = MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Find a time zone that does not exist, and a night without an hour."""
        try:
            ZoneInfo(settings["time_zone"])
        except Exception:  # a key that is no path, no name, or no text: each raises another
            return [SettingProblem(field="time_zone", detail="No such time zone is known.")]
        same = settings.get("from_hour") == settings.get("until_hour")
        return [SettingProblem(field="until_hour", detail="The night has no hour.")] if same else []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Veto what is bought between the two hours."""
        first, last = context.settings["from_hour"], context.settings["until_hour"]
        hour = context.now.astimezone(ZoneInfo(context.settings["time_zone"])).hour
        if (hour - first) % 24 < (last - first) % 24:
            return Veto(code="at_night", detail=f"Purchases are taken again from {last}:00.")
        return Annotated(annotations={"hour": str(hour)})


PLUGIN = NightGuard()
