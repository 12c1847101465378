"""The plugin `signals`: notes facts of the client for the steps after it, and refuses nothing."""

from datetime import timedelta

import msgspec

from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView
from guildbank_signals.manifest import DEFAULT_DEVICE_DAYS, MANIFEST

UNKNOWN = "unknown"


class Settings(msgspec.Struct, frozen=True):
    """How far back players of a device are counted."""

    device_days: int = DEFAULT_DEVICE_DAYS


class Signals:
    """Facts of the client. Whatever is not known is not noted, so that no rule takes it for no."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        """Note `address_country`, `mismatch` and `shared_device`, each where it is known.

        Raises where nobody can say who shares the device, and is skipped then.
        """
        notes = _of_address(purchase)
        if purchase.device is not None:
            settings = msgspec.convert(dict(context.settings), Settings)
            if context.history is None:
                raise LookupError("there is no history of purchases to count in")
            since = context.now - timedelta(days=settings.device_days)
            many = await context.history.sharers(purchase.device, purchase.player_id, since)
            notes["shared_device"] = str(many)
        return Annotated(annotations=notes)


def _of_address(purchase: PurchaseView) -> dict[str, str]:
    if purchase.address is None:
        return {}
    country = purchase.address_country
    if country is None:
        return {"address_country": UNKNOWN}
    notes = {"address_country": country}
    if purchase.country is not None:
        notes["mismatch"] = "no" if country == purchase.country.upper() else "yes"
    return notes


PLUGIN = Signals()
"""What the entry point names."""
