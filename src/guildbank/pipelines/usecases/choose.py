"""Choose what a new payment runs, and find it again for one that was begun."""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank.journal import Driver, Look
from guildbank.pipelines import store
from guildbank.pipelines.contracts import EMPTY, Chosen, Pipeline, Placed, Stages
from guildbank.pipelines.rules import number_for, vetoes_since
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import Slot


class Added(NamedTuple):
    """The revision that a new payment of the player would run, and its checks that are new."""

    number: int
    checks: tuple[Placed, ...]


class Runs(NamedTuple):
    """What runs for a purpose; `mark` differs wherever another revision or share does."""

    purpose: str
    published: int
    has_canary: bool
    mark: str


async def choose(
    pipelines: Pipelines, driver: Driver, schema: str, purpose: str, player_id: str
) -> Chosen:
    """Return the revision that is published now, or the player's canary.

    `driver` is of a transaction in the tenant's schema: what was published before it began is seen,
    so a worker needs no word of a publication to follow it.
    """
    return (await choose_each(pipelines, driver, schema, [(purpose, player_id)]))[0]


async def choose_each(
    pipelines: Pipelines, driver: Driver, schema: str, wanted: Sequence[tuple[str, str]]
) -> list[Chosen]:
    """Return the same for many, each a purpose and a player, by one look at the pipelines."""
    found = await store.pipelines_of(driver, sorted({purpose for purpose, _ in wanted}))
    chosen: list[Chosen] = []
    for purpose, player_id in wanted:
        number, before = _numbers(found.get(purpose), player_id)
        stages = await began_with(pipelines, driver, schema, purpose, number)
        chosen.append(Chosen(purpose, number, stages, before))
    return chosen


async def choose_by(
    pipelines: Pipelines, look: Look, schema: str, purpose: str, player_id: str
) -> Chosen:
    """Return what `choose` does, by rows that an act of the command finds unchanged."""
    pipeline = await look.get(store.PIPELINES, purpose)
    number, before = _numbers(pipeline, player_id)
    stages = pipelines.kept(schema, purpose, number)
    if stages is None:
        stages = await began_with(pipelines, await look.driver(), schema, purpose, number)
    return Chosen(purpose, number, stages, before)


def _numbers(pipeline: Pipeline | None, player_id: str) -> tuple[int, int]:
    """Return the player's revision, and the one before it."""
    if pipeline is None:
        return EMPTY, EMPTY
    number = number_for(pipeline, player_id)
    return number, pipeline.published if number == pipeline.canary else pipeline.previous


async def pinned(
    pipelines: Pipelines, driver: Driver, schema: str, began: tuple[str, int], player_id: str
) -> tuple[Placed, ...]:
    """Return the checks before the provider, for a payment that began with a purpose and revision.

    They are those of its revision, and those that were published since, scorers last: they weigh
    what all others noted.
    """
    purpose, number = began
    stages = await began_with(pipelines, driver, schema, purpose, number)
    current = await choose(pipelines, driver, schema, purpose, player_id)
    own = (one for one in stages.gates() if one.slot is not Slot.ENTRY)
    checks = (*own, *vetoes_since(stages, current.stages))
    return tuple(sorted(checks, key=lambda one: one.slot is Slot.SCORER))


async def added_since(
    pipelines: Pipelines, driver: Driver, schema: str, began: tuple[str, int], player_id: str
) -> Added:
    """Return what may veto a payment and was published since its revision, scorers last."""
    purpose, number = began
    stages = await began_with(pipelines, driver, schema, purpose, number)
    current = await choose(pipelines, driver, schema, purpose, player_id)
    checks = vetoes_since(stages, current.stages)
    return Added(current.number, tuple(sorted(checks, key=lambda one: one.slot is Slot.SCORER)))


async def what_runs(driver: Driver) -> list[Runs]:
    """Return what runs in the tenant now, by purpose; of a purpose without a revision nothing."""
    return [
        Runs(
            one.purpose,
            one.published,
            one.canary is not None,
            f"{one.published}"
            if one.canary is None
            else f"{one.published} {one.canary} {one.share}",
        )
        for one in await store.all_pipelines(driver)
    ]


async def began_with(
    pipelines: Pipelines, driver: Driver, schema: str, purpose: str, number: int
) -> Stages:
    """Return the steps of a revision that was published; raises LookupError for any other."""
    stages = await pipelines.stages(driver, schema, purpose, number)
    if stages is None:
        raise LookupError(f"{schema} has no revision {number} for {purpose}")
    return stages
