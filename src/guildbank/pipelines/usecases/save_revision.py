"""Save a revision of a pipeline: a draft that never changes and runs once it is published."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import NO_PIPELINE, Pipeline, Revision, Stages
from guildbank.pipelines.renewed import versions_of
from guildbank.pipelines.store import PIPELINES, REVISIONS
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.check import find_problems, refuse

REVISION_SAVED = "pipelines.revision_saved"
_SAVED = msgspec.json.Decoder(Revision)


class SaveRevision(Act):
    """Adds the next revision; `problem` is the refusal that only an earlier answer outdoes."""

    verb: ClassVar[str] = "pipelines.save_revision"
    rounds: ClassVar[int] = 2
    __slots__ = ("problem", "purpose", "stages", "versions")

    def __init__(
        self,
        principal: str,
        key: str | None,
        purpose: str,
        stages: Stages,
        problem: Refusal | None,
        versions: Mapping[str, str],
    ) -> None:
        super().__init__(principal, key, (purpose, stages))
        self.problem = problem
        self.purpose = purpose
        self.stages = stages
        self.versions = versions

    def needs(self, stage: Stage) -> list[Need]:
        """Return the pipeline, then the place of the revision."""
        needs: list[Need] = [(PIPELINES, self.purpose)]
        if stage.loaded(PIPELINES, self.purpose):
            needs.append((REVISIONS, (self.purpose, self._pipeline(stage).newest + 1)))
        return needs

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save it under the next number, unless there is a problem."""
        if self.problem is not None:
            return self.problem
        pipeline = self._pipeline(stage)
        number = pipeline.newest + 1
        revision = Revision(
            purpose=self.purpose, number=number, stages=self.stages, saved_at=stage.now,
            versions=self.versions,
        )  # fmt: skip
        stage.put(REVISIONS, (self.purpose, number), revision)
        newest = msgspec.structs.replace(pipeline, newest=number, changed_at=stage.now)
        stage.put(PIPELINES, self.purpose, newest)
        return Draft(REVISION_SAVED, facts(revision))

    def _pipeline(self, stage: Stage) -> Pipeline:
        found = stage.get(PIPELINES, self.purpose)
        return found or Pipeline(purpose=self.purpose, changed_at=stage.now)


async def save_revision(
    pipelines: Pipelines,
    tenant: TenantRef,
    principal: str,
    purpose: str,
    stages: Stages,
    *,
    key: str | None = None,
) -> Revision | Refusal:
    """Return the saved revision.

    Refusals: `not_found` (the purpose), `invalid_pipeline`, `key_reused`, `tenant_suspended`.
    Raises Unavailable.
    """
    if purpose not in pipelines.purposes:
        return NO_PIPELINE
    problem = refuse(await find_problems(pipelines, tenant, purpose, stages))
    versions = versions_of(pipelines.plugins, stages)
    act = SaveRevision(principal, key, purpose, stages, problem, versions)
    receipt = await pipelines.journal.submit(tenant.schema, act)
    return _SAVED.decode(receipt.data) if isinstance(receipt, Receipt) else receipt
