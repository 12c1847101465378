"""Routes of approvals: the policy, what waits, and the decisions of second persons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from litestar import Response, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.approvals.contracts import (
    MAX_HOURS,
    MAX_RULES,
    READ,
    SET_POLICY,
    WRITE,
    Approval,
    Policy,
    Rule,
)
from guildbank.approvals.store import StoredPolicy
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases import end as ending
from guildbank.approvals.usecases.change import ask_first
from guildbank.approvals.usecases.gate import waits_for
from guildbank.approvals.usecases.read import Shown, get_approval, get_policy, list_approvals
from guildbank.approvals.usecases.set_policy import set_policy
from guildbank.infra.http import (
    After,
    Body,
    Caller,
    JSONBody,
    Limit,
    Page,
    Reason,
    Service,
    View,
    Who,
    by_operator,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Outcome
from guildbank.kernel import MAX_AMOUNT, Refusal, seq_id

Parts = Service[FourEyes]
Everything = Service[Any]
TAGS: Sequence[str] = ["Approvals"]
READING = [scope(READ)]
DECIDING = [by_operator(WRITE, fresh=True)]
ApprovalId = Annotated[str, PathParameter(description="The approval's id.", max_length=90)]
StateText = Literal["pending", "executed", "rejected", "cancelled", "expired"]
InState = Annotated[
    StateText | None, QueryParameter(name="state", description="Only those in this state.")
]
VerbText = Annotated[
    str, Meta(min_length=1, max_length=64, description="A verb.", examples=["wallets.grant"])
]
AssetText = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9_]{1,15}$(?!\n)",
        description="A currency of the game, or of money.",
        examples=["GEM"],
    ),
]
AboveAmount = Annotated[
    int, Meta(ge=0, le=MAX_AMOUNT, description="In minor units.", examples=[1000])
]


class ApprovalRuleBody(Body):
    """Asks for a second person.

    It asks where the verb moves, with what the same caller or of the same player moved in 24 hours,
    more than `above` of `asset`; without an asset, of any one. Without `above` it asks always.
    """

    __example__: ClassVar = {"verb": "wallets.grant", "asset": "GEM", "above": 1000}

    verb: VerbText
    asset: AssetText | None = None
    above: AboveAmount | None = None


class ApprovalPolicyBody(Body):
    """What a second person is wanted for; no rules turn four eyes off."""

    rules: Annotated[list[ApprovalRuleBody], Meta(max_length=MAX_RULES)]
    expires_after_hours: Annotated[int, Meta(ge=1, le=MAX_HOURS)] = 72


class ApprovalRuleView(View):
    """A rule as it was set."""

    __example__: ClassVar = {"verb": "wallets.grant", "asset": "GEM", "above": 1000}

    verb: str
    asset: str | None
    above: int | None


class ApprovableView(View):
    """A verb that can be put under approval. `always`: it is, whenever there is any rule."""

    __example__: ClassVar = {
        "verb": "wallets.grant",
        "permission": "wallets:grant",
        "meaning": "Give a player free coins.",
        "amounts": True,
        "always": False,
    }

    verb: str
    permission: str
    meaning: str
    amounts: bool
    always: bool


class ApprovalPolicyView(View):
    """The policy, and all verbs that a rule can name. Nobody has `setBy` before it is ever set."""

    __example__: ClassVar = {"setBy": "op_01kag3pyqmf9aag12vtrsy70ps"}

    rules: Sequence[ApprovalRuleView]
    expires_after_hours: int
    set_by: str | None
    set_at: datetime | None
    approvable: Sequence[ApprovableView]


class ApprovalAmountView(View):
    """An amount that the command moves, in minor units."""

    __example__: ClassVar = {"asset": "GEM", "amount": 5000}

    asset: str
    amount: int


class ApprovalView(View):
    """A command that waits for a second person, or waited, and what became of it.

    `command` is what was asked for, with what was said of it as `said`; `rule` is what asked for a
    second person. `holdId` holds the coins that it would take. Once it is executed, `transactionId`
    is the entry that it became and `answer` what the call would have answered.
    """

    __example__: ClassVar = {
        "id": "apr_01kag3pyqmf9aag12vtrsy70ps",
        "verb": "wallets.grant",
        "state": "pending",
        "requestedBy": "op_01kag3pyqmf9aag12vtrsy70ps",
        "playerId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "command": {"currency": "GEM", "amount": 5000},
        "holdId": None,
        "decidedBy": None,
        "decidedAt": None,
        "note": None,
        "transactionId": None,
        "answer": None,
    }

    id: str
    verb: str
    state: StateText
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    player_id: str | None
    amounts: Sequence[ApprovalAmountView]
    rule: ApprovalRuleView
    command: Mapping[str, Any]
    hold_id: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    transaction_id: str | None
    answer: Mapping[str, Any] | None


class AgreeBody(Body):
    """What is to be remembered with the decision."""

    note: Reason | None = None


class RejectBody(Body):
    """Why not; whoever asked reads it."""

    reason: Reason


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


@get("/v1/approval-policy", guards=READING, tags=TAGS, summary="Read the approval policy")
async def read_policy(four_eyes: Parts, caller: Who) -> ApprovalPolicyView:
    """Return what a second person is wanted for, and every verb that could be named."""
    return _policy_view(four_eyes, await get_policy(four_eyes, caller.tenant))


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

    The first rules hold at once. From then on every change of the policy, of operators and of roles
    waits for a second person itself: an operator who may do the same, or `guildbank approval
    approve` on the host.
    """
    rules = tuple(Rule(verb=one.verb, asset=one.asset, above=one.above) for one in data.rules)
    policy = Policy(rules=rules, expires_after_hours=data.expires_after_hours)
    outcome = await set_policy(four_eyes, caller.tenant, caller.principal, policy)
    waits = await waiting(four_eyes, caller.tenant, outcome)
    if waits is not None:
        return waits
    granted(outcome)
    return Response(_policy_view(four_eyes, await get_policy(four_eyes, caller.tenant)))


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
    that refuses, nothing has happened and the request still waits. Safe to repeat.
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
    """Say no, and give back what was held. Safe to repeat."""
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


async def _ended(four_eyes: FourEyes, caller: Caller, done: Approval | Refusal) -> ApprovalView:
    one = granted(done)
    return approval_view(granted(await get_approval(four_eyes, caller.tenant, one.id)))


def _policy_view(four_eyes: FourEyes, found: StoredPolicy | Policy) -> ApprovalPolicyView:
    stored = found if isinstance(found, StoredPolicy) else None
    policy = found.policy if isinstance(found, StoredPolicy) else found
    return ApprovalPolicyView(
        rules=[_rule_view(rule) for rule in policy.rules],
        expires_after_hours=policy.expires_after_hours,
        set_by=None if stored is None else stored.changed_by,
        set_at=None if stored is None else stored.changed_at,
        approvable=[
            ApprovableView(
                verb=one.verb,
                permission=one.permission,
                meaning=one.meaning,
                amounts=one.measure is not None,
                always=one.always,
            )
            for one in four_eyes.approvables.values()
        ],
    )


def _rule_view(rule: Rule) -> ApprovalRuleView:
    return ApprovalRuleView(verb=rule.verb, asset=rule.asset, above=rule.above)


def approval_view(shown: Shown) -> ApprovalView:
    """Render an approval."""
    one, result = shown.approval, shown.result
    return ApprovalView(
        id=one.id,
        verb=one.verb,
        state=one.state,
        requested_by=one.requested_by,
        requested_at=one.requested_at,
        expires_at=one.expires_at,
        player_id=one.player,
        amounts=[
            ApprovalAmountView(asset, amount) for asset, amount in sorted(one.amounts.items())
        ],
        rule=_rule_view(one.rule),
        command=shown.command,
        hold_id=None if one.hold is None else seq_id("hold", one.hold, one.requested_at),
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        note=shown.words,
        transaction_id=None if result is None else seq_id("txn", result.seq, result.at),
        answer=shown.answer,
    )


ROUTES = (read_policy, write_policy, list_all, read, approve, reject, cancel)
