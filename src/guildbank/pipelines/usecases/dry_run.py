"""Replay recorded payments against a draft: what would have been different, and nothing happens.

Whatever is outside is answered from the record: providers by what they said, steps that call
somebody by what they answered then. Steps that only compute are asked again, without a network.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    NO_PIPELINE,
    Answer,
    Bought,
    Placed,
    Route,
    Stages,
    Step,
)
from guildbank.pipelines.recorded import PostingLine, Recorded
from guildbank.pipelines.rules import lead
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.ask_gates import ask_step, with_charges
from guildbank.pipelines.usecases.check import find_problems, refuse
from guildbank.pipelines.usecases.read_answers import Said, Silent, charges_of, read_answer
from guildbank.plugin_api import (
    BY_ADDRESS,
    Charge,
    Context,
    HttpAnswer,
    Manifest,
    Method,
    NoAnswer,
    PurchaseView,
    Scored,
    Slot,
)

MAX_PAYMENTS = 200
SECONDS = 20.0
"""So long a dry run may take; what it did not get to is not among its answers."""

_STANDS = "it is taken to say what it said"


class Fate(NamedTuple):
    """What became of a payment, or would have: `refused_by` is the step that refused it.

    `amount_minor` is what was asked of the player in all, with what the `charges` add. `callbacks`
    are the steps that are told, with their settings but without what is a secret.
    """

    outcome: str
    problem: str | None
    refused_by: str | None
    provider: str | None
    route: str | None
    postings: tuple[PostingLine, ...]
    callbacks: tuple[Step, ...]
    amount_minor: int = 0
    charges: tuple[Charge, ...] = ()


class Replayed(NamedTuple):
    """A payment with both fates, and what the record does not know."""

    payment_id: str
    before: Fate
    after: Fate
    unknown: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Name what differs."""
        pairs = zip(Fate._fields, self.before, self.after, strict=True)
        return tuple(name for name, was, would_be in pairs if was != would_be)


class Sealed:
    """The network of a dry run: there is none."""

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Raise NoAnswer."""
        raise NoAnswer("nothing leaves the server in a dry run")


class _Run:
    """A dry run of one draft."""

    def __init__(self, pipelines: Pipelines, tenant: TenantRef, stages: Stages) -> None:
        self.pipelines = pipelines
        self.tenant = tenant
        self.stages = stages
        self.usable: dict[str, Sequence[str]] = {}

    async def replay(self, payment: Recorded, ran: Stages) -> Replayed:
        before = self._before(payment, ran)
        unknown: list[str] = []
        after = await self._after(payment, ran, unknown)
        return Replayed(payment.view.payment_id, before, after, tuple(unknown))

    def _before(self, payment: Recorded, ran: Stages) -> Fate:
        refused = next((one for one in payment.answers if one.verdict in REFUSING), None)
        return Fate(
            outcome=payment.outcome,
            problem=payment.problem,
            refused_by=None if refused is None else refused.step,
            provider=payment.view.provider,
            route=payment.because.route,
            postings=self._postings(payment, payment.view.provider),
            callbacks=self._callbacks(ran),
            amount_minor=payment.view.amount_minor,
            charges=payment.view.charges,
        )

    def _callbacks(self, stages: Stages) -> tuple[Step, ...]:
        """Return who is told, and how. Secrets are those of now in both fates, and not shown."""
        told: list[Step] = []
        for step in stages.callbacks:
            plugin = self.pipelines.plugins.at(Slot.CALLBACK, step.plugin)
            hidden = frozenset[str]() if plugin is None else plugin.manifest.secret_fields
            settings = {
                name: "***" if name in hidden else value for name, value in step.settings.items()
            }
            told.append(Step(step.id, step.plugin, settings))
        return tuple(told)

    async def _after(self, payment: Recorded, ran: Stages, unknown: list[str]) -> Fate:
        callbacks = self._callbacks(self.stages)
        led = await self._lead(payment)
        if isinstance(led, Refusal):
            asked = (payment.view.amount_minor, payment.view.charges)
            return Fate("refused", led.code, None, None, None, (), (), *asked)
        provider, route = led
        view = msgspec.structs.replace(
            payment.view, provider=provider, amount_minor=payment.view.price_minor, charges=()
        )
        view, refused = await self._gates(payment, ran, view, unknown)
        asked = (view.amount_minor, view.charges)
        if refused is not None:
            step, refusal = refused
            return Fate("failed", refusal.code, step, provider, route, (), callbacks, *asked)
        outcome, problem = payment.outcome, payment.problem
        if not payment.asked:
            unknown.append(f"{provider} was never asked")
            outcome, problem = "unknown", None
        elif provider not in payment.asked:
            unknown.append(f"{provider} was never asked: it is taken to say what was said")
        charged = msgspec.structs.replace(payment, view=view)
        postings = self._postings(charged, provider)
        return Fate(outcome, problem, None, provider, route, postings, callbacks, *asked)

    async def _lead(self, payment: Recorded) -> tuple[str, str | None] | Refusal:
        view = payment.view
        bought = Bought(
            country=view.country, currency=view.currency, amount_minor=view.price_minor,
            product=view.product_id, platform=view.platform,
        )  # fmt: skip
        if view.currency not in self.usable:
            found = await self.pipelines.record.usable(self.tenant, view.currency)
            self.usable[view.currency] = found
        named = view.provider if payment.because.by == "buyer" else None
        routes: Sequence[Route] = self.stages.routes
        led = lead(routes, bought, view.payment_id, named, self.usable[view.currency])
        return led if isinstance(led, Refusal) else (led.providers[0], led.because.route)

    async def _gates(
        self, payment: Recorded, ran: Stages, view: PurchaseView, unknown: list[str]
    ) -> tuple[PurchaseView, tuple[str, Refusal] | None]:
        """Return the purchase with what the draft's steps charge, and the step that refuses it."""
        notes: dict[str, str] = {}
        for placed in self._steps(view):
            slot, step = placed
            seen = msgspec.structs.replace(view, annotations=dict(notes))
            if slot in (Slot.ENTRY, Slot.CHARGE):
                seen = msgspec.structs.replace(seen, payment_id="")
            plugin = self.pipelines.plugins.at(slot, step.plugin)
            if plugin is not None and looks_outside(plugin.manifest):
                then = recorded_answer(payment.answers, placed, ran, unknown)
                if then is None:
                    continue
                refusal = _as_then(placed, plugin.manifest, then, notes)
                lines = tuple(one for one in payment.view.charges if one.step == step.id)
            else:
                answer = await ask_step(
                    self.pipelines, self.tenant, placed, seen,
                    lambda one, _: of_then(self.pipelines, self.tenant, one, payment.at),
                    counted=False,
                )  # fmt: skip
                _, refusal = read_answer(slot, step, answer, notes)
                lines = charges_of(step, answer)
            if refusal is not None:
                return view, (step.id, refusal)
            if slot is Slot.CHARGE:
                view = with_charges(view, lines)
        return view, None

    def _steps(self, view: PurchaseView) -> tuple[Placed, ...]:
        """Return the steps that the draft asks: in a store, or of nothing, nobody charges."""
        provider = self.pipelines.plugins.provider(view.provider)
        store = provider is not None and provider.manifest.sold_by_store
        later = (one for one in self.stages.gates() if one.slot is not Slot.ENTRY)
        return (*self.stages.entries(charged=view.amount_minor > 0 and not store), *later)

    def _postings(self, payment: Recorded, provider: str) -> tuple[PostingLine, ...]:
        if not payment.credited:
            return ()
        return tuple(self.pipelines.record.postings(payment, provider))


REFUSING = ("vetoed", "failed")


def of_then(pipelines: Pipelines, tenant: TenantRef, context: Context, at: datetime) -> Context:
    """Return the context of a step that is asked as of then: without a network."""
    histories = pipelines.histories
    history = None if histories is None else histories.of(tenant, at)
    return msgspec.structs.replace(context, now=at, http=Sealed(), history=history)


def looks_outside(manifest: Manifest) -> bool:
    """Say whether a step may ask somebody, needs a secret, or looks at an address: such are not
    asked again.
    """
    by_address = BY_ADDRESS in manifest.capabilities
    return by_address or bool(manifest.egress_hosts or manifest.secret_fields)


def _as_then(
    placed: Placed, manifest: Manifest, then: Answer, notes: dict[str, str]
) -> Refusal | None:
    """Return the refusal that an answer of then is in the draft; else its notes are added.

    The points of a scorer are held against the draft's limits. Who may be skipped refuses nothing.
    """
    if placed.slot is Slot.SCORER:
        said: Said = Silent(matters=placed.step.limits.refuse_from is not None)
        if then.points is not None:
            said = Scored(points=then.points, reasons=then.reasons)
        return read_answer(placed.slot, placed.step, said, notes)[1]
    if then.verdict in REFUSING:
        if placed.slot is not Slot.CHARGE and not manifest.fail_closed:
            return None
        code = "purchase_vetoed" if then.verdict == "vetoed" else "gate_unavailable"
        return Refusal(code=code, detail="As it answered then.")
    notes.update(then.notes)
    return None


def recorded_answer(
    answers: Sequence[Answer], placed: Placed, ran: Stages, unknown: list[str]
) -> Answer | None:
    """Return what the same step of the same plugin said then, None where it was not asked.

    `ran` is what was asked then. Where it had other settings, or none that are known, the answer
    stands all the same, and `unknown` says so.
    """
    slot, step = placed
    same = (slot, step.id, step.plugin)
    then = next((one for one in answers if (one.slot, one.step, one.plugin) == same), None)
    if then is None:
        does = "charge nothing" if slot is Slot.CHARGE else "agree"
        unknown.append(f"{step.id} was never asked: it is taken to {does}")
        return None
    asked = [one.settings for at, one in ran.placed() if (at, one.id, one.plugin) == same]
    if not asked:
        # A check of a revision that was published while the payment was under way.
        unknown.append(f"{step.id} was asked with settings that are not known: {_STANDS}")
    elif step.settings not in asked:
        unknown.append(f"{step.id} was asked with other settings then: {_STANDS}")
    return then


async def stages_of(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, numbers: Iterable[int]
) -> Mapping[int, Stages]:
    """Return the steps of these revisions, none for one that is not there."""
    ran: dict[int, Stages] = {}
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        for number in set(numbers):
            found = await pipelines.stages(tx.driver, tenant.schema, purpose, number)
            ran[number] = found or Stages()
    return ran


async def dry_run(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, stages: Stages, payments: int
) -> list[Replayed] | Refusal:
    """Return the newest payments, at most so many, with what the draft would have made of them.

    Refusals: `not_found`, `invalid_pipeline`.
    """
    if purpose not in pipelines.purposes or purpose in pipelines.verbs:
        return NO_PIPELINE
    # Where a draft's addresses lead is looked up when it is saved: here nothing leaves the process.
    problems = await find_problems(pipelines, tenant, purpose, stages, places=False)
    if (refusal := refuse(problems)) is not None:
        return refusal
    run = _Run(pipelines, tenant, stages)
    recorded = await pipelines.record.payments(tenant, purpose, min(payments, MAX_PAYMENTS))
    ran = await stages_of(pipelines, tenant, purpose, (one.revision for one in recorded))
    replayed: list[Replayed] = []
    give_up = asyncio.get_running_loop().time() + SECONDS
    for payment in recorded:
        if asyncio.get_running_loop().time() > give_up:
            break
        replayed.append(await run.replay(payment, ran[payment.revision]))
    return replayed
