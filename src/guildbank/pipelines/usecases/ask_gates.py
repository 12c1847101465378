"""Ask the steps that may refuse or charge, in order: one that cannot answer refuses."""

from collections.abc import Sequence
from time import perf_counter
from typing import Protocol, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Answer, Passage, Placed, Step
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.ask_plugin import (
    ONLY_NOTES,
    InContext,
    Peer,
    as_it_is,
    ask_plugin,
)
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.pipelines.usecases.read_answers import (
    Said,
    Silent,
    charges_of,
    check_score,
    read_answer,
)
from guildbank.plugin_api import (
    Annotated,
    Charge,
    Charged,
    Charger,
    Context,
    Entry,
    Manifest,
    Middleware,
    Plugin,
    PurchaseView,
    Scored,
    Scorer,
    Slot,
    Veto,
    added_of,
    check_charged,
)

log = structlog.get_logger(__name__)


class _Asks(Protocol):
    async def __call__(
        self, context: Context, purchase: PurchaseView
    ) -> Annotated | Veto | Scored | Charged: ...


async def ask_gates(
    pipelines: Pipelines,
    tenant: TenantRef,
    steps: Sequence[Placed],
    purchase: PurchaseView,
    in_context: InContext = as_it_is,
) -> Passage:
    """Return what each step said, up to the first that refuses.

    Refusals: `purchase_vetoed`, and `gate_unavailable` where a step raises, is late, answers
    something else or is not installed any more, unless its manifest says that it only annotates,
    or it is a scorer whose step refuses from no number of points. A veto of one that only annotates
    is no answer. Each step sees the lines of the
    charge steps before it, and what is asked of the buyer with them.
    """
    notes: dict[str, str] = dict(purchase.annotations)
    answers: list[Answer] = []
    charges: tuple[Charge, ...] = ()
    known = await know_secrets(pipelines, tenant, purchase.purpose, steps)
    for (slot, step), secrets in zip(steps, known, strict=True):
        view = msgspec.structs.replace(purchase, annotations=dict(notes))
        view = with_charges(view, charges)
        began = perf_counter()
        placed = Placed(slot, with_secrets(step, secrets))
        said = await ask_step(pipelines, tenant, placed, view, in_context)
        answer, refusal = read_answer(slot, step, said, notes, purchase.address)
        micros = round((perf_counter() - began) * 1e6)
        answers.append(msgspec.structs.replace(answer, micros=micros))
        if refusal is not None:
            return Passage(tuple(answers), refusal)
        charges += charges_of(step, said, purchase.address)
    return Passage(tuple(answers), None, charges)


def with_charges(view: PurchaseView, charges: tuple[Charge, ...]) -> PurchaseView:
    """Return a purchase with these lines beside those that it has."""
    if not charges:
        return view
    total = view.amount_minor + added_of(charges)
    return msgspec.structs.replace(view, amount_minor=total, charges=(*view.charges, *charges))


async def ask_step(
    pipelines: Pipelines,
    tenant: TenantRef,
    placed: Placed,
    view: PurchaseView,
    in_context: InContext = as_it_is,
    *,
    counted: bool = True,
) -> Said:
    """Ask one step, with its secrets among its settings; what is no answer in time is none.

    A plugin that failed too often is left alone for a while, which is no answer either, unless
    failures are not `counted`.
    """
    slot, step = placed
    found = _gate(pipelines, slot, step)
    if found is None:
        log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
        return Silent(matters=_matters(None, placed))
    plugin, verb, answers = found
    matters = _matters(plugin.manifest, placed)

    async def ask(context: Context) -> Annotated | Veto | Scored | Charged:
        answer = await verb(context, view)
        if not isinstance(answer, answers):
            names = " or ".join(one.__name__ for one in answers)
            raise TypeError(f"a {slot} answers {names}, not {type(answer).__name__}")
        if isinstance(answer, Veto) and not matters:
            raise TypeError(ONLY_NOTES)
        if isinstance(answer, Scored):
            check_score(answer)
        if isinstance(answer, Charged):
            check_charged(view.price_minor, view.charges, answer)
        return answer

    manifest, name = plugin.manifest, (tenant.schema, slot, step.plugin) if counted else None
    peer = Peer(step, manifest, name, matters)
    return await ask_plugin(
        pipelines, tenant, peer, ask, address=view.address, in_context=in_context
    )


def _matters(manifest: Manifest | None, placed: Placed) -> bool:
    """Say whether the purchase is refused where the step says nothing; None stands for a plugin
    that is gone, of which nobody knows that it could not veto.
    """
    if placed.slot is Slot.SCORER:
        return placed.step.limits.refuse_from is not None
    if placed.slot is Slot.CHARGE:
        # It may change what is asked of the buyer, whatever its manifest says.
        return True
    return manifest is None or manifest.fail_closed


def _gate(
    pipelines: Pipelines, slot: Slot, step: Step
) -> tuple[Plugin, _Asks, tuple[type, ...]] | None:
    """Return the step's plugin, what asks it, and what it may answer: all run by the same rule."""
    plugin = pipelines.plugins.at(slot, step.plugin)
    if plugin is None:
        return None
    if slot is Slot.SCORER:
        return plugin, cast("Scorer", plugin).score, (Scored,)
    if slot is Slot.CHARGE:
        return plugin, cast("Charger", plugin).charge, (Charged, Veto)
    if slot is Slot.ENTRY:
        return plugin, cast("Entry", plugin).admit, (Annotated, Veto)
    return plugin, cast("Middleware", plugin).before_provider, (Annotated, Veto)
