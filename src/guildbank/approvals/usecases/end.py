"""End a request: execute it as the second person, reject it, cancel one's own, let it expire."""

import asyncio
from typing import Any

import structlog

from guildbank.approvals import store
from guildbank.approvals.contracts import (
    CLOSED,
    NO_APPROVAL,
    REQUESTER_MAY_NOT,
    SYSTEM,
    Approvable,
    Approval,
    State,
)
from guildbank.approvals.usecases import FourEyes, command_aad, schema_of, words_aad
from guildbank.approvals.usecases.change import change_approved
from guildbank.approvals.usecases.decide import Agree, Cancel, Decide, Execute, Expire, Reject
from guildbank.infra.acting import HOST
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Receipt
from guildbank.kernel import Refusal, parse_id

log = structlog.get_logger(__name__)
PAGE = 200


async def find(
    four_eyes: FourEyes, tenant: TenantRef | None, approval_id: str
) -> Approval | Refusal:
    """Return one approval of the plane. Refusal: `not_found`."""
    if parse_id("apr", approval_id) is None:
        return NO_APPROVAL
    async with four_eyes.db.begin(schema_of(tenant), read_only=True) as tx:
        return await store.approval_of(tx.driver, approval_id) or NO_APPROVAL


async def approve(
    four_eyes: FourEyes,
    services: Any,
    tenant: TenantRef | None,
    by: str,
    approval_id: str,
    words: str | None = None,
) -> Approval | Refusal:
    """Do what was asked for, as its second person, in the commit that consumes the approval.

    What bears a secret is only agreed to: who asked fetches it (`fetch`). Safe to repeat by
    the same person. Refusals: `not_found`, `approval_closed`, `approval_expired`, `own_request`,
    `forbidden`, `requester_may_not`, and whatever the command is refused for now; it still waits
    then. Raises Unavailable.
    """
    found = await find(four_eyes, tenant, approval_id)
    if isinstance(found, Refusal) or _is_done(found, by, "executed", "agreed"):
        return found
    approvable = four_eyes.approvables.get(found.verb)
    if approvable is None:
        return Refusal(code="not_found", detail=f"This server knows no {found.verb} any more.")
    if not await machine_still_may(four_eyes, tenant, found):
        return REQUESTER_MAY_NOT
    sealer = await four_eyes.sealer(tenant)
    command = approvable.decode(sealer.open(command_aad(found.id), found.command))
    sealed = None if words is None else sealer.seal(words_aad(found.id), words.encode())
    decide = (Agree if approvable.fetched else Execute)(
        by, tenant, found, four_eyes.rights, four_eyes.reserve, sealed,
        await four_eyes.rights.makers(found.requested_by, now=True),
        queued=approvable.act is not None,
    )  # fmt: skip
    finish = _act if approvable.change is None else change_approved
    done = await finish(four_eyes, services, decide, approvable, command)
    return await _ended(four_eyes, decide, done, "executed", "agreed")


async def _act(
    four_eyes: FourEyes, services: Any, decide: Execute, approvable: Approvable[Any], command: Any
) -> Refusal | None:
    """Consume the approval and run the command's act, both or neither."""
    assert approvable.act is not None
    act = await approvable.act(services, decide.tenant, decide.approval.requested_by, command)
    if isinstance(act, Refusal):
        return act
    outcomes = await four_eyes.journal.submit_all(schema_of(decide.tenant), [decide, act])
    last = outcomes[-1]
    if isinstance(last, Refusal):
        return last
    if approvable.after is not None and decide.tenant is not None:
        await approvable.after(services, decide.tenant, last)
    return None


async def reject(
    four_eyes: FourEyes, tenant: TenantRef | None, by: str, approval_id: str, words: str
) -> Approval | Refusal:
    """Say no, and why. Safe to repeat by the same person.

    Refusals: `not_found`, `approval_closed`, `own_request`, `forbidden`. Raises Unavailable.
    """
    found = await find(four_eyes, tenant, approval_id)
    if isinstance(found, Refusal) or _is_done(found, by, "rejected"):
        return found
    sealer = await four_eyes.sealer(tenant)
    sealed = sealer.seal(words_aad(found.id), words.encode())
    makers = await four_eyes.rights.makers(found.requested_by, now=True)
    act = Reject(by, tenant, found, four_eyes.rights, four_eyes.reserve, sealed, makers)
    return await _end(four_eyes, tenant, act)


async def cancel(
    four_eyes: FourEyes, tenant: TenantRef | None, by: str, approval_id: str
) -> Approval | Refusal:
    """Take one's own request back. Safe to repeat.

    Refusals: `not_found`, `approval_closed`, `not_own_request`. Raises Unavailable.
    """
    found = await find(four_eyes, tenant, approval_id)
    if isinstance(found, Refusal) or _is_done(found, by, "cancelled"):
        return found
    act = Cancel(by, tenant, found, four_eyes.rights, four_eyes.reserve)
    return await _end(four_eyes, tenant, act)


async def expire(four_eyes: FourEyes, tenant: TenantRef | None) -> int:
    """End every request of the plane whose time is over; return how many."""
    ended = 0
    while True:
        async with four_eyes.db.begin(schema_of(tenant)) as tx:
            due = await store.due(tx.driver, PAGE)
            await store.forget_tallies(tx.driver)
        found = await asyncio.gather(*(find(four_eyes, tenant, one) for one in due[:PAGE]))
        acts = [
            Expire(SYSTEM, tenant, one, four_eyes.rights, four_eyes.reserve)
            for one in found
            if isinstance(one, Approval)
        ]
        outcomes = await four_eyes.journal.submit_each(schema_of(tenant), acts) if acts else []
        done = sum(1 for outcome in outcomes if isinstance(outcome, Receipt))
        ended += done
        # A page of which nothing ended would only be read again.
        if len(due) < PAGE or done == 0:
            return ended


async def _end(four_eyes: FourEyes, tenant: TenantRef | None, act: Decide) -> Approval | Refusal:
    outcome = await four_eyes.journal.submit(schema_of(tenant), act)
    return await _ended(four_eyes, act, outcome, act.to)


async def _ended(
    four_eyes: FourEyes, act: Decide, outcome: object, *states: State
) -> Approval | Refusal:
    """Return what became of it; that the same person decided it twice at once is no refusal."""
    if isinstance(outcome, Refusal) and outcome.code != CLOSED:
        return outcome
    found = await find(four_eyes, act.tenant, act.approval.id)
    if isinstance(found, Refusal) or not isinstance(outcome, Refusal):
        return found
    return found if _is_done(found, act.principal, *states) else outcome


def _is_done(one: Approval, by: str, *states: State) -> bool:
    """Say whether the same person decided the same before, and only its answer was lost."""
    return one.state in states and one.decided_by == by


async def machine_still_may(four_eyes: FourEyes, tenant: TenantRef | None, one: Approval) -> bool:
    """Say whether who asked has a good key with the permission, or is no machine."""
    rights = four_eyes.rights
    if one.requested_by == HOST or rights.is_person(one.requested_by):
        return True
    return await rights.machine_may(tenant, one.requested_by, one.permission)
