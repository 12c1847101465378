"""The acts by which a request ends: executed by a second person, rejected, cancelled, expired."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from guildbank.approvals.contracts import (
    APPROVER_MAY_NOT,
    EXPIRED,
    NO_APPROVAL,
    NOT_OWN,
    OWN_REQUEST,
    PLAIN_PERSONS,
    REQUESTER_MAY_NOT,
    SYSTEM,
    WRITE,
    Approval,
    Measured,
    Reserve,
    Rights,
    State,
    closed,
)
from guildbank.approvals.rules import add_to
from guildbank.approvals.store import ALL, APPROVALS, SAME, TALLIES, WAITING, TallyKey
from guildbank.approvals.tables import APPROVALS_ORDER
from guildbank.approvals.usecases.gate import tally_keys
from guildbank.infra.acting import HOST
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, RowLock, Stage, facts
from guildbank.kernel import Refusal


class Decide(Act):
    """Ends a request that waits. `words` are what was said, sealed."""

    rounds: ClassVar[int] = 2
    to: ClassVar[State]
    kind: ClassVar[str]
    __slots__ = ("approval", "reserve", "rights", "tenant", "words")

    def __init__(
        self,
        principal: str,
        tenant: TenantRef | None,
        approval: Approval,
        rights: Rights,
        reserve: Reserve,
        words: bytes | None = None,
    ) -> None:
        super().__init__(principal)
        self.tenant = tenant
        self.approval = approval
        self.rights = rights
        self.reserve = reserve
        self.words = words

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the request's row, which a change outside the queue locks first too."""
        return (RowLock(APPROVALS_ORDER, "approvals_request", self.approval.id),)

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the request, what it held, and what it counted for."""
        one = self.approval
        yield APPROVALS, one.id
        yield WAITING, ALL
        yield WAITING, one.requested_by
        for key in self._keys():
            yield TALLIES, key
        if one.hold is not None:
            yield from self.reserve.needs(stage, one.hold)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """End it. Refused: `not_found`, `approval_closed`, and what `judge` refuses."""
        one = stage.get(APPROVALS, self.approval.id)
        if one is None:
            return NO_APPROVAL
        if one.state != "pending":
            return closed(one.state)
        refusal = self.judge(stage, one)
        if refusal is not None:
            return refusal
        if one.hold is not None:
            refusal = self.reserve.free(stage, one.hold)
            if refusal is not None:
                return refusal
        if self.to != "executed":
            for key in self._keys():
                tally = stage.get(TALLIES, key) or ()
                amount = one.amounts[key.asset]
                stage.put(TALLIES, key, add_to(tally, -amount, one.requested_at, stage.now))
        for who in (ALL, one.requested_by):
            stage.put(WAITING, who, (stage.get(WAITING, who) or 1) - 1)
        if one.same is not None:
            stage.put(SAME, one.same, None)
        done = msgspec.structs.replace(
            one,
            state=self.to,
            decided_by=self.principal,
            decided_at=stage.now,
            words=self.words,
            result=self.result(stage),
        )
        stage.put(APPROVALS, one.id, done)
        told = {"approval": one.id, "verb": one.verb, "requestedBy": one.requested_by}
        return Draft(self.kind, facts(told))

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Return why it cannot end so."""
        raise NotImplementedError

    def result(self, stage: Stage) -> int | None:
        """Return the position of the entry that the command becomes."""
        return None

    def person(self, stage: Stage, *permissions: str) -> Refusal | None:
        """Return why whoever decides may not: a person, active, with all of these, or the host."""
        if self.principal == HOST:
            return None
        if not self.rights.is_person(self.principal):
            return PLAIN_PERSONS
        held = self.rights.permitted(stage, self.tenant, self.principal)
        return None if held is not None and held.issuperset(permissions) else APPROVER_MAY_NOT

    def _keys(self) -> Sequence[TallyKey]:
        one = self.approval
        measured = Measured(one.player, one.amounts)
        return tally_keys(one.requested_by, one.verb, measured, list(one.amounts))


class Execute(Decide):
    """Consumes the approval; in the same commit the command is done, or neither is."""

    verb: ClassVar[str] = "approvals.execute"
    to: ClassVar[State] = "executed"
    kind: ClassVar[str] = "approval.executed"
    __slots__ = ("queued",)

    def __init__(
        self,
        principal: str,
        tenant: TenantRef | None,
        approval: Approval,
        rights: Rights,
        reserve: Reserve,
        words: bytes | None = None,
        *,
        queued: bool = True,
    ) -> None:
        super().__init__(principal, tenant, approval, rights, reserve, words)
        self.queued = queued

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return what every end needs, and what both persons may do."""
        yield from super().needs(stage)
        yield from self.rights.needs(self.principal)
        yield from self.rights.needs(self.approval.requested_by)

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse who asked for it, who may not, and what is too late."""
        if one.expires_at <= stage.now:
            return EXPIRED
        if one.requested_by == self.principal:
            return OWN_REQUEST
        refusal = self.person(stage, WRITE, one.permission)
        if refusal is not None or not self.rights.is_person(one.requested_by):
            return refusal
        held = self.rights.permitted(stage, self.tenant, one.requested_by)
        return None if held is not None and one.permission in held else REQUESTER_MAY_NOT

    def result(self, stage: Stage) -> int | None:
        """Return the position after this, where its act follows, or before, of a change."""
        return stage.seq + 1 if self.queued else stage.seq - 1


class Reject(Decide):
    """Says no."""

    verb: ClassVar[str] = "approvals.reject"
    to: ClassVar[State] = "rejected"
    kind: ClassVar[str] = "approval.rejected"
    __slots__ = ()

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return what every end needs, and what the person may do."""
        yield from super().needs(stage)
        yield from self.rights.needs(self.principal)

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse who asked for it, who cancels instead, and who may not decide."""
        if one.requested_by == self.principal:
            return OWN_REQUEST
        return self.person(stage, WRITE, one.permission)


class Cancel(Decide):
    """Takes one's own request back."""

    verb: ClassVar[str] = "approvals.cancel"
    to: ClassVar[State] = "cancelled"
    kind: ClassVar[str] = "approval.cancelled"
    __slots__ = ()

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse everybody else."""
        return None if one.requested_by == self.principal else NOT_OWN


class Expire(Decide):
    """Ends what nobody decided in time."""

    verb: ClassVar[str] = "approvals.expire"
    to: ClassVar[State] = "expired"
    kind: ClassVar[str] = "approval.expired"
    __slots__ = ()

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse what is not due."""
        due = self.principal == SYSTEM and one.expires_at <= stage.now
        return None if due else Refusal(code="approval_not_due", detail="Its time is not over.")
