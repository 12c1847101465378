"""Let operations pass the tenant's hooks: replays are known, nothing is queued, a chunk at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

import asyncpg
import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, RowLock, Stage, Unavailable, known_keys
from guildbank.kernel import Refusal
from guildbank.ledger import HOUSE, Address
from guildbank.pipelines import UNSURE, Pipeline, Pipelines, Running, ask_hooks, hooks_now
from guildbank.plugin_api import MoveLeg, MoveVerb, MoveView
from guildbank.wallets.checks import CHECKS, Kept, Passed
from guildbank.wallets.contracts import Grant, PlaceHold, Post, PostLeg, Spend

HOOKED: Mapping[type, MoveVerb] = {
    Spend: "spend", PlaceHold: "spend", Grant: "grant", Post: "transfer",
}  # fmt: skip
"""Which operations have hooks. A hold is a spend whose coins are put aside first.

Whatever settles, undoes or ends has none: what was begun must come to its end.
"""
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
_LATE = "The database did not answer in time. Nothing was begun: try again."


class Asked(NamedTuple):
    """An operation that hooks are asked about, and its act."""

    by: str
    operation: object
    key: str | None
    metadata: Mapping[str, str]
    act: Act


class PassedAct(Act):
    """An operation that hooks let pass: what they said is kept in its commit, if it is accepted."""

    verb: ClassVar[str] = "wallets.passed"
    rounds: ClassVar[int] = 2
    is_record: ClassVar[bool] = True
    __slots__ = ("inner", "passed")

    def __init__(self, inner: Act, passed: Passed) -> None:
        super().__init__(inner.principal)
        self.key_hash, self.fingerprint = inner.key_hash, inner.fingerprint
        self.inner, self.passed = inner, passed

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return what the operation locks."""
        return self.inner.locks

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return what the operation needs."""
        return self.inner.needs(stage)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Decide the operation; refused as it is."""
        draft = self.inner.decide(stage)
        if isinstance(draft, Draft):
            stage.put(CHECKS, stage.seq, Kept(self.passed, stage.now))
        return draft


async def pass_hooks(
    pipelines: Pipelines, tenant: TenantRef, hooks: Running, operations: Sequence[Asked]
) -> list[Passed | Refusal | None]:
    """Return what is said of each operation: None where no hook has a say.

    That is so for a verb without hooks, and for a key that the journal knows: its answer stands.
    Refusals: `operation_vetoed`, `gate_unavailable`, `pipeline_unavailable`. Raises Unavailable.
    """
    said: list[Passed | Refusal | None] = [None] * len(operations)
    if not any(map(_verb, operations)):
        return said
    with _or_unavailable():
        if hooks is UNSURE:
            hooks = await hooks_now(pipelines, tenant)
        places = [n for n, one in enumerate(operations) if _verb(one) in hooks]
        if not places:
            return said
        schema = tenant.schema
        acts = [operations[place].act for place in places]
        known = await known_keys(pipelines.db, schema, acts)
        places = [n for n in places if operations[n].act.key_hash not in known]
        for verb, pipeline in hooks.items():
            of_verb = [n for n in places if _verb(operations[n]) == verb]
            if of_verb:
                asked = [operations[n] for n in of_verb]
                for n, one in zip(
                    of_verb, await _ask(pipelines, tenant, pipeline, asked), strict=True
                ):
                    said[n] = one
        refused = [n for n in places if isinstance(said[n], Refusal)]
        if refused:
            # Somebody with the same key may have been let pass while these were asked about.
            acts = [operations[n].act for n in refused]
            known = await known_keys(pipelines.db, schema, acts)
            for n in refused:
                if operations[n].act.key_hash in known:
                    said[n] = None
    return said


async def _ask(
    pipelines: Pipelines, tenant: TenantRef, pipeline: Pipeline, operations: Sequence[Asked]
) -> list[Passed | Refusal | None]:
    views = [view_of(one) for one in operations]
    heard = await ask_hooks(pipelines, tenant, pipeline, views)
    said: list[Passed | Refusal | None] = []
    for view, one in zip(views, heard, strict=True):
        if one.refusal is not None:
            said.append(one.refusal)
        elif one.answers:
            answers = msgspec.json.encode(one.answers).decode()
            said.append(Passed(view.verb, one.revision, answers, view.players))
        else:
            said.append(None)
    return said


@contextmanager
def _or_unavailable() -> Iterator[None]:
    """Hooks that are away are heard as silence; what gets here is the database."""
    try:
        yield
    except _AWAY as away:
        raise Unavailable(_LATE) from away


def _verb(one: Asked) -> MoveVerb | None:
    return HOOKED.get(type(one.operation))


def view_of(one: Asked) -> MoveView:
    """Return an operation as hooks see it; raises LookupError for one that has none."""
    operation = one.operation
    if isinstance(operation, Post):
        return transfer_view(one.by, operation.legs, one.key or "", one.metadata)
    assert isinstance(operation, Spend | Grant | PlaceHold)
    return MoveView(
        verb=HOOKED[type(operation)],
        by=one.by,
        players=(operation.player_id,),
        amounts={operation.currency: operation.amount},
        reference=one.key or "",
        currency=operation.currency,
        amount_minor=operation.amount,
        held=isinstance(operation, PlaceHold),
        metadata=one.metadata,
    )


def transfer_view(
    by: str, legs: Sequence[PostLeg], reference: str, metadata: Mapping[str, str]
) -> MoveView:
    """Return a posting of these legs as hooks see it."""
    amounts: dict[str, int] = {}
    players: dict[str, None] = {}
    for leg in legs:
        amounts[leg.credit.asset] = amounts.get(leg.credit.asset, 0) + leg.amount
        sides = (leg.debit, leg.credit)
        players.update((side.owner, None) for side in sides if side.owner != HOUSE)
    [currency] = amounts if len(amounts) == 1 else [None]
    return MoveView(
        verb="transfer",
        by=by,
        players=tuple(players),
        amounts=amounts,
        reference=reference,
        currency=currency,
        amount_minor=None if currency is None else amounts[currency],
        metadata=metadata,
        legs=tuple(
            MoveLeg(
                source=_name(leg.debit),
                to=_name(leg.credit),
                currency=leg.credit.asset,
                amount_minor=leg.amount,
            )
            for leg in legs
        ),
    )


def _name(side: Address) -> str:
    return f"{side.owner}/{side.bucket}"
