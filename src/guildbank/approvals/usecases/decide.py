"""The acts by which a request goes on or ends: agreed to, done, rejected, cancelled, expired."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import msgspec

from guildbank.approvals.contracts import (
    AGREED_MAY_NOT,
    APPROVER_MAY_NOT,
    EXPIRED,
    FETCH_WITHIN,
    NO_APPROVAL,
    NOT_OWN,
    NOT_OWN_FETCH,
    OPEN,
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
    """Ends a request that is in one of the states `since`. `words` are what was said, sealed.

    `makers` are the operators who made keys of who asked by now; the request has those of then.
    """

    rounds: ClassVar[int] = 2
    since: ClassVar[Sequence[State]] = OPEN
    to: ClassVar[State]
    kind: ClassVar[str]
    __slots__ = ("approval", "makers", "reserve", "rights", "tenant", "words")

    def __init__(
        self,
        principal: str,
        tenant: TenantRef | None,
        approval: Approval,
        rights: Rights,
        reserve: Reserve,
        words: bytes | None = None,
        makers: Sequence[str] = (),
    ) -> None:
        super().__init__(principal)
        self.tenant = tenant
        self.makers = makers
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
        if one.state not in self.since:
            return closed(one.state)
        refusal = self.judge(stage, one) or self.let_go(stage, one)
        if refusal is not None:
            return refusal
        stage.put(APPROVALS, one.id, self.decided(stage, one))
        told = {"approval": one.id, "verb": one.verb, "requestedBy": one.requested_by}
        return Draft(self.kind, facts({**told, **self.told(one)}))

    def let_go(self, stage: Stage, one: Approval) -> Refusal | None:
        """Give back what it held and counted for, now that it waits no more."""
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
        return None

    def decided(self, stage: Stage, one: Approval) -> Approval:
        """Return it as it is afterwards."""
        return msgspec.structs.replace(
            one,
            state=self.to,
            decided_by=self.principal,
            decided_at=stage.now,
            words=self.words,
            result=self.result(stage),
        )

    def told(self, one: Approval) -> Mapping[str, object]:
        """Return what its entry says further."""
        return {}

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
        actors = (one.requested_by, *one.makers)
        return tally_keys(actors, one.verb, measured, list(one.amounts))

    def is_own(self, one: Approval) -> bool:
        """Say whether who decides asked for it, or made the key that did."""
        return self.principal in (one.requested_by, *one.makers, *self.makers)


class Execute(Decide):
    """Consumes the approval; in the same commit the command is done, or neither is."""

    verb: ClassVar[str] = "approvals.execute"
    since: ClassVar[Sequence[State]] = ("pending",)
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
        makers: Sequence[str] = (),
        *,
        queued: bool = True,
    ) -> None:
        super().__init__(principal, tenant, approval, rights, reserve, words, makers)
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
        if self.is_own(one):
            return OWN_REQUEST
        refusal = self.person(stage, WRITE, one.permission)
        return refusal or self.requester(stage, one)

    def requester(self, stage: Stage, one: Approval) -> Refusal | None:
        """Return why who asked may not: a machine's key was looked at before."""
        if not self.rights.is_person(one.requested_by):
            return None
        held = self.rights.permitted(stage, self.tenant, one.requested_by)
        return None if held is not None and one.permission in held else REQUESTER_MAY_NOT

    def result(self, stage: Stage) -> int | None:
        """Return the position after this, where its act follows, or before, of a change."""
        return stage.seq + 1 if self.queued else stage.seq - 1


class Agree(Execute):
    """Lets who asked fetch what is a secret; the request waits on until then."""

    verb: ClassVar[str] = "approvals.agree"
    to: ClassVar[State] = "agreed"
    kind: ClassVar[str] = "approval.agreed"
    __slots__ = ()

    def let_go(self, stage: Stage, one: Approval) -> Refusal | None:
        """Give nothing back: it counts until it is fetched."""
        return None

    def decided(self, stage: Stage, one: Approval) -> Approval:
        """Return it with the time until which it can be fetched."""
        agreed = super().decided(stage, one)
        return msgspec.structs.replace(agreed, expires_at=stage.now + FETCH_WITHIN)

    def result(self, stage: Stage) -> int | None:
        """Return nothing yet."""
        return None


class Fetch(Execute):
    """Consumes an approval that was agreed to, as who asked, in the commit of the secret."""

    verb: ClassVar[str] = "approvals.fetch"
    since: ClassVar[Sequence[State]] = ("agreed",)
    __slots__ = ()

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return further what who agreed may do."""
        yield from super().needs(stage)
        yield from self.rights.needs(self.approval.decided_by or HOST)

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse everybody else, what is too late, and what either person may not any more."""
        if one.requested_by != self.principal:
            return NOT_OWN_FETCH
        if one.expires_at <= stage.now:
            return EXPIRED
        if one.decided_by != HOST:
            held = self.rights.permitted(stage, self.tenant, one.decided_by or "")
            if held is None or not held.issuperset((WRITE, one.permission)):
                return AGREED_MAY_NOT
        return self.requester(stage, one)

    def decided(self, stage: Stage, one: Approval) -> Approval:
        """Return it with what it became; who agreed, and when, is kept."""
        return msgspec.structs.replace(one, state=self.to, result=self.result(stage))

    def told(self, one: Approval) -> Mapping[str, object]:
        """Return who agreed."""
        return {"agreedBy": one.decided_by}


class Reject(Decide):
    """Says no, also after somebody agreed, as long as it was not fetched."""

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
        if self.is_own(one):
            return OWN_REQUEST
        return self.person(stage, WRITE, one.permission)


class Cancel(Decide):
    """Takes one's own request back, also one that somebody agreed to."""

    verb: ClassVar[str] = "approvals.cancel"
    to: ClassVar[State] = "cancelled"
    kind: ClassVar[str] = "approval.cancelled"
    __slots__ = ()

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse everybody else."""
        return None if one.requested_by == self.principal else NOT_OWN


class Expire(Decide):
    """Ends what nobody decided, or fetched, in time."""

    verb: ClassVar[str] = "approvals.expire"
    to: ClassVar[State] = "expired"
    kind: ClassVar[str] = "approval.expired"
    __slots__ = ()

    def judge(self, stage: Stage, one: Approval) -> Refusal | None:
        """Refuse what is not due."""
        due = self.principal == SYSTEM and one.expires_at <= stage.now
        return None if due else Refusal(code="approval_not_due", detail="Its time is not over.")
