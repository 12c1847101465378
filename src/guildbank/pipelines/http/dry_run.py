"""The route that replays recorded payments, or operations, against a draft."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from litestar import post
from msgspec import Meta

from guildbank.infra.http import Body, JSONBody, View, Who, granted, scope
from guildbank.pipelines.http.views import (
    TAGS,
    WRITE,
    Parts,
    Purpose,
    StagesBody,
    StepView,
    read_stages,
)
from guildbank.pipelines.recorded import PostingLine
from guildbank.pipelines.usecases.dry_run import MAX_PAYMENTS, Fate, Replayed, dry_run
from guildbank.pipelines.usecases.dry_run_hooks import MAX_OPERATIONS, ReplayedMove, dry_run_hooks


class DryRunBody(Body):
    """The steps and routes of a draft, and how much is replayed.

    Of a pipeline of purchases the newest `payments` are, of one of operations the newest
    `operations`.
    """

    __example__: ClassVar = {
        "stages": {"routes": [{"id": "all", "to": [{"provider": "sandbox"}]}]},
        "payments": 50,
    }

    stages: StagesBody
    payments: Annotated[int, Meta(ge=1, le=MAX_PAYMENTS)] = 50
    operations: Annotated[int, Meta(ge=1, le=MAX_OPERATIONS)] = 50


class MovementView(View):
    """What a payment moves: `amount` of an asset, money in its minor units, between accounts."""

    __example__: ClassVar = {
        "debit": "house/provider:sandbox",
        "credit": "house/backing",
        "asset": "EUR",
        "amount": 499,
    }

    debit: str
    credit: str
    asset: str
    amount: int


class LineView(View):
    """A tax or fee, in minor units of the payment's money, and the step that charges it."""

    __example__: ClassVar = {"step": "vat", "kind": "tax", "label": "VAT 19 %", "rate": "19"}

    step: str
    kind: str
    label: str
    amount_minor: int
    included: bool
    rate: str | None
    of: str


class FateView(View):
    """What became of a payment, or would have. `refusedBy` is the step that refused it.

    `amountMinor` is what the player is asked for in all, with what the `charges` add to the price.
    `callbacks` are those that are told, with their settings.
    """

    __example__: ClassVar = {
        "outcome": "credited",
        "provider": "sandbox",
        "route": "all",
        "amountMinor": 499,
        "charges": [],
    }

    outcome: str
    problem: str | None
    refused_by: str | None
    provider: str | None
    route: str | None
    postings: Sequence[MovementView]
    callbacks: Sequence[StepView]
    amount_minor: int
    charges: Sequence[LineView]


class ReplayedView(View):
    """A payment that the draft would have changed. `unknown` is what the record cannot say."""

    __example__: ClassVar = {
        "paymentId": "pay_01kag3pyqmf9aag12vtrsy70ps",
        "changed": ["route", "provider"],
        "unknown": ["stripe was never asked: it is taken to say what was said"],
    }

    payment_id: str
    changed: Sequence[str]
    unknown: Sequence[str]
    before: FateView
    after: FateView


class MoveFateView(View):
    """What hooks made of an operation: `done`, `vetoed`, or `failed` where one had no answer.

    `refusedBy` is the step that refused it, `veto` its own code, `notes` what all of them noted.
    """

    __example__: ClassVar = {"outcome": "vetoed", "refusedBy": "small", "veto": "too_large"}

    outcome: Literal["done", "vetoed", "failed"]
    refused_by: str | None
    veto: str | None
    notes: Mapping[str, str]


class ReplayedMoveView(View):
    """An operation that the draft would have changed. `unknown` is what the record cannot say.

    `id` is its transaction, or the payout.
    """

    __example__: ClassVar = {
        "id": "txn_01m7yqwf9ke00800000000003v",
        "verb": "spend",
        "held": False,
        "amounts": {"GEM": 700},
        "changed": ["outcome", "refusedBy", "veto"],
        "unknown": [],
    }

    id: str
    at: datetime
    verb: str
    held: bool
    players: Sequence[str]
    amounts: Mapping[str, int]
    changed: Sequence[str]
    unknown: Sequence[str]
    before: MoveFateView
    after: MoveFateView


class DryRunView(View):
    """How many payments or operations were replayed, and those that the draft would have changed.

    `items` are payments, `operations` what hooks are asked about: a pipeline has one of them.
    `unknown` says of how many of all that were replayed, also of those that would be the same, the
    record cannot say something: what it cannot say is taken to be as it was.
    """

    __example__: ClassVar = {
        "replayed": 50,
        "same": 49,
        "unknown": {"ask was asked with other settings then: it is taken to say what it said": 50},
        "operations": [],
    }

    replayed: int
    same: int
    unknown: Mapping[str, int]
    items: Sequence[ReplayedView]
    operations: Sequence[ReplayedMoveView]


@post(
    "/v1/pipelines/{purpose:str}/dry-run",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Replay payments or operations against a draft",
)
async def replay(
    pipelines: Parts, caller: Who, purpose: Purpose, data: JSONBody[DryRunBody]
) -> DryRunView:
    """Say what the draft would have made of the newest payments. Nothing leaves the server.

    Providers, and steps that call somebody, are answered from the record; steps that only compute
    are asked again, at the time of the payment. Nothing is saved. A pipeline of operations replays
    spends and holds, grants, postings or payouts that were done: refused ones leave no record.
    """
    stages = read_stages(data.stages)
    if purpose in pipelines.verbs:
        moves = granted(
            await dry_run_hooks(pipelines, caller.home, purpose, stages, data.operations)
        )
        moved = [_replayed_move(one) for one in moves if one.changed]
        return DryRunView(len(moves), len(moves) - len(moved), _unknown(moves), [], moved)
    found = granted(await dry_run(pipelines, caller.home, purpose, stages, data.payments))
    items = [_replayed(one) for one in found if one.changed]
    return DryRunView(len(found), len(found) - len(items), _unknown(found), items, [])


def _unknown(replayed: Sequence[Replayed] | Sequence[ReplayedMove]) -> Mapping[str, int]:
    return Counter(sentence for one in replayed for sentence in one.unknown)


def _replayed_move(one: ReplayedMove) -> ReplayedMoveView:
    view = one.recorded.view
    return ReplayedMoveView(
        id=one.recorded.id,
        at=one.recorded.at,
        verb=view.verb,
        held=view.held,
        players=view.players,
        amounts=view.amounts,
        changed=["veto" if name == "code" else _camel(name) for name in one.changed],
        unknown=one.unknown,
        before=MoveFateView(*one.before),
        after=MoveFateView(*one.after),
    )


def _replayed(one: Replayed) -> ReplayedView:
    return ReplayedView(
        payment_id=one.payment_id,
        changed=[_camel(name) for name in one.changed],
        unknown=one.unknown,
        before=_fate(one.before),
        after=_fate(one.after),
    )


def _fate(fate: Fate) -> FateView:
    return FateView(
        outcome=fate.outcome,
        problem=fate.problem,
        refused_by=fate.refused_by,
        provider=fate.provider,
        route=fate.route,
        postings=[_movement(line) for line in fate.postings],
        callbacks=[StepView(one.id, one.plugin, one.settings) for one in fate.callbacks],
        amount_minor=fate.amount_minor,
        charges=[
            LineView(
                step=one.step,
                kind=one.kind,
                label=one.label,
                amount_minor=one.amount_minor,
                included=one.included,
                rate=one.rate,
                of=one.of,
            )
            for one in fate.charges
        ],
    )


def _movement(line: PostingLine) -> MovementView:
    return MovementView(line.debit, line.credit, line.asset, line.amount)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


ROUTES = (replay,)
