"""Run the last stage of the pipeline: tell callback steps what was committed, in order."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, beside
from guildbank.journal import Driver
from guildbank.kernel import seq_id
from guildbank.notify import SealedMail, queue_mail
from guildbank.payments import callbacks, outbox
from guildbank.payments.contracts.rows import CALLBACK_DISABLED
from guildbank.payments.outbox import AFTER, Waiting
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.exchanges import kept_for
from guildbank.payments.usecases.take_notes import keep_notes, take_notes
from guildbank.payments.usecases.told_words import NOT_TOLD, Words, seal_words
from guildbank.payments.usecases.write_letter import seal_letter, sold_for
from guildbank.pipelines import Placed, Step, began_with, choose, know_secrets, with_secrets
from guildbank.plugin_api import (
    LETTERS,
    MAX_NOTE_BYTES,
    Callback,
    CallbackEvent,
    Delivered,
    Manifest,
    Slot,
)
from guildbank.plugin_host import whole_words_of, without_secrets

log = structlog.get_logger(__name__)
_Deliver = Callable[[Payments, TenantRef, str, str], Awaitable[bool]]
MAX_EVENTS = 500
"""What one run tells one step of one tenant; the rest waits for the next."""
MAX_PROBLEM_BYTES = 1_000
"""How much is kept of why a step was not told, as UTF-8."""
JITTER_PERCENT = 20
"""By how much a pause may be longer, so that what failed together comes apart."""


async def deliver_callbacks(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Ask the steps after the credit, and tell every callback step what waits for it, until the
    turn is over.

    Steps go beside each other, so that the endpoint of one that is slow keeps no other waiting;
    each hears in order. Returns how much was told.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        steps = await outbox.waiting_steps(tx.driver)
    told = 0

    async def along(deliver: _Deliver, some: Sequence[tuple[str, str]]) -> None:
        nonlocal told
        for purpose, step in some:
            for _ in range(MAX_EVENTS):
                if turn.is_over or not await deliver(payments, tenant, purpose, step):
                    break
                told += 1

    # Those after the credit of a purpose hear of it one after another.
    after: dict[str, list[tuple[str, str]]] = {}
    for purpose, step in steps:
        if step.startswith(AFTER):
            after.setdefault(purpose, []).append((purpose, step))
    callbacks_ = [partial(along, _deliver, [one]) for one in steps if not one[1].startswith(AFTER)]
    # Chance says which go first, so that it is not always the same ones that a turn ends without.
    random.shuffle(callbacks_)
    await beside([*(partial(along, _note, some) for some in after.values()), *callbacks_])
    if after:
        # What waited for a step after the credit may go now.
        await beside(callbacks_)
    return told


async def forget_tellings(payments: Payments, tenant: TenantRef) -> int:
    """Forget what steps were told long ago; return how much that was.

    What they said of it is kept no longer than the tenant keeps exchanges.
    """
    before, forgotten = payments.clock.now() - payments.timing.told_kept, 0
    words = payments.clock.now() - await kept_for(payments, tenant)
    some = MAX_EVENTS
    while some == MAX_EVENTS:
        async with payments.db.begin(tenant.schema) as tx:
            some = await outbox.forget_words(tx.driver, words, MAX_EVENTS)
    while True:
        async with payments.db.begin(tenant.schema) as tx:
            some = await outbox.forget_told(tx.driver, before, MAX_EVENTS)
        forgotten += some
        if some < MAX_EVENTS:
            return forgotten


async def _note(payments: Payments, tenant: TenantRef, purpose: str, name: str) -> bool:
    """Ask a step after the credit about the oldest one, once: whoever dies asks again."""
    now = payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        until = now + payments.timing.lease
        waiting = await outbox.take_oldest(tx.driver, purpose, name, now, until)
    if waiting is None:
        return False
    check = await take_notes(payments, tenant, outbox.step_after(name), waiting)
    async with payments.db.begin(tenant.schema) as tx:
        done = await outbox.mark_done(
            tx.driver, purpose, name, waiting.seq, payments.clock.now(), None
        )
        if check is not None and done:
            await keep_notes(tx.driver, check)
    return True


async def _deliver(payments: Payments, tenant: TenantRef, purpose: str, step_id: str) -> bool:
    """Tell the oldest event; one that fails is told again later, and before all others."""
    timing, now = payments.timing, payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        waiting = await outbox.take_oldest(tx.driver, purpose, step_id, now, now + timing.lease)
        if waiting is None:
            return False
        step = await _step(payments, tx.driver, tenant, purpose, step_id, waiting)
    event = CallbackEvent(
        id=seq_id("evt", waiting.seq, waiting.at),
        kind=waiting.kind,
        at=waiting.at,
        data=msgspec.json.decode(waiting.data, type=dict[str, object]),
    )
    try:
        told = await _tell(payments, tenant, purpose, step, event, waiting.payment_id)
    except Exception as error:  # the step asks to be told again
        # What it says may name anybody: it is kept sealed, and in no log.
        kind = error.kind if isinstance(error, _NotTold) else type(error).__name__
        problem = _problem(error) or kind
        log.warning("callback_failed", step=step_id, entry=event.id, error=kind)
        await _put_off(payments, tenant, purpose, step, waiting, problem)
        return False
    said = await seal_words(payments, tenant, waiting.payment_id, Words(answer=told.note))
    async with payments.db.begin(tenant.schema) as tx:
        told_at = payments.clock.now()
        await outbox.mark_done(tx.driver, purpose, step_id, waiting.seq, told_at, said)
        if told.mail is not None:
            await queue_mail(tx, told.mail)
    return True


async def _step(
    payments: Payments,
    driver: Driver,
    tenant: TenantRef,
    purpose: str,
    step_id: str,
    waiting: Waiting,
) -> Step:
    """Return the step of the event's revision, with the settings that it is published with now.

    Who is told may have moved since, and what waits must not go to where nobody is any more.
    """
    pipelines, schema = payments.pipelines, tenant.schema
    stages = await began_with(pipelines, driver, schema, purpose, waiting.revision)
    own = next(one for one in stages.callbacks if one.id == step_id)
    payer = (await outbox.payers_of(driver, [waiting.payment_id])).get(waiting.payment_id)
    player = "" if payer is None else payer.player_id
    runs = await choose(pipelines, driver, schema, purpose, player)
    same = (one for one in runs.stages.callbacks if (one.id, one.plugin) == (own.id, own.plugin))
    return next(same, own)


async def _put_off(
    payments: Payments,
    tenant: TenantRef,
    purpose: str,
    step: Step,
    waiting: Waiting,
    problem: str,
) -> None:
    """Tell the event again later; after the last try the step is disabled, which an entry says."""
    pauses, now = payments.timing.callback, payments.clock.now()
    later = now + _longer(next_look(pauses, waiting.tries - 1))
    last = waiting.tries > len(pauses)
    recorder = await payments.recorder(tenant) if last else None
    said = await seal_words(payments, tenant, waiting.payment_id, Words(problem=problem))
    async with payments.db.begin(tenant.schema) as tx:
        await outbox.put_off(tx.driver, purpose, step.id, waiting.seq, later, NOT_TOLD, said)
        if recorder is not None and await callbacks.disable(tx.driver, purpose, step.id, now):
            # The problem may hold words of others, which no entry has: it stays on the shelf.
            told = {
                "purpose": purpose,
                "step": step.id,
                "plugin": step.plugin,
                "event": seq_id("evt", waiting.seq, waiting.at),
                "tries": waiting.tries,
            }
            await recorder.record(tx, "system", CALLBACK_DISABLED, told)


def _longer(pause: timedelta) -> timedelta:
    return pause * (100 + random.randint(0, JITTER_PERCENT)) // 100  # noqa: S311 - it keeps no secret


def _problem(error: Exception) -> str:
    """Return what operators read of a failure, one line of it."""
    said = str(error).replace("\x00", " ").split()
    return _plain(" ".join(said), MAX_PROBLEM_BYTES)


class _NotTold(Exception):
    """A step was not told: what its plugin raised, by name, in words without its secrets."""

    def __init__(self, error: Exception, manifest: Manifest, settings: Mapping[str, Any]) -> None:
        super().__init__(whole_words_of(error, manifest, settings))
        self.kind = type(error).__name__


class _Told(NamedTuple):
    """What operators read of a delivery, and the mail that it leads to."""

    note: str | None = None
    mail: SealedMail | None = None


async def _tell(
    payments: Payments,
    tenant: TenantRef,
    purpose: str,
    step: Step,
    event: CallbackEvent,
    payment_id: str,
) -> _Told:
    """Return what the step said; raises what keeps it from being told, without its secrets."""
    plugin = payments.plugins.at(Slot.CALLBACK, step.plugin)
    if plugin is None:
        raise LookupError(f"the plugin {step.plugin} is not installed any more")
    placed = [Placed(Slot.CALLBACK, step)]
    (secrets,) = await know_secrets(payments.pipelines, tenant, purpose, placed)
    context = payments.pipelines.context(tenant, plugin.manifest, with_secrets(step, secrets))
    writes = LETTERS in plugin.manifest.capabilities
    if writes:
        sold = await sold_for(payments, tenant, payment_id)
        event = msgspec.structs.replace(event, sold=sold)
    seconds = plugin.manifest.timeout_seconds
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            told = await cast("Callback", plugin).deliver(context, event)
    except TimeoutError as error:
        late = f"It did not answer within {seconds} seconds."
        if limit.expired():
            raise TimeoutError(late) from None
        raise _NotTold(error, plugin.manifest, context.settings) from None
    except Exception as error:  # a plugin's exception goes no further than here
        raise _NotTold(error, plugin.manifest, context.settings) from None
    if not isinstance(told, Delivered):
        return _Told()
    note = without_secrets(str(told.note), plugin.manifest, context.settings)
    if told.letter is None:
        return _Told(_plain(note, MAX_NOTE_BYTES))
    if not writes:
        raise ValueError("it wrote a letter, and its manifest does not name the capability letters")
    key = f"{purpose}:{step.id}:{event.id}"
    mail = await seal_letter(payments, tenant, payment_id, key, told.letter)
    if isinstance(mail, str):
        return _Told(_plain(mail, MAX_NOTE_BYTES))
    return _Told(_plain(note, MAX_NOTE_BYTES), mail)


def _plain(text: str, max_bytes: int) -> str:
    """Return as much of the text as is kept, without what PostgreSQL cannot keep."""
    kept = text.replace("\x00", "").encode(errors="replace")[:max_bytes]
    return kept.decode(errors="ignore")
