"""The route that replays recorded payments against a draft."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import post
from msgspec import Meta

from guildbank.infra.http import Body, JSONBody, View, Who, granted, scope
from guildbank.pipelines.contracts import PostingLine
from guildbank.pipelines.http.views import (
    TAGS,
    WRITE,
    Parts,
    Purpose,
    StagesBody,
    read_stages,
)
from guildbank.pipelines.usecases.dry_run import MAX_PAYMENTS, Fate, Replayed, dry_run


class DryRunBody(Body):
    """The steps and routes of a draft, and how many of the newest payments are replayed."""

    __example__: ClassVar = {
        "stages": {"routes": [{"id": "all", "to": [{"provider": "sandbox"}]}]},
        "payments": 50,
    }

    stages: StagesBody
    payments: Annotated[int, Meta(ge=1, le=MAX_PAYMENTS)] = 50


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
    callbacks: Sequence[str]
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


class DryRunView(View):
    """How many payments were replayed, and those that the draft would have changed."""

    __example__: ClassVar = {"replayed": 50, "same": 49}

    replayed: int
    same: int
    items: Sequence[ReplayedView]


@post(
    "/v1/pipelines/{purpose:str}/dry-run",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Replay payments against a draft",
)
async def replay(
    pipelines: Parts, caller: Who, purpose: Purpose, data: JSONBody[DryRunBody]
) -> DryRunView:
    """Say what the draft would have made of the newest payments. Nothing leaves the server.

    Providers, and steps that call somebody, are answered from the record; steps that only compute
    are asked again, at the time of the payment. Nothing is saved.
    """
    stages = read_stages(data.stages)
    found = granted(await dry_run(pipelines, caller.home, purpose, stages, data.payments))
    changed = [one for one in found if one.changed]
    return DryRunView(
        replayed=len(found),
        same=len(found) - len(changed),
        items=[_replayed(one) for one in changed],
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
        callbacks=fate.callbacks,
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
