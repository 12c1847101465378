"""Publish a revision, to all players or to a share of them, and take the last one back.

One row says what runs. It changes only once every plugin of the revision has started here; what is
published then is what all workers run, and payments that were begun keep the revision they have.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from guildbank.approvals import Approvable, gate, waits_for
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.pipelines import fleet, store
from guildbank.pipelines.contracts import (
    EMPTY,
    NO_CHANGE,
    NO_PIPELINE,
    NO_REVISION,
    NOTHING_TO_ROLL_BACK,
    Pipeline,
)
from guildbank.pipelines.store import PIPELINES
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.check import find_problems, refuse
from guildbank.pipelines.usecases.start import make_ready

PERMISSION = "pipelines:publish"
PUBLISHED = "pipelines.published"
ROLLED_BACK = "pipelines.rolled_back"
ALL = 100


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to run: a revision for `share` percent of the players, or the one before again.

    With `over` only if that one is published by then: nobody overwrites what they have not seen.
    """

    purpose: str
    number: int | None = None
    share: int = ALL
    over: int | None = None


class _Of(msgspec.Struct):
    purpose: str


_PURPOSE = msgspec.json.Decoder(_Of)


class Publish(Act):
    """Changes what runs. Every field of the row is decided here, under the lock."""

    verb: ClassVar[str] = "pipelines.publish"
    __slots__ = ("wanted",)

    def __init__(self, principal: str, wanted: Wanted) -> None:
        super().__init__(principal)
        self.wanted = wanted

    def needs(self, stage: Stage) -> list[Need]:
        """Return the pipeline."""
        return [(PIPELINES, self.wanted.purpose)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Refused: `not_found`, `pipeline_moved`, `nothing_to_roll_back`, and `no_change`."""
        wanted, before = self.wanted, stage.get(PIPELINES, self.wanted.purpose)
        if before is None or (wanted.number or EMPTY) > before.newest:
            return NO_REVISION
        if wanted.over is not None and wanted.over != before.published:
            return Refusal(
                code="pipeline_moved",
                detail=f"Revision {before.published} is published by now. Look at it, and ask "
                "again over that one.",
                field="over",
                extra={"published": before.published},
            )
        after = rolled_back(before) if wanted.number is None else moved(before, wanted)
        if isinstance(after, Refusal):
            return after
        stage.put(PIPELINES, wanted.purpose, msgspec.structs.replace(after, changed_at=stage.now))
        told = {"purpose": wanted.purpose, **running(after)}
        kind = ROLLED_BACK if wanted.number is None else PUBLISHED
        return Draft(kind, facts(told), before=running(before))


def moved(before: Pipeline, wanted: Wanted) -> Pipeline | Refusal:
    """Return the pipeline with a revision published, or given to a share of the players."""
    number = wanted.number or EMPTY
    if wanted.share < ALL:
        if (number, wanted.share) == (before.canary, before.share) or number == before.published:
            return NO_CHANGE
        return msgspec.structs.replace(before, canary=number, share=wanted.share)
    if number == before.published and before.canary is None:
        return NO_CHANGE
    previous = before.previous if number == before.published else before.published
    return msgspec.structs.replace(
        before, published=number, previous=previous, canary=None, share=0
    )


def rolled_back(before: Pipeline) -> Pipeline | Refusal:
    """Return the pipeline without its canary, or else with the revision that ran before."""
    if before.canary is not None:
        return msgspec.structs.replace(before, canary=None, share=0)
    if before.published == before.previous == EMPTY:
        return NOTHING_TO_ROLL_BACK
    return msgspec.structs.replace(before, published=before.previous, previous=before.published)


def running(pipeline: Pipeline) -> dict[str, object]:
    """Return what an entry says of what runs."""
    return {"revision": pipeline.published, "canary": pipeline.canary, "share": pipeline.share}


async def publish(
    pipelines: Pipelines, tenant: TenantRef, principal: str, wanted: Wanted
) -> Pipeline | Outcome:
    """Return the pipeline as it is then, or the outcome of a command that waits for approval.

    Refusals: `not_found`, `invalid_pipeline` (a plugin changed since it was saved),
    `step_not_started`, `pipeline_moved`, `nothing_to_roll_back`, `tenant_suspended`. Raises
    Unavailable.
    """
    act = await publishing(pipelines, tenant, principal, wanted)
    if isinstance(act, Refusal):
        return act
    gated = await gate(pipelines.four_eyes, tenant, act, act.verb, wanted)
    outcome = await pipelines.journal.submit(tenant.schema, gated)
    waits = waits_for(outcome) is not None
    if waits or (isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code):
        return outcome
    return await _tell(pipelines, tenant, wanted.purpose)


async def _tell(pipelines: Pipelines, tenant: TenantRef, purpose: str) -> Pipeline | Refusal:
    """Let all processes know what runs now; one that misses it hears by its next purchase."""
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        found = (await store.pipelines_of(tx.driver, [purpose])).get(purpose)
    if found is None:
        return NO_PIPELINE
    if purpose in pipelines.verbs:
        pipelines.hooked.learn(tenant.schema, [found])
    async with pipelines.db.begin(CONTROL_SCHEMA) as tx:
        await fleet.tell(tx.driver, tenant.id, purpose, found.published, found.canary)
    return found


async def publishing(
    pipelines: Pipelines, tenant: TenantRef, principal: str, wanted: Wanted
) -> Publish | Refusal:
    """Return the act, once all that would run has been checked and has started here."""
    if wanted.purpose not in pipelines.purposes:
        return NO_PIPELINE
    number = wanted.number
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        if number is None:
            found = await store.pipelines_of(tx.driver, [wanted.purpose])
            pipeline = found.get(wanted.purpose)
            number = EMPTY if pipeline is None or pipeline.canary is not None else pipeline.previous
        stages = await pipelines.stages(tx.driver, tenant.schema, wanted.purpose, number)
    if stages is None:
        return NO_REVISION
    problems = await find_problems(pipelines, tenant, wanted.purpose, stages, places=False)
    if number != EMPTY and (refusal := refuse(problems)) is not None:
        return refusal
    problem = await make_ready(pipelines, tenant, wanted.purpose, number, stages, anew=True)
    if problem is not None:
        return Refusal(code="step_not_started", detail=problem.detail, field=problem.field)
    return Publish(principal, wanted)


async def _after(services: Any, tenant: TenantRef, receipt: Receipt) -> None:
    await _tell(services.pipelines, tenant, _PURPOSE.decode(receipt.data).purpose)


async def _act(services: Any, tenant: TenantRef | None, by: str, wanted: Wanted) -> Act | Refusal:
    assert tenant is not None
    return await publishing(services.pipelines, tenant, by, wanted)


def _show(wanted: Wanted) -> Mapping[str, Any]:
    return {
        "purpose": wanted.purpose,
        "revision": wanted.number,
        "share": wanted.share if wanted.number is not None else None,
        "rollBack": wanted.number is None,
    }


APPROVABLE = Approvable(
    verb=Publish.verb,
    permission=PERMISSION,
    meaning="Change what every purchase passes through: publish a pipeline, or roll it back.",
    command=Wanted,
    show=_show,
    act=_act,
    after=_after,
)
