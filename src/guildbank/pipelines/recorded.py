"""What dry runs are told of before, and the ports by which rooms above tell it."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Protocol

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Answer, Because
from guildbank.plugin_api import MoveVerb, MoveView, PurchaseView


class PostingLine(msgspec.Struct, frozen=True):
    """A movement that a payment makes: between accounts as the ledger names them, of an asset."""

    debit: str
    credit: str
    asset: str
    amount: int


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it was, for a dry run: what was asked, what its checks and providers said.

    `asked` are the providers that were asked, the first one first. `revision` is what it ran.
    `postings` are those of its provider, for each of the others they follow from the port.
    """

    view: PurchaseView
    at: datetime
    revision: int
    because: Because
    asked: tuple[str, ...]
    answers: tuple[Answer, ...]
    outcome: str
    problem: str | None
    credited: bool


class Record(Protocol):
    """What is known of payments, which stand above: the room that takes the money implements it."""

    async def payments(self, tenant: TenantRef, purpose: str, limit: int) -> Sequence[Recorded]:
        """Return the newest payments of a purpose."""
        ...

    async def usable(self, tenant: TenantRef, currency: str) -> Sequence[str]:
        """Return the providers that take the currency now."""
        ...

    def postings(self, payment: Recorded, provider: str) -> Sequence[PostingLine]:
        """Return what is posted when the provider captures the price."""
        ...


class RecordedMove(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that was done, for a dry run: what hooks could see, and what they said.

    `id` names it to people. `answers` are those of hooks that let it pass, none where nobody was
    asked; `revision` is the one whose hooks were. `missing` says, in sentences, what hooks saw then
    and the record does not hold.
    """

    id: str
    view: MoveView
    at: datetime
    answers: tuple[Answer, ...]
    revision: int | None = None
    missing: tuple[str, ...] = ()


class MoveRecord(Protocol):
    """What is known of operations, which stand above: the room that does them implements it."""

    verbs: ClassVar[Sequence[MoveVerb]]

    async def moves(self, tenant: TenantRef, verb: MoveVerb, limit: int) -> Sequence[RecordedMove]:
        """Return the newest operations of a verb, the newest first."""
        ...
