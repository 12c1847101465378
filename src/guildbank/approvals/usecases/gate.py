"""Let a command run, or store it where a second person must agree: decided under the lock."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.approvals.contracts import (
    MAX_PENDING,
    MAX_PENDING_EACH,
    NOT_NEEDED,
    REQUIRED,
    TOO_MANY,
    Approvable,
    Approval,
    Measured,
    Policy,
    Reserve,
    Rule,
)
from guildbank.approvals.rules import add_to, asking, assets_of, rules_of, sum_since
from guildbank.approvals.store import (
    ALL,
    APPROVALS,
    ONLY,
    POLICIES,
    SAME,
    TALLIES,
    WAITING,
    TallyKey,
)
from guildbank.approvals.usecases import FourEyes, Sealer, command_aad
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Receipt, RowLock, Sealed, Stage, facts
from guildbank.kernel import Refusal, new_id

REQUESTED = "approval.requested"
WAITS_ALREADY = "approval_waits_already"
"""The code inside this room for a command without a key that waits for approval already."""


class Ask(NamedTuple):
    """What is asked: the verb with its command. `alone` says that it is not a part of a batch.

    `makers` are the operators who made the key that asks: they count for it, and may not agree.
    `permission` is what both persons need, where it is not that of the verb.
    """

    approvable: Approvable[Any]
    command: Any
    sealer: Sealer
    reserve: Reserve
    alone: bool = True
    makers: tuple[str, ...] = ()
    permission: str | None = None


class Gated(Act):
    """An act that runs at once, or whose command is stored; its key is the same either way.

    So the same key with the same command answers the same for ever, whatever the policy becomes.
    Without an act, for changes outside the queue, it stores or is refused as NOT_NEEDED.
    """

    verb: ClassVar[str] = "approvals.gated"
    rounds: ClassVar[int] = 2
    __slots__ = ("_ask", "_same", "_wants", "inner")

    def __init__(self, principal: str, ask: Ask, inner: Act | None) -> None:
        super().__init__(principal)
        self._ask, self.inner = ask, inner
        self._wants: Sequence[Need] = ()
        self._same: bytes | None = None
        if inner is not None and inner.key_hash is not None:
            self.key_hash, self.fingerprint = inner.key_hash, inner.fingerprint
        else:
            self._same = _same(principal, ask)

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return what the act locks."""
        return () if self.inner is None else self.inner.locks

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the policy and what the act needs, then what its rules go by."""
        yield POLICIES, ONLY
        if self.inner is not None:
            yield from self.inner.needs(stage)
        yield from self._wants

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Run or store; refused as the act is, `too_many_approvals`, `approval_required`."""
        inner, approvable = self.inner, self._ask.approvable
        stored = stage.get(POLICIES, ONLY)
        policy = Policy() if stored is None else stored.policy
        rules = rules_of(policy, approvable.verb, always=approvable.always)
        if not rules:
            return NOT_NEEDED if inner is None else inner.decide(stage)
        if inner is None:
            return self._store(stage, policy, rules[0], Measured(), None)
        # A command that would be refused now is refused now.
        draft = inner.decide(stage)
        if isinstance(draft, Refusal):
            return draft
        measured = Measured() if approvable.measure is None else approvable.measure(draft.data)
        rule = self._judge(stage, rules, measured)
        if rule is None:
            return draft
        after = self._ask.reserve.look(stage)
        stage.drop()
        before = self._ask.reserve.look(stage)
        return self._store(stage, policy, rule, measured, (before, after))

    def _judge(self, stage: Stage, rules: Sequence[Rule], measured: Measured) -> Rule | None:
        """Return the rule that asks, None for none; what runs is added up for the next."""
        assets = assets_of(rules, measured)
        ask = self._ask
        keys = tally_keys((self.principal, *ask.makers), ask.approvable.verb, measured, assets)
        self._wants = [(TALLIES, key) for key in keys]
        sums: dict[str, list[int]] = {}
        for key in keys:
            tally = stage.get(TALLIES, key) or ()
            sums.setdefault(key.asset, []).append(sum_since(tally, stage.now))
        rule = asking(rules, measured, sums)
        if rule is None:
            self._count(stage, keys, measured)
        return rule

    def _count(self, stage: Stage, keys: Sequence[TallyKey], measured: Measured) -> None:
        for key in keys:
            tally = stage.get(TALLIES, key) or ()
            amount = measured.amounts[key.asset]
            stage.put(TALLIES, key, add_to(tally, amount, stage.now, stage.now))

    def _store(
        self,
        stage: Stage,
        policy: Policy,
        rule: Rule,
        measured: Measured,
        seen: tuple[Any, Any] | None,
    ) -> Draft | Refusal:
        ask, principal = self._ask, self.principal
        if not ask.alone:
            return REQUIRED
        verb = ask.approvable.verb
        keys = tally_keys((principal, *ask.makers), verb, measured, list(measured.amounts))
        same: list[Need] = [] if self._same is None else [(SAME, self._same)]
        self._wants = [
            *((TALLIES, key) for key in keys), (WAITING, ALL), (WAITING, principal), *same,
        ]  # fmt: skip
        if self._same is not None and (waits := stage.get(SAME, self._same)) is not None:
            return Refusal(code=WAITS_ALREADY, detail="", extra={"approval": waits})
        of_all = stage.get(WAITING, ALL) or 0
        own = stage.get(WAITING, principal) or 0
        if of_all >= MAX_PENDING or own >= MAX_PENDING_EACH:
            return TOO_MANY
        approval_id = new_id("apr")
        until = stage.now + timedelta(hours=policy.expires_after_hours)
        hold: int | None = None
        if seen is not None:
            held = ask.reserve.place(stage, *seen, approval_id, until)
            if isinstance(held, Refusal):
                return held
            hold = held
        self._count(stage, keys, measured)
        stage.put(WAITING, ALL, of_all + 1)
        stage.put(WAITING, principal, own + 1)
        if self._same is not None:
            stage.put(SAME, self._same, approval_id)
        approval = Approval(
            id=approval_id,
            verb=verb,
            permission=ask.permission or ask.approvable.permission,
            state="pending",
            requested_by=principal,
            player=measured.player,
            amounts=dict(measured.amounts),
            rule=rule,
            command=ask.sealer.seal(command_aad(approval_id), facts(ask.command)),
            same=self._same,
            hold=hold,
            requested_at=stage.now,
            expires_at=until,
            makers=ask.makers,
        )
        stage.put(APPROVALS, approval_id, approval)
        said = ask.approvable.sealed(ask.command)
        return Draft(REQUESTED, facts(requested_facts(approval, said)))


def _same(principal: str, ask: Ask) -> bytes:
    """Return what tells the same command of the same caller, which has no key, when it comes again.

    What is sealed is another ciphertext each time; its hash, which is in the command too, is not.
    """
    sealed = ask.approvable.sealed(ask.command)
    told = facts(ask.command)
    if sealed is not None:
        told = told.replace(b64encode(sealed.ciphertext), b"")
    return sha256(f"{principal}\0{ask.approvable.verb}\0".encode() + told).digest()


class GatedRecord(Gated):
    """The same for an act that is a record by itself, where a machine does it."""

    is_record: ClassVar[bool] = True
    __slots__ = ()


def requested_facts(approval: Approval, said: Sealed | None) -> dict[str, object]:
    """Return what the chain says of a request: its command, which may name persons, stays out.

    The salted hash of what was said tells the same command again once the person is erased.
    """
    payload = {} if said is None else {"payload": said.hash}
    return {
        **payload,
        "approval": approval.id,
        "verb": approval.verb,
        "player": approval.player,
        "amounts": approval.amounts,
        "rule": approval.rule,
        "expiresAt": approval.expires_at,
        "hold": approval.hold,
    }


def tally_keys(
    actors: Sequence[str], verb: str, measured: Measured, assets: Sequence[str]
) -> list[TallyKey]:
    """Return what amounts of these assets add up under: who acts, and the player concerned.

    A key's acts are those of whoever made it too, or many keys would be many small amounts.
    """
    whose = [f"by:{actor}" for actor in actors]
    if measured.player is not None:
        whose.append(f"of:{measured.player}")
    return [TallyKey(who, verb, asset) for asset in assets for who in whose]


async def gate(
    four_eyes: FourEyes,
    tenant: TenantRef | None,
    act: Act,
    verb: str,
    command: object,
    *,
    alone: bool = True,
    permission: str | None = None,
) -> Gated:
    """Return the act to submit in place of `act`; `command` is what makes the act anew.

    A command that a route opens by another `permission` than that of its verb says which one: who
    asked must still have it when it is done, and who agrees must have it too.
    Its receipt is the act's, or where `is_waiting` that of a stored command. Besides the act's
    refusals: `too_many_approvals`, and `approval_required` where it is not `alone`.
    """
    ask = Ask(
        four_eyes.approvables[verb],
        command,
        await four_eyes.sealer(tenant),
        four_eyes.reserve,
        alone,
        await four_eyes.rights.makers(act.principal),
        permission,
    )
    made = GatedRecord if act.is_record else Gated
    return made(act.principal, ask, act)


def is_waiting(receipt: Receipt) -> bool:
    """Say whether an entry stored a command that waits, or waited, for approval."""
    return receipt.kind == REQUESTED


def waits_for(outcome: Outcome) -> str | None:
    """Return the id of the approval that an outcome leads to, None where it leads to none."""
    if isinstance(outcome, Refusal):
        found = outcome.extra.get("approval") if outcome.code == WAITS_ALREADY else None
        return None if found is None else str(found)
    return str(msgspec.json.decode(outcome.data)["approval"]) if is_waiting(outcome) else None
