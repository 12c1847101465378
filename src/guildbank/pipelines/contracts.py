"""What crosses the door of pipelines: steps, revisions, which one a payment runs, refusals."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api import Charge, Reason, Slot

PIPELINES_ORDER = 36
MAX_STEPS = 20
"""Steps of one slot."""
MAX_ROUTES = 50
MAX_PROVIDERS = 10
"""Providers of one route."""
MAX_WEIGHT = 1_000
MAX_BYTES = 32_768
"""How much of a revision, as JSON, an entry of the journal carries."""
EMPTY = 0
"""The number of what runs before anything was published: no step at all."""


SlotName = Literal["entry", "charges", "before", "scorers", "after", "callbacks"]
SLOTS: Mapping[SlotName, Slot] = {
    "entry": Slot.ENTRY,
    "charges": Slot.CHARGE,
    "before": Slot.MIDDLEWARE,
    "scorers": Slot.SCORER,
    "after": Slot.MIDDLEWARE,
    "callbacks": Slot.CALLBACK,
}
"""The slots of a revision, and what plugins stand in each."""


class ScoreLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """From how many points on a purchase is refused, and from how many its score is noted."""

    refuse_from: int | None = None
    annotate_from: int | None = None


class Step(msgspec.Struct, frozen=True):
    """A plugin at its place, with its settings there. `id` is the step's name in its revision.

    `limits` say what the points of a scorer do; other steps have none.
    """

    id: str
    plugin: str
    settings: Mapping[str, Any] = {}
    limits: ScoreLimits = ScoreLimits()


class OlderStep(Step, frozen=True, kw_only=True):
    """A step that another version of its plugin wrote, with the settings as this one names them.

    It is made when a revision is read and stored nowhere. `written_by` is that version, empty where
    nobody knows it; `went_with` are the settings that its secrets went with, as it named them.
    """

    written_by: str
    went_with: Mapping[str, Any] = {}


class Placed(NamedTuple):
    """A step in its slot: plugins of two slots may have one id."""

    slot: Slot
    step: Step


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """Prices in minor units of a money: `at_least_minor` and more, and less than `below_minor`."""

    currency: str
    at_least_minor: int | None = None
    below_minor: int | None = None


class When(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which purchases a route takes: what is named must fit, what is empty takes all.

    A purchase of no known country or platform fits no route that names some.
    """

    countries: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    amounts: tuple[Span, ...] = ()


class Share(msgspec.Struct, frozen=True):
    """A provider, and its part of the payments of a route in proportion to the other weights."""

    provider: str
    weight: int = 1


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which providers take the purchases that fit, split by weight.

    `otherwise` are asked in their order, and only after the one before certainly took no money.
    """

    id: str
    to: tuple[Share, ...]
    when: When = When()
    otherwise: tuple[str, ...] = ()

    def providers(self) -> tuple[str, ...]:
        """Return all its providers, those of the split first."""
        return (*(one.provider for one in self.to), *self.otherwise)


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What of a purchase a route looks at; `amount_minor` is of the money `currency`."""

    country: str | None
    currency: str
    amount_minor: int
    product: str
    platform: str | None


class Because(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt went to its provider.

    `by` is the buyer, who named it; `only`, since the tenant has one; a `route`; or the `fallback`
    of a route, after the decline `after`. `passed_over` are providers of the route that the tenant
    cannot use now, or that take no such money.
    """

    by: Literal["buyer", "only", "route", "fallback"] = "buyer"
    route: str | None = None
    after: str | None = None
    passed_over: tuple[str, ...] = ()


class Led(NamedTuple):
    """The providers that a purchase is led to, in their order, and why the first."""

    providers: tuple[str, ...]
    because: Because


class Stages(msgspec.Struct, frozen=True, omit_defaults=True):
    """The steps of each slot, in the order in which they run, and the routes to providers.

    Between `scorers` and `after` stand the provider, which the first route that fits names, and the
    act that credits: they are the core's, are no steps, and cannot be taken out. Without any route
    the buyer names the provider. Steps `after` the credit note what they find, and refuse nothing.
    """

    entry: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    callbacks: tuple[Step, ...] = ()
    routes: tuple[Route, ...] = ()
    scorers: tuple[Step, ...] = ()
    charges: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()

    def entries(self, *, charged: bool) -> tuple[Placed, ...]:
        """Return the steps before the payment is stored; where it is `charged`, those too."""
        charges = _placed(Slot.CHARGE, self.charges if charged else ())
        return (*_placed(Slot.ENTRY, self.entry), *charges)

    def gates(self) -> tuple[Placed, ...]:
        """Return the steps that may refuse, in the order in which they are asked."""
        return (
            *_placed(Slot.ENTRY, self.entry),
            *_placed(Slot.MIDDLEWARE, self.before),
            *_placed(Slot.SCORER, self.scorers),
        )

    def placed(self) -> tuple[Placed, ...]:
        """Return all steps in their slots."""
        return tuple(one for slot, steps in self.by_slot().values() for one in _placed(slot, steps))

    def by_slot(self) -> Mapping[SlotName, tuple[Slot, tuple[Step, ...]]]:
        """Return each slot's name here with the slot of its plugins and its steps."""
        steps: Mapping[SlotName, tuple[Step, ...]] = {
            "entry": self.entry, "charges": self.charges, "before": self.before,
            "scorers": self.scorers, "after": self.after, "callbacks": self.callbacks,
        }  # fmt: skip
        return {name: (slot, steps[name]) for name, slot in SLOTS.items()}


def _placed(slot: Slot, steps: Sequence[Step]) -> list[Placed]:
    return [Placed(slot, step) for step in steps]


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """What runs for one purpose. Revisions are numbered from 1; EMPTY stands for none.

    `newest` was saved last, `published` runs, `previous` ran before it. While there is a `canary`,
    `share` percent of the players get that one.
    """

    purpose: str
    newest: int = EMPTY
    published: int = EMPTY
    previous: int = EMPTY
    canary: int | None = None
    share: int = 0
    changed_at: datetime


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A saved revision, which never changes.

    `versions` are those of the plugins that took its settings, each under `<slot>:<id>`.
    """

    purpose: str
    number: int
    stages: Stages
    saved_at: datetime
    versions: Mapping[str, str] = {}


class Chosen(msgspec.Struct, frozen=True):
    """What a payment runs: a revision of a pipeline. `before` ran before that, and runs in its
    place in a process where it does not start.
    """

    purpose: str
    number: int
    stages: Stages
    before: int = EMPTY


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check said of a purchase: the record of it, without the player's words.

    `failed` gave no answer, which refuses; `ignored` gave none either, but may only annotate. A
    scorer's has `points`, and the `reasons` for them.
    """

    slot: Slot
    step: str
    plugin: str
    verdict: Literal["passed", "vetoed", "failed", "ignored"]
    code: str | None = None
    notes: Mapping[str, str] = {}
    points: int | None = None
    reasons: tuple[Reason, ...] = ()
    micros: int = 0
    """How long it took, in microseconds."""


class Passage(NamedTuple):
    """How a purchase passed its checks, in order: the last one may have refused it.

    `charges` are the lines of those among them that charge, each with the name of its step.
    """

    answers: tuple[Answer, ...]
    refusal: Refusal | None
    charges: tuple[Charge, ...] = ()


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process, and what it runs for a purpose. `problem` says what did not start there, so that
    what ran before runs on; without `since` it has not looked at the pipeline yet.
    """

    id: str
    kind: str
    seen_at: datetime
    published: int = EMPTY
    canary: int | None = None
    problem: str | None = None
    since: datetime | None = None


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a revision, and where: `stages.before.0.settings.rules`."""

    field: str
    detail: str


class Unread(Problem, frozen=True):
    """A step ran with an older version of its plugin, or out of safe mode, and does not now.

    Nothing runs in its place: what an older revision does not forbid must not pass for it.
    """


NO_ROUTE = Refusal(
    code="no_route",
    detail="No route of the pipeline leads this purchase to a provider that works now.",
    field="provider",
)
PROVIDER_REQUIRED = Refusal(
    code="provider_required",
    detail="Name a provider: the pipeline has no routes, and the tenant has not exactly one "
    "provider that takes this money.",
    field="provider",
)
PROVIDER_NOT_OFFERED = Refusal(
    code="provider_not_offered",
    detail="The route of this purchase does not lead to this provider. Leave it out to be led.",
    field="provider",
)
NO_PIPELINE = Refusal(
    code="not_found",
    detail="There is no pipeline for this purpose. GET /v1/pipelines lists those that there are.",
)
TENANT_SUSPENDED = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: nobody is called in its name until it is resumed.",
)
NO_REVISION = Refusal(code="not_found", detail="The pipeline has no such revision.")
NOTHING_TO_ROLL_BACK = Refusal(
    code="nothing_to_roll_back",
    detail="The pipeline runs what it ran from the beginning: nothing was published before.",
)
UNAVAILABLE = Refusal(
    code="pipeline_unavailable",
    detail="A step of the pipeline does not start, nor does what ran before it, so the purchase is "
    "refused. Try again later.",
)
NO_CHANGE = Refusal(code="no_change", detail="It is published like this already.")
"""What an act answers that finds its effect done already; never leaves the room."""
