"""Changes outside the journal's queue: ask whether one waits, and make one that was agreed to."""

from collections.abc import Awaitable, Callable
from typing import Any

from guildbank.approvals import store
from guildbank.approvals.contracts import (
    AGREED_MAY_NOT,
    NO_APPROVAL,
    NOT_NEEDED,
    Approvable,
    Change,
    Policy,
    closed,
)
from guildbank.approvals.rules import rules_of
from guildbank.approvals.usecases import FourEyes, schema_of
from guildbank.approvals.usecases.decide import Decide, Fetch
from guildbank.approvals.usecases.gate import Ask, Gated
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Outcome, run_within
from guildbank.kernel import Refusal

SAVE, UNDO = "SAVEPOINT trial", "ROLLBACK TO SAVEPOINT trial"


class _Undone(Exception):
    """Rolls a transaction back, with the refusal that did it if there is one."""

    def __init__(self, refusal: Refusal | None) -> None:
        super().__init__("undone")
        self.refusal = refusal


async def ask_first(
    four_eyes: FourEyes,
    services: Any,
    tenant: TenantRef | None,
    by: str,
    verb: str,
    command: object,
) -> Outcome | None:
    """Store a change that a second person must agree to; None where it is to be made at once.

    It is made and undone first, so that what would be refused now is refused now; an outcome is
    that refusal, or what `waits_for` reads. The same change by the same caller waits once. Besides:
    `too_many_approvals`. Raises Unavailable.
    """
    approvable = four_eyes.approvables[verb]
    async with four_eyes.db.begin(schema_of(tenant), read_only=True) as tx:
        stored = await store.policy_of(tx.driver)
    policy = Policy() if stored is None else stored.policy
    if not rules_of(policy, verb, always=approvable.always):
        return None
    change = await _change_of(approvable, services, tenant, by, command)
    if isinstance(change, Refusal):
        return change
    refusal = await _rehearse(four_eyes, tenant, change)
    if refusal is not None:
        return refusal
    makers = await four_eyes.rights.makers(by)
    sealer = await four_eyes.sealer(tenant)
    ask = Ask(approvable, command, sealer, four_eyes.reserve, makers=makers)
    outcome = await four_eyes.journal.submit(schema_of(tenant), Gated(by, ask, None))
    return None if outcome == NOT_NEEDED else outcome


async def change_approved(
    four_eyes: FourEyes, services: Any, decide: Decide, approvable: Approvable[Any], command: Any
) -> Any | Refusal:
    """Make the change and decide its approval in one transaction, or neither; return what came.

    Both persons must be able to make it: as who agrees it is made first, and undone. Where the
    request is only agreed to, it is made and undone as who asked, too.
    """
    tenant, approval = decide.tenant, decide.approval
    made = await _change_of(approvable, services, tenant, approval.requested_by, command)
    if isinstance(made, Refusal):
        return made
    approver = approval.decided_by if isinstance(decide, Fetch) else decide.principal
    as_approver: Change | None = None
    if approver is not None and approver != HOST:
        found = await _change_of(approvable, services, tenant, approver, command)
        if isinstance(found, Refusal):
            return found
        as_approver = found
    try:
        async with four_eyes.db.begin(schema_of(tenant)) as tx:
            result = await _change(tx, decide, made, as_approver)
    except _Undone as undone:
        return undone.refusal
    if decide.to == "executed" and made.then is not None:
        await made.then()
    return result


async def _change(tx: Tx, decide: Decide, made: Change, as_approver: Change | None) -> Any:
    """Lock in the order of every other change: the request, the change's rows, the journal."""
    state = await store.lock_approval(tx.driver, decide.approval.id)
    if state is None:
        raise _Undone(NO_APPROVAL)
    if state not in decide.since:
        raise _Undone(closed(state))
    if as_approver is not None and (refusal := await _try(tx, as_approver)) is not None:
        raise _Undone(AGREED_MAY_NOT if isinstance(decide, Fetch) else refusal)
    if made.look is not None:
        # What no rollback undoes is begun only once everything else is sure.
        await _must(_try(tx, made))
        await _must(_undoing(tx, lambda: _decide(tx, decide)))
    if decide.to != "executed":
        await _must(_try(tx, made))
        await _must(_decide(tx, decide))
        return None
    result = await made.make(tx)
    if isinstance(result, Refusal):
        raise _Undone(result)
    await _must(_decide(tx, decide))
    return result


async def _decide(tx: Tx, decide: Decide) -> Refusal | None:
    outcome = await run_within(tx, schema_of(decide.tenant), decide)
    return outcome if isinstance(outcome, Refusal) else None


async def _must(work: Awaitable[Refusal | None]) -> None:
    refusal = await work
    if refusal is not None:
        raise _Undone(refusal)


async def _try(tx: Tx, change: Change) -> Refusal | None:
    """Return why the change cannot be made, and leave the transaction as it was."""
    return await _undoing(tx, lambda: (change.look or change.make)(tx))


async def _undoing(tx: Tx, work: Callable[[], Awaitable[Any]]) -> Refusal | None:
    await tx.driver.execute(SAVE)
    outcome = await work()
    await tx.driver.execute(UNDO)
    return outcome if isinstance(outcome, Refusal) else None


async def _change_of(
    approvable: Approvable[Any], services: Any, tenant: TenantRef | None, by: str, command: Any
) -> Change | Refusal:
    assert approvable.change is not None
    return await approvable.change(services, tenant, by, command)


async def _rehearse(
    four_eyes: FourEyes, tenant: TenantRef | None, change: Change
) -> Refusal | None:
    try:
        async with four_eyes.db.begin(schema_of(tenant)) as tx:
            outcome = await (change.look or change.make)(tx)
            raise _Undone(outcome if isinstance(outcome, Refusal) else None)
    except _Undone as undone:
        return undone.refusal
