"""What a plugin of any slot may do besides its slot: check its settings, try them, and begin.

Each verb is optional: the core asks for it by name and goes on without.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context


class SettingProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one setting. `field` is its path, such as `limits.0.amount`."""

    field: str
    detail: str


@runtime_checkable
class ChecksSettings(Protocol):
    """Finds what a schema cannot say, such as a rule that does not compile."""

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return the problems of settings that fit the schema; pure, fast, raises nothing."""
        ...


@runtime_checkable
class TriesConnection(Protocol):
    """Can find out whether whom it calls answers, before anybody buys by its settings."""

    async def test_connection(self, context: Context) -> str:
        """Return a sentence that says who answered; raise if nobody did. It changes nothing there.

        Sentence and exception are shown to operators, without the secrets of the settings.
        """
        ...


@runtime_checkable
class Starts(Protocol):
    """Must be ready before the first purchase comes."""

    async def start(self, context: Context) -> None:
        """Make ready for the settings in the context. Raising keeps the revision from use."""
        ...
