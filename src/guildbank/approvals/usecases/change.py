"""Changes outside the journal's queue: ask whether one waits, and make one that was agreed to."""

from typing import Any

from guildbank.approvals import store
from guildbank.approvals.contracts import NO_APPROVAL, NOT_NEEDED, Approvable, Change
from guildbank.approvals.rules import rules_of
from guildbank.approvals.usecases import FourEyes, schema_of
from guildbank.approvals.usecases.decide import Execute
from guildbank.approvals.usecases.gate import Ask, Gated
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Outcome, run_within
from guildbank.kernel import Refusal

SAVE, UNDO = "SAVEPOINT as_approver", "ROLLBACK TO SAVEPOINT as_approver"


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
    if stored is None or not rules_of(stored.policy, verb, always=approvable.always):
        return None
    assert approvable.change is not None
    change = await approvable.change(services, tenant, by, command)
    if isinstance(change, Refusal):
        return change
    refusal = await _rehearse(four_eyes, tenant, change)
    if refusal is not None:
        return refusal
    ask = Ask(approvable, command, await four_eyes.sealer(tenant), four_eyes.reserve)
    outcome = await four_eyes.journal.submit(schema_of(tenant), Gated(by, ask, None))
    return None if outcome == NOT_NEEDED else outcome


async def change_approved(
    four_eyes: FourEyes, services: Any, decide: Execute, approvable: Approvable[Any], command: Any
) -> Refusal | None:
    """Make the change and consume its approval in one transaction, or neither.

    Both persons must be able to make it: as who agreed it is made first, and undone.
    """
    assert approvable.change is not None
    tenant, approval = decide.tenant, decide.approval
    made = await approvable.change(services, tenant, approval.requested_by, command)
    if isinstance(made, Refusal):
        return made
    as_approver: Change | None = None
    if decide.principal != HOST:
        found = await approvable.change(services, tenant, decide.principal, command)
        if isinstance(found, Refusal):
            return found
        as_approver = found
    try:
        async with four_eyes.db.begin(schema_of(tenant)) as tx:
            await _change(tx, decide, made, as_approver)
    except _Undone as undone:
        return undone.refusal
    return None


async def _change(tx: Tx, decide: Execute, made: Change, as_approver: Change | None) -> None:
    """Lock in the order of every other change: the request, the change's rows, the journal."""
    found = await store.lock_approval(tx.driver, decide.approval.id)
    refusal: Refusal | None = None if found else NO_APPROVAL
    if refusal is None and as_approver is not None:
        await tx.driver.execute(SAVE)
        refusal = await as_approver(tx)
        await tx.driver.execute(UNDO)
    refusal = refusal or await made(tx)
    if refusal is None:
        outcome = await run_within(tx, schema_of(decide.tenant), decide)
        refusal = outcome if isinstance(outcome, Refusal) else None
    if refusal is not None:
        raise _Undone(refusal)


async def _rehearse(
    four_eyes: FourEyes, tenant: TenantRef | None, change: Change
) -> Refusal | None:
    try:
        async with four_eyes.db.begin(schema_of(tenant)) as tx:
            raise _Undone(await change(tx))
    except _Undone as undone:
        return undone.refusal
