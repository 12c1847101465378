"""Bodies and views of approvals: the policy, what waits, and what became of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from guildbank.approvals.contracts import MAX_HOURS, MAX_RULES, Policy, Rule
from guildbank.approvals.store import StoredPolicy
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases.read import Shown
from guildbank.infra.http import Body, Reason, View
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import MAX_AMOUNT, seq_id

StateText = Literal["pending", "agreed", "executed", "rejected", "cancelled", "expired"]
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
    """What a second person is wanted for, besides the verbs that always want one."""

    rules: Annotated[list[ApprovalRuleBody], Meta(max_length=MAX_RULES)]
    expires_after_hours: Annotated[int, Meta(ge=1, le=MAX_HOURS)] = 72


class ApprovalRuleView(View):
    """A rule as it was set."""

    __example__: ClassVar = {"verb": "wallets.grant", "asset": "GEM", "above": 1000}

    verb: str
    asset: str | None
    above: int | None


class ApprovableView(View):
    """A verb that can be put under approval. `always`: it is, without a rule."""

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
    second person. `holdId` holds the coins that it would take. A key that is `agreed` waits for who
    asked to fetch it, until `expiresAt`. Once it is executed, `transactionId` is the entry that it
    became and `answer` what the call would have answered, but for a secret.
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


def policy_view(
    four_eyes: FourEyes, tenant: TenantRef | None, found: StoredPolicy | Policy
) -> ApprovalPolicyView:
    """Render the policy of a plane, with all that its rules can name."""
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
            for one in four_eyes.nameable(tenant).values()
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
