"""What a route answers whose verb waits for a second person."""

from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from guildbank.approvals.contracts import Approval
from guildbank.approvals.http.views import ApprovalView, approval_view
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases.change import ask_first
from guildbank.approvals.usecases.gate import waits_for
from guildbank.approvals.usecases.read import get_approval
from guildbank.infra.http import Caller, granted
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Outcome

WAITS = {202: ResponseSpec(ApprovalView, description="It waits for a second person.")}
"""`responses` of a route whose verb can be put under approval."""


async def waiting(
    four_eyes: FourEyes, tenant: TenantRef | None, outcome: Outcome | Approval | None
) -> Response[Any] | None:
    """Return the answer 202 where the outcome is a command that waits, or waited, for approval."""
    if isinstance(outcome, Approval):
        found: str | None = outcome.id
    else:
        found = None if outcome is None else waits_for(outcome)
    if found is None:
        return None
    shown = granted(await get_approval(four_eyes, tenant, found))
    return Response(approval_view(shown), status_code=202)


async def held_back(
    four_eyes: FourEyes, everything: Any, caller: Caller, verb: str, command: object
) -> Response[Any] | None:
    """Return the answer 202 of a change that waits, None of one to be made at once.

    For changes that go by no act of the journal. Raises Problem.
    """
    tenant = caller.tenant
    outcome = await ask_first(four_eyes, everything, tenant, caller.principal, verb, command)
    if outcome is None:
        return None
    waits = await waiting(four_eyes, tenant, outcome)
    if waits is None:
        granted(outcome)
        raise AssertionError("a change outside the queue is refused, or waits")
    return waits
