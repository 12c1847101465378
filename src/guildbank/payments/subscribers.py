"""Follows the journal for callback plugins: what they are to be told is kept, then sent."""

from collections.abc import Sequence
from typing import Protocol

from guildbank.infra.database import Tx
from guildbank.journal import Entry, Subscriber
from guildbank.payments.outbox import add_entries
from guildbank.payments.usecases import Payments


class Services(Protocol):
    """What the subscriber takes of the app's services."""

    @property
    def payments(self) -> Payments:
        """The parts of payments."""
        ...


class CallbackOutbox:
    """Keeps each entry of payments for each callback plugin, exactly once."""

    name = "payments.callbacks"
    from_start = False

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def handle(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> None:
        """Keep what is to be told; the plugins are called outside this transaction."""
        plugins = [one.manifest.id for one in self._payments.plugins.callbacks]
        ours = [entry for entry in entries if entry.kind.startswith("payments.")]
        if plugins and ours:
            await add_entries(tx.driver, plugins, ours)


def subscribers(services: Services) -> Sequence[Subscriber]:
    """Return the room's readers of the journal."""
    return [CallbackOutbox(services.payments)]
