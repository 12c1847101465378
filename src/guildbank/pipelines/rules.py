"""Pure decisions on pipelines: who gets a canary, and what a newer revision vetoes besides."""

from hashlib import sha256

from guildbank.pipelines.contracts import Pipeline, Placed, Stages


def number_for(pipeline: Pipeline, player_id: str) -> int:
    """Return the revision that a new payment of the player runs.

    A player gets the same one each time, and other players are in another canary's share.
    """
    if pipeline.canary is None:
        return pipeline.published
    told = f"{pipeline.purpose}:{pipeline.canary}:{player_id}".encode()
    place = int.from_bytes(sha256(told).digest()[:8], "big") % 100
    return pipeline.canary if place < pipeline.share else pipeline.published


def vetoes_since(pinned: Stages, current: Stages) -> tuple[Placed, ...]:
    """Return the checks of `current` that a payment pinned to the other did not pass.

    What was forbidden since it began is forbidden for it too, until its money is captured.
    """
    passed = [(slot, one.plugin, one.settings) for slot, one in pinned.gates()]
    return tuple(
        placed
        for placed in current.gates()
        if (placed.slot, placed.step.plugin, placed.step.settings) not in passed
    )
