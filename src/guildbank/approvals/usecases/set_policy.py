"""Set what a plane wants a second person for; one person cannot."""

from collections.abc import Iterable
from typing import Any, ClassVar

from guildbank.approvals.contracts import SET_POLICY, Approvable, Policy
from guildbank.approvals.rules import check_policy
from guildbank.approvals.store import ONLY, POLICIES, StoredPolicy
from guildbank.approvals.usecases import FourEyes, schema_of
from guildbank.approvals.usecases.gate import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal

VERB = "approvals.set_policy"
POLICY_SET = "approval.policy_set"


class SetPolicy(Act):
    """Puts another policy in the place of the one before."""

    verb: ClassVar[str] = VERB
    __slots__ = ("policy",)

    def __init__(self, principal: str, policy: Policy) -> None:
        super().__init__(principal)
        self.policy = policy

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the policy."""
        return ((POLICIES, ONLY),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set it."""
        before = stage.get(POLICIES, ONLY)
        stage.put(POLICIES, ONLY, StoredPolicy(self.policy, self.principal, stage.now))
        told = {"before": None if before is None else before.policy, "after": self.policy}
        return Draft(POLICY_SET, facts(told))


async def set_policy(
    four_eyes: FourEyes, tenant: TenantRef | None, by: str, policy: Policy
) -> Receipt | Refusal:
    """Store the wish for another policy, which a second person must agree to.

    Refusals: `out_of_range`, `invalid_value`, `too_many_approvals`, `tenant_suspended`. Raises
    Unavailable.
    """
    verbs = four_eyes.nameable(tenant)
    known = {verb: one.measure is not None for verb, one in verbs.items()}
    refusal = check_policy(policy, known)
    if refusal is not None:
        return refusal
    act = await gate(four_eyes, tenant, SetPolicy(by, policy), VERB, policy)
    return await four_eyes.journal.submit(schema_of(tenant), act)


async def _act(_services: Any, _tenant: TenantRef | None, by: str, policy: Policy) -> Act:
    return SetPolicy(by, policy)


APPROVABLE = Approvable(
    verb=VERB,
    permission=SET_POLICY,
    meaning="Change what needs approval.",
    command=Policy,
    show=lambda policy: {
        "rules": [{"verb": r.verb, "asset": r.asset, "above": r.above} for r in policy.rules],
        "expiresAfterHours": policy.expires_after_hours,
    },
    act=_act,
    always=True,
    of="both",
)
