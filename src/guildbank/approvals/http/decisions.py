"""Routes of approvals: the policy, what waits, and the decisions of second persons."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, get, post, put
from litestar.params import PathParameter, QueryParameter

from guildbank.approvals.contracts import READ, SET_POLICY, WRITE, Approval, Policy, Rule
from guildbank.approvals.http.views import (
    AgreeBody,
    ApprovalPolicyBody,
    ApprovalPolicyView,
    ApprovalView,
    RejectBody,
    StateText,
    approval_view,
    policy_view,
)
from guildbank.approvals.http.waiting import WAITS, waiting
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases import end as ending
from guildbank.approvals.usecases.read import get_approval, get_policy, list_approvals
from guildbank.approvals.usecases.set_policy import set_policy
from guildbank.infra.http import (
    After,
    Caller,
    JSONBody,
    Limit,
    Page,
    Service,
    Who,
    by_operator,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.kernel import Refusal

Parts = Service[FourEyes]
Everything = Service[Any]
TAGS: Sequence[str] = ["Approvals"]
READING = [scope(READ)]
DECIDING = [by_operator(WRITE, fresh=True)]
ApprovalId = Annotated[str, PathParameter(description="The approval's id.", max_length=90)]
InState = Annotated[
    StateText | None, QueryParameter(name="state", description="Only those in this state.")
]


@get("/v1/approval-policy", guards=READING, tags=TAGS, summary="Read the approval policy")
async def read_policy(four_eyes: Parts, caller: Who) -> ApprovalPolicyView:
    """Return what a second person is wanted for, and every verb that could be named."""
    return await _shown_policy(four_eyes, caller)


@put(
    "/v1/approval-policy",
    guards=[by_operator(SET_POLICY, fresh=True)],
    tags=TAGS,
    summary="Set the approval policy",
    responses=WAITS,
)
async def write_policy(
    four_eyes: Parts, caller: Who, data: JSONBody[ApprovalPolicyBody]
) -> Response[ApprovalPolicyView]:
    """Say what a second person is wanted for.

    Every change of the policy, of operators and of roles waits for a second person itself: an
    operator who may do the same, or `guildbank approval approve` on the host.
    """
    rules = tuple(Rule(verb=one.verb, asset=one.asset, above=one.above) for one in data.rules)
    policy = Policy(rules=rules, expires_after_hours=data.expires_after_hours)
    outcome = await set_policy(four_eyes, caller.tenant, caller.principal, policy)
    waits = await waiting(four_eyes, caller.tenant, outcome)
    if waits is not None:
        return waits
    granted(outcome)
    return Response(await _shown_policy(four_eyes, caller))


@get("/v1/approvals", guards=READING, tags=TAGS, summary="List approvals")
async def list_all(
    four_eyes: Parts,
    caller: Who,
    in_state: InState = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[ApprovalView]:
    """List what waits for a second person, and what waited, newest first."""
    position = decode_cursor(after, [str])
    before = str(position[0]) if position else ""
    found = await list_approvals(four_eyes, caller.tenant, before, in_state, limit + 1)
    more = encode_cursor([found[limit - 1].approval.id]) if len(found) > limit else None
    return Page([approval_view(one) for one in found[:limit]], more)


@get("/v1/approvals/{approval_id:str}", guards=READING, tags=TAGS, summary="Read an approval")
async def read(four_eyes: Parts, caller: Who, approval_id: ApprovalId) -> ApprovalView:
    """Return one approval with its command."""
    return approval_view(granted(await get_approval(four_eyes, caller.tenant, approval_id)))


@post(
    "/v1/approvals/{approval_id:str}/approve",
    guards=DECIDING,
    tags=TAGS,
    status_code=200,
    summary="Agree, and do it",
)
async def approve(
    four_eyes: Parts,
    everything: Everything,
    caller: Who,
    approval_id: ApprovalId,
    data: JSONBody[AgreeBody],
) -> ApprovalView:
    """Do what was asked for, as the second person, who must be permitted it too.

    Both persons' rights and the state of things are looked at again in the commit that does it. If
    that refuses, nothing has happened and the request still waits. A key is agreed to and not made
    yet: who asked fetches it. Safe to repeat.
    """
    done = await ending.approve(
        four_eyes, everything, caller.tenant, caller.principal, approval_id, data.note
    )
    return await _ended(four_eyes, caller, done)


@post(
    "/v1/approvals/{approval_id:str}/reject",
    guards=DECIDING,
    tags=TAGS,
    status_code=200,
    summary="Reject a request",
)
async def reject(
    four_eyes: Parts, caller: Who, approval_id: ApprovalId, data: JSONBody[RejectBody]
) -> ApprovalView:
    """Say no, and give back what was held; also to a key that was not fetched. Safe to repeat."""
    done = await ending.reject(four_eyes, caller.tenant, caller.principal, approval_id, data.reason)
    return await _ended(four_eyes, caller, done)


@post(
    "/v1/approvals/{approval_id:str}/cancel",
    guards=READING,
    tags=TAGS,
    status_code=200,
    summary="Cancel one's own request",
)
async def cancel(four_eyes: Parts, caller: Who, approval_id: ApprovalId) -> ApprovalView:
    """Take back what one asked for oneself. Safe to repeat."""
    done = await ending.cancel(four_eyes, caller.tenant, caller.principal, approval_id)
    return await _ended(four_eyes, caller, done)


async def _shown_policy(four_eyes: FourEyes, caller: Caller) -> ApprovalPolicyView:
    tenant = caller.tenant
    return policy_view(four_eyes, tenant, await get_policy(four_eyes, tenant))


async def _ended(four_eyes: FourEyes, caller: Caller, done: Approval | Refusal) -> ApprovalView:
    one = granted(done)
    return approval_view(granted(await get_approval(four_eyes, caller.tenant, one.id)))


ROUTES = (read_policy, write_policy, list_all, read, approve, reject, cancel)
