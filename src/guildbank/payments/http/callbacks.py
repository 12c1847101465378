"""Routes by which operators see who is told of payments, and help where somebody was away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get, post
from litestar.params import PathParameter

from guildbank.infra.http import (
    After,
    Limit,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.payments.callbacks import CallbackRow
from guildbank.payments.http.payments import READ, WRITE, PaymentId
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.enable_callback import enable_callback
from guildbank.payments.usecases.list_callbacks import list_callbacks
from guildbank.payments.usecases.replay_callbacks import replay_callbacks
from guildbank.payments.usecases.skip_callback import skip_callback

Parts = Service[Payments]
PUBLISH = "pipelines:publish"
TAGS: Sequence[str] = ["Callbacks"]
Purpose = Annotated[str, PathParameter(description="What the pipeline is for.", max_length=40)]
StepId = Annotated[str, PathParameter(description="The step's name.", max_length=40)]


class CallbackView(View):
    """A callback step, and how it stands.

    `waiting` counts the events that it is to be told; `oldestAt` is when the first of them was
    committed, `tries` how often it was tried, `nextAt` when it is tried again, `problem` why the
    last try failed. Since `disabledAt` it is told nothing, and what comes waits.
    """

    __example__: ClassVar = {
        "purpose": "packs",
        "step": "tell-shop",
        "waiting": 3,
        "disabledAt": "2026-11-27T10:00:00Z",
        "oldestAt": "2026-11-26T16:00:00Z",
        "tries": 10,
        "nextAt": None,
        "problem": "Answered 503: the shop is closed",
    }

    purpose: str
    step: str
    waiting: int
    disabled_at: datetime | None
    oldest_at: datetime | None
    tries: int | None
    next_at: datetime | None
    problem: str | None


class EnabledView(View):
    """A callback step that is told again what waits for it."""

    __example__: ClassVar = {"purpose": "packs", "step": "tell-shop"}

    purpose: str
    step: str


class SkippedView(View):
    """How many events a callback step is not told."""

    __example__: ClassVar = {"purpose": "packs", "step": "tell-shop", "events": 3}

    purpose: str
    step: str
    events: int


class ReplayView(View):
    """How many events of a payment a step is told once more."""

    __example__: ClassVar = {"step": "tell-shop", "events": 3}

    payment_id: str
    step: str
    events: int


@get("/v1/callbacks", guards=[scope(READ)], tags=TAGS, summary="List callbacks")
async def list_all(
    payments: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[CallbackView]:
    """List the callback steps that anything was ever to be told, with what waits for them."""
    position = decode_cursor(after, [str, str])
    place = (str(position[0]), str(position[1])) if position else ("", "")
    found = await list_callbacks(payments, caller.home, place, limit + 1)
    page = found[:limit]
    more = encode_cursor([page[-1].purpose, page[-1].step]) if len(found) > limit else None
    return Page([_view(one) for one in page], more)


@post(
    "/v1/callbacks/{purpose:str}/{step:str}/enable",
    guards=[scope(PUBLISH, fresh=True)],
    tags=TAGS,
    summary="Enable a callback",
    status_code=200,
)
async def enable(payments: Parts, caller: Who, purpose: Purpose, step: StepId) -> EnabledView:
    """Tell a disabled step again what waits for it, in order and from now on. Safe to repeat.

    A step that is not disabled, and waits for its next try, is tried at once.
    """
    refused = await enable_callback(payments, caller.home, caller.principal, purpose, step)
    granted(refused)
    return EnabledView(purpose=purpose, step=step)


@post(
    "/v1/callbacks/{purpose:str}/{step:str}/skip",
    guards=[scope(PUBLISH, fresh=True)],
    tags=TAGS,
    summary="Give up what waits for a callback",
    status_code=200,
)
async def skip(payments: Parts, caller: Who, purpose: Purpose, step: StepId) -> SkippedView:
    """Tell a disabled step nothing of what waits, and all that comes from now on.

    For a step that nobody will take events from any more, or that need not know of them. For 90
    days they can be replayed payment by payment.
    """
    events = granted(await skip_callback(payments, caller.home, caller.principal, purpose, step))
    return SkippedView(purpose=purpose, step=step, events=events)


@post(
    "/v1/payments/{payment_id:str}/callbacks/{step:str}/replay",
    guards=[scope(WRITE)],
    tags=TAGS,
    summary="Replay a payment's callbacks",
    status_code=200,
)
async def replay(payments: Parts, caller: Who, payment_id: PaymentId, step: StepId) -> ReplayView:
    """Tell a step once more all that it was told of a payment: in order, with the same event ids.

    For somebody who lost what they were told; who keeps the ids notices. Until 90 days after.
    """
    events = granted(
        await replay_callbacks(payments, caller.home, caller.principal, payment_id, step)
    )
    return ReplayView(payment_id=payment_id, step=step, events=events)


def _view(row: CallbackRow) -> CallbackView:
    return CallbackView(
        purpose=row.purpose,
        step=row.step,
        waiting=row.waiting,
        disabled_at=row.disabled_at,
        oldest_at=row.oldest_at,
        tries=row.tries,
        next_at=row.next_at if row.disabled_at is None else None,
        problem=row.problem,
    )


ROUTES = (list_all, enable, skip, replay)
