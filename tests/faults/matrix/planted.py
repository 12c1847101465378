"""Defects that the matrix has to find, each with a combination that finds it."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.faults.matrix.dimensions import NOWHERE, Case
from tests.faults.matrix.studio import CREDITED, PATH, TELL

from guildbank.kernel import parse_seq_id
from guildbank.payments import outbox
from guildbank.payments.contracts.rows import Attempt, AttemptState, Refund, RefundState
from guildbank.payments.rules import attempt_after, refund_after
from guildbank.payments.usecases import (
    callbacks,
    create,
    finish_refund,
    handle_webhook,
    look,
    settle,
)
from guildbank.pipelines import Step
from guildbank.plugin_api import CallbackEvent, OutcomeStatus

Plant = Callable[[pytest.MonkeyPatch], None]


def settle_again_and_without_key(patch: pytest.MonkeyPatch) -> None:
    """Book a capture however often it is told, and under no key."""
    begin = settle.Settle.__init__

    def keyless(act: settle.Settle, *args: Any, **more: Any) -> None:
        begin(act, *args, **more)
        act.key_hash = act.fingerprint = None

    def again(state: AttemptState, status: OutcomeStatus) -> AttemptState | None:
        taken = status is OutcomeStatus.PROCESSED
        return AttemptState.CAPTURED if taken else attempt_after(state, status)

    patch.setattr(settle.Settle, "__init__", keyless)
    patch.setattr(settle, "attempt_after", again)
    patch.setattr(settle, "ENDED_INTENTS", frozenset())


def restore_what_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """Give the coins back where a refund got no answer."""

    def hasty(state: RefundState, status: OutcomeStatus) -> RefundState | None:
        unknown = status is OutcomeStatus.UNKNOWN
        return refund_after(state, OutcomeStatus.DECLINED if unknown else status)

    patch.setattr(finish_refund, "refund_after", hasty)


def drop_what_comes_too_early(patch: pytest.MonkeyPatch) -> None:
    """Close an event that cannot be worked on yet."""
    patch.setattr(handle_webhook, "TOO_EARLY", handle_webhook.DONE)


def forget_whom_a_dead_worker_had_to_tell(patch: pytest.MonkeyPatch) -> None:
    """Leave a store that was not told to itself."""

    async def nothing(*_: object) -> bool:
        return False

    patch.setattr(look, "_finish", nothing)


def order_again_for_the_same_key(patch: pytest.MonkeyPatch) -> None:
    """Make another payment for whoever got no answer and asks again."""
    begin = create.CreatePayment.__init__

    def keyless(act: create.CreatePayment, *args: Any, **more: Any) -> None:
        begin(act, *args, **more)
        act.key_hash = act.fingerprint = None

    patch.setattr(create.CreatePayment, "__init__", keyless)


def never_look_at_what_was_just_begun(patch: pytest.MonkeyPatch) -> None:
    """Wait for an answer that a dead worker will never get."""
    look_at = look._look

    async def picky(payments: Any, tenant: Any, one: Any, *args: Any, **more: Any) -> bool:
        begun = isinstance(one, Attempt | Refund) and one.state == "created"
        return False if begun else await look_at(payments, tenant, one, *args, **more)

    patch.setattr(look, "_look", picky)


def forget_before_it_is_told(patch: pytest.MonkeyPatch) -> None:
    """Note that a step was told, and tell it then."""
    real = callbacks._tell

    async def late(
        payments: Any, tenant: Any, purpose: str, step: Step, event: CallbackEvent, *more: Any
    ) -> Any:
        at = parse_seq_id("evt", event.id)
        assert at is not None
        async with payments.db.begin(tenant.schema) as tx:
            await outbox.mark_done(tx.driver, purpose, step.id, at.seq, event.at, None)
        return await real(payments, tenant, purpose, step, event, *more)

    patch.setattr(callbacks, "_tell", late)


def tell_once_whatever_is_answered(patch: pytest.MonkeyPatch) -> None:
    """Let an event go that a step did not take."""

    async def let_go(
        payments: Any, tenant: Any, purpose: str, step: Step, waiting: Any, problem: str
    ) -> None:
        async with payments.db.begin(tenant.schema) as tx:
            now = payments.clock.now()
            await outbox.mark_done(tx.driver, purpose, step.id, waiting.seq, now, None)

    patch.setattr(callbacks, "_put_off", let_go)


def tell_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Tell of a credit that is about to be committed."""
    book = settle._book

    async def hasty(payments: Any, tenant: Any, attempt: Attempt, act: settle.Settle) -> Any:
        step = Step(TELL, "webhook", {"url": f"{payments.url}{PATH}"})
        data = {"payment": attempt.payment_id}
        event = CallbackEvent(id="evt_1", kind=CREDITED, at=payments.clock.now(), data=data)
        await callbacks._tell(payments, tenant, "packs", step, event, attempt.payment_id)
        return await book(payments, tenant, attempt, act)

    patch.setattr(settle, "_book", hasty)


DEFECTS: dict[str, tuple[Plant, Case]] = {
    "settles again and without its key": (
        settle_again_and_without_key, Case("Stripe card", "kept, early", NOWHERE),
    ),
    "restores a refund on unknown": (
        restore_what_is_unknown, Case("Stripe card", "refunded, silence at refund", NOWHERE),
    ),
    "drops a webhook that comes too early": (
        drop_what_comes_too_early, Case("App Store", "given back, silence at looked", NOWHERE),
    ),
    "does not tell a store after a death": (
        forget_whom_a_dead_worker_had_to_tell, Case("Google Play", "kept", "after captured"),
    ),
    "orders again for the same key": (
        order_again_for_the_same_key, Case("sandbox", "kept", "create answered"),
    ),
    "never looks at what a death left": (
        never_look_at_what_was_just_begun, Case("sandbox", "kept, unheard", "create answered"),
    ),
    "forgets a message before it is told": (
        forget_before_it_is_told, Case("sandbox", "kept", "told asked"),
    ),
    "tells once whatever is answered": (
        tell_once_whatever_is_answered, Case("sandbox", "kept, lost at told", NOWHERE),
    ),
    "tells of a credit before its commit": (
        tell_before_the_commit, Case("sandbox", "kept", NOWHERE),
    ),
}  # fmt: skip
