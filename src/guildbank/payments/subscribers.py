"""Follows the journal for callback steps: what they are to be told is kept, then sent.

They are those of payments, and those of the pipelines of verbs: coins that were spent, granted,
transferred or paid out are told by the same means.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from guildbank.infra.database import Tx
from guildbank.journal import Entry, Subscriber
from guildbank.payments.contracts.payouts import TOLD_OF_PAYOUTS
from guildbank.payments.contracts.rows import CREDITED, OF_OPERATORS
from guildbank.payments.outbox import (
    Payer,
    Telling,
    add_entries,
    add_tellings,
    name_after,
    payers_of,
)
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.request import PURPOSE
from guildbank.pipelines import began_with, choose, choose_each
from guildbank.wallets import TOLD

OF_NO_PAYMENT = ""
"""What stands in the place of a payment where coins moved without one."""


class Services(Protocol):
    """What the subscriber takes of the app's services."""

    @property
    def payments(self) -> Payments:
        """The parts of payments."""
        ...


class CallbackOutbox:
    """Keeps each entry about a payment for each callback step of its revision, exactly once.

    That is the revision which the payment began with until it is credited; whatever comes later is
    told to the steps of what is published then. So are operations on coins, at once.
    """

    name = "payments.callbacks"
    # A new tenant is met seconds after it was made, and may have sold something by then.
    from_start = True

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def handle(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> None:
        """Keep what is to be told; the plugins are called outside this transaction."""
        told = [one for one in entries if _is_ours(one.kind) and one.kind not in OF_OPERATORS]
        ours = [(entry, _payment(entry)) for entry in told]
        payers = await payers_of(tx.driver, [one for _, one in ours if one is not None])
        tellings: list[Telling] = []
        for entry, payment in ours:
            payer = None if payment is None else payers.get(payment)
            if payer is not None:
                tellings += await self._tellings(tx, schema, entry, payer)
        tellings += await self._of_verbs(tx, schema, entries)
        if tellings:
            await add_tellings(tx.driver, tellings)

    async def _tellings(self, tx: Tx, schema: str, entry: Entry, payer: Payer) -> Sequence[Telling]:
        pipelines, purpose, number = self._payments.pipelines, payer.purpose, payer.revision
        if payer.credited_seq is not None and entry.seq > payer.credited_seq:
            runs = await choose(pipelines, tx.driver, schema, purpose, payer.player_id)
            number, stages = runs.number, runs.stages
        else:
            stages = await began_with(pipelines, tx.driver, schema, purpose, number)
        names = [step.id for step in stages.callbacks]
        if entry.kind == CREDITED:
            names += [name_after(place, step.id) for place, step in enumerate(stages.after)]
        return [Telling(purpose, name, number, entry, payer.id) for name in names]

    async def _of_verbs(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> Sequence[Telling]:
        moved = [(entry, _TOLD[entry.kind]) for entry in entries if entry.kind in _TOLD]
        if not moved:
            return []
        wanted = [(verb, whose(entry)) for entry, (verb, whose) in moved]
        chosen = await choose_each(self._payments.pipelines, tx.driver, schema, wanted)
        return [
            Telling(runs.purpose, step.id, runs.number, entry, OF_NO_PAYMENT)
            for (entry, _), runs in zip(moved, chosen, strict=True)
            for step in runs.stages.callbacks
        ]


class EntryIndex:
    """Keeps which entries are about which payment or payout, for its timeline."""

    name = "payments.entries"
    from_start = True

    async def handle(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> None:
        """Note the entries of payments."""
        ours = [(_payment(entry), entry.seq) for entry in entries if _is_ours(entry.kind)]
        found = [(payment, seq) for payment, seq in ours if payment is not None]
        if found:
            await add_entries(tx.driver, found)


class _OfPayout(msgspec.Struct):
    player: str


_OF_PAYOUT = msgspec.json.Decoder(_OfPayout)


def _player(entry: Entry) -> str:
    return _OF_PAYOUT.decode(entry.data).player


_TOLD: Mapping[str, tuple[str, Callable[[Entry], str]]] = {
    **TOLD, **dict.fromkeys(TOLD_OF_PAYOUTS, (PURPOSE, _player)),
}  # fmt: skip
"""Which entries the callback steps of a verb are told of, and whose they are."""


class _OfPayment(msgspec.Struct):
    payment: str | None = None
    payout: str | None = None


_OF_PAYMENT = msgspec.json.Decoder(_OfPayment)


def _payment(entry: Entry) -> str | None:
    of = _OF_PAYMENT.decode(entry.data)
    return of.payment or of.payout


def _is_ours(kind: str) -> bool:
    return kind.startswith("payments.")


def subscribers(services: Services) -> Sequence[Subscriber]:
    """Return the room's readers of the journal."""
    return [CallbackOutbox(services.payments), EntryIndex()]
