"""What crosses the door of approvals: policies, approvals, what can be put under one, and ports."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Need, Receipt, Sealed, Stage
from guildbank.kernel import Refusal

if TYPE_CHECKING:
    from guildbank.infra.database import Tx

State: TypeAlias = Literal["pending", "agreed", "executed", "rejected", "cancelled", "expired"]
OPEN: tuple[State, ...] = ("pending", "agreed")
Of: TypeAlias = Literal["tenant", "deployment", "both"]
READ, WRITE, SET_POLICY = "approvals:read", "approvals:write", "approval-policy:write"
SYSTEM = "system"
CLOSED = "approval_closed"

MAX_PENDING = 1_000
MAX_PENDING_EACH = 100
MAX_RULES = 100
MAX_HOURS = 24 * 30
FETCH_WITHIN = timedelta(hours=24)
C = TypeVar("C")


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks for a second person.

    It asks where `verb` moves, with what else moved in 24 hours, more than `above` (minor units) of
    `asset`; without an asset, of any. Without `above` it asks always.
    """

    verb: str
    asset: str | None = None
    above: int | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a plane wants a second person for, besides what always needs one."""

    rules: tuple[Rule, ...] = ()
    expires_after_hours: int = 72


class Measured(msgspec.Struct, frozen=True):
    """What a command moves: the player concerned, and amounts in minor units by asset."""

    player: str | None = None
    amounts: Mapping[str, int] = {}


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A stored command and what became of it.

    `command` and `words` (what was said when it was decided) are sealed. `same` finds it again for
    calls without a key. `hold` is the position of the entry that holds its coins, `result` of the
    entry that it became. `makers` are the operators who made the key that asked.
    """

    id: str
    verb: str
    permission: str
    state: State
    requested_by: str
    player: str | None
    amounts: Mapping[str, int]
    rule: Rule
    command: bytes
    same: bytes | None
    hold: int | None
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    words: bytes | None = None
    result: int | None = None
    makers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that is outside the journal's queue, made in a transaction of somebody's.

    `make` makes it, its entry included, and returns a refusal or whatever came of it. `look` only
    sees whether it could be made: needed where `make` leaves something that no rollback takes
    away. `then` is begun once it is committed.
    """

    make: Callable[["Tx"], Awaitable[Any]]
    look: Callable[["Tx"], Awaitable[Refusal | None]] | None = None
    then: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, kw_only=True)
class Approvable(Generic[C]):
    """A verb that can be put under approval; its room declares it.

    `command` is decoded when it is executed; it holds all that the verb needs and nothing that was
    looked up. A verb of the journal has `act`, which makes its act anew from the app's services,
    without a key; `measure` says by the facts of its entry what it moves. Another has `change`,
    which looks up what it needs for somebody of a plane and returns what is to run in the
    transaction that consumes the approval. `answer` is what the call would have answered, `after`
    what is begun once it is committed, `sealed` the part of the command that is sealed under its
    player's key. One that is `always` needs approval without any rule. `of` says whose
    policy can name it. A change that is `fetched` makes a secret: it is made when who asked
    fetches it, so that nobody else ever sees the secret and it is stored nowhere.
    """

    verb: str
    permission: str
    meaning: str
    command: type[C]
    show: Callable[[C], Mapping[str, Any]]
    act: Callable[[Any, TenantRef | None, str, C], Awaitable[Act | Refusal]] | None = None
    measure: Callable[[bytes], Measured] | None = None
    change: Callable[[Any, TenantRef | None, str, C], Awaitable[Change | Refusal]] | None = None
    after: Callable[[Any, TenantRef, Receipt], Awaitable[None]] | None = None
    answer: Callable[[Receipt], Any] | None = None
    sealed: Callable[[C], Sealed | None] = lambda _command: None
    always: bool = False
    of: Of = "tenant"
    fetched: bool = False

    def decode(self, stored: bytes) -> C:
        """Return a command as it was stored."""
        return msgspec.json.decode(stored, type=self.command)


class Rights(Protocol):
    """Who may do what now; identity implements it.

    It is asked under the journal's lock, which every change of operators and roles takes too.
    """

    def is_person(self, principal: str) -> bool:
        """Say whether the principal is an operator, and no application."""
        ...

    def needs(self, principal: str) -> Iterable[Need]:
        """Return what `permitted` reads."""
        ...

    def permitted(
        self, stage: Stage, tenant: TenantRef | None, principal: str
    ) -> frozenset[str] | None:
        """Return what a person may do, None where they are not active."""
        ...

    async def machine_may(self, tenant: TenantRef | None, principal: str, permission: str) -> bool:
        """Say whether an application has a good key with the scope; outside any transaction."""
        ...

    async def makers(self, principal: str, *, now: bool = False) -> tuple[str, ...]:
        """Return the operators who made keys of an application; outside any transaction.

        Whoever made the keys by which those were made is one too. Nobody made an operator. May be a
        second old, unless it must be of `now`.
        """
        ...


class Persons(Protocol):
    """Opens what is sealed under a person's key; identity implements it."""

    async def open(self, tenant: TenantRef, sealed: Sealed) -> bytes | None:
        """Return the payload, or None where the person was erased."""
        ...


class Reserve(Protocol):
    """Puts aside what a command would take from a player; wallets implement it."""

    def look(self, stage: Stage) -> Any:
        """Return what wallets hold now, to be compared."""
        ...

    def place(
        self, stage: Stage, before: Any, after: Any, approval: str, until: datetime
    ) -> int | Refusal | None:
        """Hold what is less `after`; return the hold's position, None where nothing is."""
        ...

    def needs(self, stage: Stage, hold: int) -> Iterable[Need]:
        """Return what `free` reads."""
        ...

    def free(self, stage: Stage, hold: int) -> Refusal | None:
        """Give back what is left of the hold."""
        ...


NO_APPROVAL = Refusal(code="not_found", detail="There is no such approval.")
NOT_NEEDED = Refusal(code="approval_not_needed", detail="The policy asks for no approval of this.")
REQUIRED = Refusal(
    code="approval_required",
    detail="A second person must agree to this. Send it by itself, not in a batch.",
)
TOO_MANY = Refusal(
    code="too_many_approvals",
    detail=(
        f"At most {MAX_PENDING} requests wait for approval, and {MAX_PENDING_EACH} of one person "
        "or application. Decide or cancel some first."
    ),
)
OWN_REQUEST = Refusal(
    code="own_request",
    detail="Who asked for it, or made the key that did, cannot agree to it: another person must.",
)
NOT_OWN = Refusal(code="not_own_request", detail="Only who asked for it can cancel it.")
NOT_OWN_FETCH = Refusal(
    code="not_own_request", detail="Only who asked for it fetches what was agreed to."
)
NOT_AGREED = Refusal(
    code="approval_pending", detail="Nobody agreed to it yet: it can be fetched once somebody does."
)
EXPIRED = Refusal(
    code="approval_expired",
    detail="Its time is over: nobody agreed, or fetched it, in time. Whoever wants it asks anew.",
)
REQUESTER_MAY_NOT = Refusal(
    code="requester_may_not",
    detail="Who asked for this is not active, or is not permitted it any more: it cannot be done.",
)
AGREED_MAY_NOT = Refusal(
    code="approver_may_not",
    detail="Who agreed to this is not active, or is not permitted it any more. Cancel the request "
    "and ask anew, so that somebody else agrees.",
)
APPROVER_MAY_NOT = Refusal(
    code="forbidden", detail="To agree to this you must be permitted it yourself."
)
PLAIN_PERSONS = Refusal(
    code="forbidden", detail="Only a person who signed in decides on approvals."
)


def closed(state: State) -> Refusal:
    """Return the refusal of a decision on what is decided."""
    return Refusal(
        code=CLOSED,
        detail=f"The request is {state} already: nothing was changed.",
        extra={"state": state},
    )
