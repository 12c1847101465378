"""Decide acts on the stage, one after the other: accepted, refused, replayed, or asked again."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.audit import AUDITS, audit_row
from guildbank.journal.contracts import Draft, Head, Need, Outcome, Receipt, Sealed
from guildbank.journal.stage import NotLoaded, Stage
from guildbank.kernel import Refusal

FROZEN_TENANT = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)
KEY_REUSED = Refusal(
    code="key_reused",
    detail="This Idempotency-Key was used with another command. Use a new key for a new command.",
    field="Idempotency-Key",
)

Answer = Outcome | BaseException
"""What an act ends with; an exception is a defect of that act alone."""


class Group(msgspec.Struct, eq=False):
    """Acts that stand or fall together; most groups are one act.

    The answers are final once the group is `settled`; before, they may be those of an attempt.
    `wants` is what they must read besides, because acts of the same batch changed what they go
    by; it took `tries` to find out.
    """

    acts: Sequence[Act]
    answers: Sequence[Answer] = ()
    settled: bool = False
    wants: Sequence[Need] = ()
    tries: int = 0

    @property
    def goes_last(self) -> bool:
        """Say whether it is decided by itself, after the others of its batch."""
        return any(act.goes_last for act in self.acts)


Accepted: TypeAlias = tuple[Act, Receipt, Sealed | None]
"""An act with the receipt of its entry, and the payload to be kept beside it."""


class Decided(NamedTuple):
    """The accepted acts in order, and groups that must be asked again what they need to read."""

    accepted: list[Accepted]
    unready: list[Group]


def decide(
    stage: Stage,
    groups: Sequence[Group],
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
) -> Decided:
    """Decide every group in turn on the staged rows."""
    accepted: list[Accepted] = []
    unready: list[Group] = []
    for group in groups:
        if len(group.acts) == 1:
            answer = _decide_one(stage, group.acts[0], replays, head, accepted)
            group.answers = (answer,)
            if type(answer) is NotLoaded:
                group.wants = list(group.acts[0].needs(stage))
        else:
            _decide_all(stage, group, replays, head, accepted)
        if type(group.answers[-1]) is NotLoaded:
            unready.append(group)
    return Decided(accepted, unready)


def _decide_one(
    stage: Stage,
    act: Act,
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
    accepted: list[Accepted],
) -> Answer:
    key_hash = act.key_hash
    if key_hash is not None and (met := replays.get(key_hash)) is not None:
        if met.fingerprint != act.fingerprint:
            return KEY_REUSED
        return replace(met.receipt, replayed=True)
    if not head.writable:
        return FROZEN_TENANT
    try:
        draft = act.decide(stage)
    except Exception as defect:  # one bad act does not hurt the others; its caller gets it
        stage.drop()
        return defect
    # This way round: a struct's class answers at once for its own and slowly for others.
    if not isinstance(draft, Draft):
        stage.drop()
        return draft
    if act.witness is not None:
        stage.log(AUDITS, audit_row(stage.seq, act.principal, draft, act.witness))
    receipt = Receipt(stage.seq, stage.now, draft.kind, act.principal, draft.data)
    stage.accept()
    accepted.append((act, receipt, draft.payload))
    if key_hash is not None:
        replays[key_hash] = store.StoredReceipt(receipt, act.fingerprint)
    return receipt


def _decide_all(
    stage: Stage,
    group: Group,
    replays: dict[bytes, store.StoredReceipt],
    head: Head,
    accepted: list[Accepted],
) -> None:
    """Decide acts that stand or fall together: after a refusal none of them has happened."""
    before, count = stage.mark(), len(accepted)
    answers: list[Answer] = []
    for act in group.acts:
        answer = _decide_one(stage, act, replays, head, accepted)
        answers.append(answer)
        if not isinstance(answer, Receipt):
            if isinstance(answer, NotLoaded):
                group.wants = list(act.needs(stage))
            stage.rewind(before)
            for undone, _, _ in accepted[count:]:
                if undone.key_hash is not None:
                    del replays[undone.key_hash]
            del accepted[count:]
            break
    group.answers = answers
