"""Ask what was published since a payment began, while its player is still to pay it elsewhere.

Where a call of ours takes the money, the checks are asked right before it. A card whose bank asks
the player, or a page of the provider's, pays without us; but until then it can be canceled there.
So what is forbidden now is forbidden for those who wait, from moments after the publication on.
"""

from datetime import timedelta
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal
from guildbank.payments import bindings, store
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.rules import ENDED_INTENTS, next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_about
from guildbank.payments.usecases.ask_steps import ask_steps
from guildbank.payments.usecases.attempt import purchase_view
from guildbank.payments.usecases.carry_out import GATE_UNAVAILABLE, carry_out
from guildbank.payments.usecases.settle import settle
from guildbank.pipelines import Added, Runs, added_since, what_runs
from guildbank.plugin_api import CAPTURE, Manifest, OutcomeStatus

log = structlog.get_logger(__name__)
MAX_ASKED = 200
"""What one run does for one tenant; the rest waits for the next."""
AGAIN = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(hours=1),
)
"""Pauses between tries of what could not be asked or canceled; the last one repeats."""
PATIENCE = 4
"""The try at which a check that does not answer refuses, as it does everywhere."""


async def bind_waiting(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Ask about payments that wait until the turn is over; return how many.

    A look at those asked before costs nothing.
    """
    now = payments.clock.now()
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        running = await what_runs(tx.driver)
        waiting = await bindings.unasked_attempts(tx.driver, running, now, MAX_ASKED)
    runs = {one.purpose: one for one in running}

    async def bound(attempt: Attempt) -> int:
        await _bind(payments, tenant, attempt, runs)
        return 1

    return await in_lanes(turn, [(one.id, partial(bound, one)) for one in waiting])


def is_bound(manifest: Manifest) -> bool:
    """Say whether a provider's payments can be vetoed while they wait for their player.

    Not where our own call captures, which asks by itself, and not where a payment is made away
    from the provider and told of later (a store, a bank transfer, a voucher): to stop waiting for
    it stops nobody from paying.
    """
    told_of = manifest.sold_by_store or manifest.confirmed_by is not None
    return not told_of and CAPTURE not in manifest.capabilities


async def _bind(
    payments: Payments, tenant: TenantRef, attempt: Attempt, runs: dict[str, Runs]
) -> None:
    """Ask under a lease. Who dies in between leaves it to the next run after the lease."""
    now = payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        leased = await bindings.lease_asking(
            tx.driver, attempt.payment_id, now, now + payments.timing.lease
        )
    if leased is None:
        return
    try:
        passed = await _passed(payments, tenant, attempt, leased)
    except Unavailable as away:
        log.warning("binding_failed", payment=attempt.payment_id, error=str(away))
        passed = None
    async with payments.db.begin(tenant.schema) as tx:
        if passed is None:
            at = payments.clock.now() + next_look(AGAIN, leased.tries - 1)
            await bindings.put_off(tx.driver, attempt.payment_id, at)
        else:
            purpose, number = passed
            await bindings.note_passed(tx.driver, attempt.payment_id, runs[purpose], number, now)


async def _passed(
    payments: Payments, tenant: TenantRef, attempt: Attempt, leased: bindings.Leased
) -> tuple[str, int] | None:
    """Return by which purpose's revision it may go on; None where it ended or is tried again."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, attempt.payment_id)
        if intent is None or intent.state in ENDED_INTENTS or intent.attempt_id != attempt.id:
            return None
        began = (intent.purpose, intent.revision)
        added = await added_since(
            payments.pipelines, tx.driver, tenant.schema, began, intent.player_id
        )
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        log.warning("binding_failed", payment=intent.id, error=line.detail)
        return None
    asked = added.number in leased.passed or not added.checks
    if asked or not is_bound(line.manifest):
        return intent.purpose, added.number
    if await _is_vetoed(payments, tenant, line, (intent, attempt), added, leased.tries):
        return None
    return intent.purpose, added.number


async def _is_vetoed(
    payments: Payments,
    tenant: TenantRef,
    line: Line,
    of: tuple[Intent, Attempt],
    added: Added,
    tries: int,
) -> bool:
    """Ask the new checks, and carry out what they say; True where they did not let it pass."""
    intent, attempt = of
    view = purchase_view(intent, intent, attempt.provider, intent.id)
    passage = await ask_steps(payments, tenant, added.checks, view, intent.id)
    if passage.refusal is None:
        return False
    if passage.refusal.code == GATE_UNAVAILABLE and tries < PATIENCE:
        log.warning("binding_waits", tenant=tenant.slug, payment=intent.id)
        return True
    said = await carry_out(payments, tenant, line, of, passage)
    if said is not None and said.status is OutcomeStatus.PROCESSED:
        # The player paid first: it is booked, and after a capture nothing vetoes.
        await settle(payments, tenant, attempt, said)
    return True
