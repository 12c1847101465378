"""Ask the plugin of a step within its time: whatever is no answer, for whatever reason, is none."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Step
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.read_answers import Silent, without_address
from guildbank.plugin_api import Context, Manifest
from guildbank.plugin_host import for_the_log

log = structlog.get_logger(__name__)
Answered = TypeVar("Answered")
InContext = Callable[[Context, Manifest], Context]
"""Makes of a step's context the one in which it is asked."""


ONLY_NOTES = "it vetoes, and its manifest says fail_closed=False: it may only annotate"
"""Why a veto of a plugin that may be skipped is no answer: who wanted to pass it would wait until
it is away."""


def as_it_is(context: Context, _: Manifest) -> Context:
    """Return the context."""
    return context


class Peer(NamedTuple):
    """Who is asked: a step with its secrets among its settings, and the manifest of its plugin.

    Its failures are counted under `name`, those without one are not: what a draft does in a dry run
    must not quarantine what runs. Silence refuses where it `matters`.
    """

    step: Step
    manifest: Manifest
    name: Hashable | None
    matters: bool


async def ask_plugin(
    pipelines: Pipelines,
    tenant: TenantRef,
    peer: Peer,
    ask: Callable[[Context], Awaitable[Answered]],
    *,
    address: str | None = None,
    in_context: InContext = as_it_is,
) -> Answered | Silent:
    """Return what `ask` makes of the step's context; it raises for what is no answer.

    A plugin that failed too often is left alone for a while, which is no answer either.
    """
    step, manifest, name, matters = peer
    rate = None if name is None else pipelines.rates.of(name)
    if rate is not None and not rate.allows():
        return Silent(matters=matters, code="quarantined")
    worked, histories = False, pipelines.histories
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            context = msgspec.structs.replace(
                pipelines.context(tenant, manifest, step),
                history=None if histories is None else histories.of(tenant),
            )
            answer = await ask(in_context(context, manifest))
        worked = True
    except Exception as error:  # whoever cannot answer has not said yes
        hides = partial(without_address, address=address)
        said = for_the_log(error, manifest, step.settings, hides)
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=said)
        return Silent(matters=matters)
    finally:
        if rate is not None and rate.tell(worked=worked):
            log.error("plugin_quarantined", tenant=tenant.slug, step=step.id, plugin=step.plugin)
    return answer
