"""The plugin `age`: lets only players buy of whom somebody made sure that they are of age."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec

from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Veto
from guildbank_age.manifest import MANIFEST

ADMITTED = Annotated()
NOT_CONFIRMED = Veto(
    code="age_not_confirmed",
    detail="Nobody has confirmed yet that you are of age. Ask the game's support how to do that.",
)
TOO_OLD = Veto(
    code="age_confirmation_too_old",
    detail="It is too long ago that your age was confirmed. Ask the game's support to do it again.",
)


class Settings(msgspec.Struct, frozen=True):
    """What is asked of a player, and for how many days a confirmation is good; None is for ever."""

    required: Literal["confirmed"]
    good_for_days: int | None = None


class Age:
    """Looks at the confirmation in the player's profile."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the settings: days that are written with a point."""
        try:
            _read(settings)
        except (msgspec.ValidationError, UnicodeError) as error:
            detail = f"They do not fit the schema: {error}."
            return [SettingProblem(field="good_for_days", detail=detail)]
        return []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase, or veto it: `age_not_confirmed`, `age_confirmation_too_old`."""
        settings = _read(context.settings)
        if purchase.age_confirmed_at is None:
            return NOT_CONFIRMED
        days = settings.good_for_days
        if days is not None and context.now - purchase.age_confirmed_at > timedelta(days=days):
            return TOO_OLD
        return ADMITTED


def _read(settings: Mapping[str, Any]) -> Settings:
    # Stricter than the schema, which takes 365.0 for an integer.
    return msgspec.convert(dict(settings), Settings)


PLUGIN = Age()
