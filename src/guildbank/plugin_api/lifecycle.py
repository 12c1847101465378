"""What a plugin of any slot may do besides its slot: check its settings, try them, begin and end.

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


MAX_OPTIONS = 500
"""How many a field may have."""
MAX_OPTION_TEXT = 200
"""Characters of a value, and of its title."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """What a text setting may be: the value that is stored, and what a person is shown for it."""

    value: str
    title: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a plugin can do its work now, in a sentence without secrets."""

    well: bool
    detail: str


@runtime_checkable
class ChecksFields(Protocol):
    """Looks at one setting while a person fills in the others."""

    def check_field(self, field: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with `field`, which fits its schema; others may be missing or wrong.

        Pure, fast, raises nothing.
        """
        ...


@runtime_checkable
class OffersOptions(Protocol):
    """Knows what a setting may be, given the others: such as the accounts that a key opens."""

    async def options(self, context: Context, field: str) -> Sequence[Option]:
        """Return what `field` may be, by the settings so far; others may be missing or wrong.

        Raises when it cannot say, by a sentence for operators. Nothing where anything may be.
        """
        ...


@runtime_checkable
class TellsHealth(Protocol):
    """Can say whether it works now, beyond whether whom it calls answers."""

    async def health(self, context: Context) -> Health:
        """Say it, changing nothing anywhere. Without this verb a try of the connection stands."""
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


DRAIN_SECONDS = 5.0
"""How long a plugin may take to finish what is under way."""
CLOSE_SECONDS = 2.0
"""How long it may take to let go of what it holds."""
PARTING = (("drain", DRAIN_SECONDS), ("close", CLOSE_SECONDS))
"""The verbs by which a plugin ends, in their order, with the time that each has."""


@runtime_checkable
class Drains(Protocol):
    """Has work of its own that goes on after its calls, such as what it sends by and by."""

    async def drain(self) -> None:
        """Finish what is under way, within DRAIN_SECONDS; no new calls come.

        It may come a second time. Who takes longer or raises is logged, and closed all the same.
        """
        ...


@runtime_checkable
class Closes(Protocol):
    """Holds what should be let go of, such as connections or files."""

    async def close(self) -> None:
        """Let go of it, within CLOSE_SECONDS; this is the last call, and may come a second time.

        Who takes longer or raises is logged, and left: one behind the wall is killed.
        """
        ...
