"""Say which refund requests are answered without a person: a new version of the tenant's policy."""

from typing import ClassVar

from guildbank.approvals import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_POLICY
from guildbank.payments.contracts.requests import REFUND_POLICY_SET, RefundPolicy, StoredPolicy
from guildbank.payments.requests import NEWEST, POLICIES, POLICY, policy_of
from guildbank.payments.usecases import Payments


class SetRefundPolicy(Act):
    """Adds a version; what waits for a person goes on waiting."""

    verb: ClassVar[str] = "payments.set_refund_policy"
    __slots__ = ("policy",)

    def __init__(self, principal: str, policy: RefundPolicy) -> None:
        super().__init__(principal)
        self.policy = policy

    def needs(self, stage: Stage) -> list[Need]:
        """Return the newest version."""
        return [(POLICY, NEWEST)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save it. Refusal: `no_change`."""
        known = stage.get(POLICY, NEWEST)
        if known is not None and known.policy == self.policy:
            return NO_CHANGE
        version = 1 if known is None else known.version + 1
        stored = StoredPolicy(
            version=version, policy=self.policy, saved_by=self.principal, saved_at=stage.now
        )
        stage.put(POLICIES, version, stored)
        stage.put(POLICY, NEWEST, stored)
        told = {"version": version, "policy": self.policy}
        return Draft(REFUND_POLICY_SET, facts(told), before=None if known is None else known.policy)


def check_policy(policy: RefundPolicy) -> Refusal | None:
    """Return why rules contradict each other: what is granted must not be rejected as too late."""
    grant, reject = policy.grant, policy.reject
    if grant is None or reject is None or grant.within_hours <= reject.after_days * 24:
        return None
    return Refusal(
        code="invalid_value",
        detail="What would be granted is rejected as too late before. Let withinHours end before "
        "afterDays begin.",
        field="grant.withinHours",
    )


async def set_refund_policy(
    payments: Payments, tenant: TenantRef, principal: str, policy: RefundPolicy
) -> StoredPolicy | Outcome:
    """Return the newest version, or the outcome of a command that waits for a second person.

    Refusals: `invalid_value`, `too_many_approvals`, `tenant_suspended`. Raises Unavailable.
    """
    if (wrong := check_policy(policy)) is not None:
        return wrong
    act = SetRefundPolicy(principal, policy)
    gated = await gate(payments.four_eyes, tenant, act, act.verb, policy)
    outcome = await payments.journal.submit(tenant.schema, gated)
    if isinstance(outcome, Refusal) and outcome != NO_CHANGE:
        return outcome
    if not isinstance(outcome, Refusal) and outcome.kind != REFUND_POLICY_SET:
        return outcome
    return await get_refund_policy(payments, tenant)


async def get_refund_policy(
    payments: Payments, tenant: TenantRef, version: int | None = None
) -> StoredPolicy | Refusal:
    """Return a version, the newest where none is named. Refusal: `not_found`."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await policy_of(tx.driver, version) or NO_POLICY
