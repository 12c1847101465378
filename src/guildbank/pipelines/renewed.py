"""Reads the steps of a revision as the versions of their plugins that are here name settings."""

from collections.abc import Mapping, Sequence

import msgspec

from guildbank.pipelines.contracts import OlderStep, Revision, Stages, Step
from guildbank.plugin_api import Manifest, Slot
from guildbank.plugin_host import Plugins, renew_settings, settings_before


def versions_of(plugins: Plugins, stages: Stages) -> dict[str, str]:
    """Return the versions of the plugins of all steps, as a revision keeps them."""
    found = [(slot, step, plugins.at(slot, step.plugin)) for slot, step in stages.placed()]
    return {_name(slot, step): plugin.manifest.version for slot, step, plugin in found if plugin}


def renewed(plugins: Plugins, revision: Revision) -> Stages:
    """Return the revision's steps; those of other versions are renewed."""

    def each(slot: Slot, steps: Sequence[Step]) -> tuple[Step, ...]:
        return tuple(_renew(plugins, revision.versions, slot, step) for step in steps)

    stages = revision.stages
    return msgspec.structs.replace(
        stages, **{name: each(slot, steps) for name, (slot, steps) in stages.by_slot().items()}
    )


def _renew(plugins: Plugins, versions: Mapping[str, str], slot: Slot, step: Step) -> Step:
    plugin = plugins.at(slot, step.plugin)
    if plugin is None:
        return step
    return renewed_step(plugin.manifest, step, versions.get(_name(slot, step), ""))


def renewed_step(manifest: Manifest, step: Step, written_by: str) -> Step:
    """Return a step as this version of its plugin is to get it."""
    if written_by == manifest.version:
        return step
    return OlderStep(
        step.id,
        step.plugin,
        renew_settings(manifest, step.settings, written_by),
        step.limits,
        written_by=written_by,
        went_with=settings_before(manifest, step.settings, written_by),
    )


def written_by(revision: Revision, slot: Slot, step: Step) -> str:
    """Return the version of the step's plugin that took its settings, empty where none is known."""
    return revision.versions.get(_name(slot, step), "")


def _name(slot: Slot, step: Step) -> str:
    return f"{slot}:{step.plugin}"
