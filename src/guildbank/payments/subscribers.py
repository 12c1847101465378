"""Follows the journal for callback plugins: what they are to be told is kept, then sent."""

from collections.abc import Sequence
from typing import Protocol

from guildbank.infra.database import Tx
from guildbank.journal import Entry, Subscriber
from guildbank.payments.contracts import PROVIDER_CONFIGURED
from guildbank.payments.outbox import add_entries
from guildbank.payments.usecases import Payments


class Services(Protocol):
    """What the subscriber takes of the app's services."""

    @property
    def payments(self) -> Payments:
        """The parts of payments."""
        ...


class CallbackOutbox:
    """Keeps each entry about a payment for each callback plugin, exactly once."""

    name = "payments.callbacks"
    from_start = False

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def handle(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> None:
        """Keep what is to be told; the plugins are called outside this transaction."""
        plugins = [one.manifest.id for one in self._payments.plugins.callbacks]
        ours = [entry for entry in entries if _is_of_a_payment(entry.kind)]
        if plugins and ours:
            await add_entries(tx.driver, plugins, ours)


def _is_of_a_payment(kind: str) -> bool:
    # How an account is set up is for the tenant's operators, not for plugins of others.
    return kind.startswith("payments.") and kind != PROVIDER_CONFIGURED


def subscribers(services: Services) -> Sequence[Subscriber]:
    """Return the room's readers of the journal."""
    return [CallbackOutbox(services.payments)]
