"""Fetch what was agreed to and bears a secret: it is made now, and shown to who asked alone."""

from collections.abc import Collection
from typing import Any

from guildbank.approvals.contracts import (
    NO_APPROVAL,
    NOT_AGREED,
    NOT_OWN_FETCH,
    REQUESTER_MAY_NOT,
    closed,
)
from guildbank.approvals.usecases import FourEyes, command_aad
from guildbank.approvals.usecases.change import change_approved
from guildbank.approvals.usecases.decide import Fetch
from guildbank.approvals.usecases.end import find, machine_still_may
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def fetch(
    four_eyes: FourEyes,
    services: Any,
    tenant: TenantRef | None,
    by: str,
    approval_id: str,
    verbs: Collection[str],
) -> Any | Refusal:
    """Return what the change of one of these verbs makes, in the commit that consumes its approval.

    It works once: whoever loses the answer asks anew. Refusals: `not_found`, `not_own_request`,
    `approval_pending`, `approval_closed`, `approval_expired`, `requester_may_not`,
    `approver_may_not`, and whatever the change is refused for now. Raises Unavailable.
    """
    found = await find(four_eyes, tenant, approval_id)
    if isinstance(found, Refusal):
        return found
    approvable = four_eyes.approvables.get(found.verb)
    if approvable is None or not approvable.fetched or found.verb not in verbs:
        return NO_APPROVAL
    if found.requested_by != by:
        return NOT_OWN_FETCH
    if found.state != "agreed":
        return NOT_AGREED if found.state == "pending" else closed(found.state)
    if not await machine_still_may(four_eyes, tenant, found):
        return REQUESTER_MAY_NOT
    sealer = await four_eyes.sealer(tenant)
    command = approvable.decode(sealer.open(command_aad(found.id), found.command))
    act = Fetch(by, tenant, found, four_eyes.rights, four_eyes.reserve, queued=False)
    return await change_approved(four_eyes, services, act, approvable, command)
