"""Routes by which a studio says which refund requests are answered without a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, get, put
from litestar.params import QueryParameter
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, waiting
from guildbank.infra.http import (
    Body,
    JSONBody,
    Money,
    Reason,
    Service,
    View,
    Who,
    by_operator,
    granted,
    problem,
    read_money,
    scope,
    write_money,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act
from guildbank.payments.contracts.requests import (
    GrantRule,
    RefundPolicy,
    RejectRule,
    StoredPolicy,
)
from guildbank.payments.http.payments import READ
from guildbank.payments.http.refund_requests import TAGS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.refund_policy import (
    SetRefundPolicy,
    get_refund_policy,
    set_refund_policy,
)

Parts = Service[Payments]
SET_POLICY = "refund-policy:write"
MAX_VERSION = 2**31 - 1
"""As many as the database can count."""
_GRANT = {
    "withinHours": 48,
    "upTo": [{"amount": "20.00", "currency": "EUR"}],
    "most": 2,
    "inDays": 90,
}
_REJECT = {"afterDays": 60, "answer": "We give money back within 60 days after a purchase."}


class GrantRuleBody(Body):
    """Grant what comes `withinHours` after the credit, while none of its coins is spent.

    `upTo` is the most by money: what is asked for in another money waits. A player is granted
    fewer than `most` in `inDays` so, those included that a person granted.
    """

    __example__: ClassVar = _GRANT

    within_hours: Annotated[int, Meta(ge=1, le=720)]
    up_to: Annotated[list[Money], Meta(min_length=1, max_length=20)]
    most: Annotated[int, Meta(ge=1, le=100)]
    in_days: Annotated[int, Meta(ge=1, le=365)]


class RejectRuleBody(Body):
    """Reject what comes later than `afterDays` after the credit; the player reads the `answer`."""

    __example__: ClassVar = _REJECT

    after_days: Annotated[int, Meta(ge=1, le=3650)]
    answer: Reason


class RefundPolicyBody(Body):
    """What is answered without a person. Everything else waits for one."""

    __example__: ClassVar = {"grant": _GRANT, "reject": _REJECT}

    grant: GrantRuleBody | None = None
    reject: RejectRuleBody | None = None


class RefundPolicyView(View):
    """A version of the policy; version 0 is that none was ever saved, and all requests wait."""

    __example__: ClassVar = {
        "version": 3,
        "grant": _GRANT,
        "reject": _REJECT,
        "savedBy": "op_01kag3pyqmf9aag12vtrsy70ps",
        "savedAt": "2026-11-27T10:00:00Z",
    }

    version: int
    grant: GrantRuleBody | None
    reject: RejectRuleBody | None
    saved_by: str | None
    saved_at: datetime | None


@get("/v1/refund-policy", guards=[scope(READ)], tags=TAGS, summary="Read the refund policy")
async def read(
    payments: Parts,
    caller: Who,
    version: Annotated[
        int | None,
        QueryParameter(
            name="version", ge=1, le=MAX_VERSION, description="Not the newest, but this."
        ),
    ] = None,
) -> RefundPolicyView:
    """Return which requests are answered without a person, as it is now or was in a version."""
    found = await get_refund_policy(payments, caller.home, version)
    if version is None and not isinstance(found, StoredPolicy):
        return RefundPolicyView(0, None, None, None, None)
    return _view(granted(found))


@put(
    "/v1/refund-policy",
    guards=[by_operator(SET_POLICY, fresh=True)],
    tags=TAGS,
    summary="Set the refund policy",
    responses=WAITS,
)
async def write(
    payments: Parts, caller: Who, data: JSONBody[RefundPolicyBody]
) -> Response[RefundPolicyView]:
    """Save a new version of the policy. It answers what comes from now on; what waits goes on.

    Without a rule every request waits for a person. The same policy again changes nothing.
    """
    policy = RefundPolicy(grant=_grant(data.grant), reject=_reject(data.reject))
    done = await set_refund_policy(payments, caller.home, caller.principal, policy)
    if isinstance(done, StoredPolicy):
        return Response(_view(done))
    waits = await waiting(payments.four_eyes, caller.home, done)
    if waits is None:
        granted(done)
        raise AssertionError("a policy is set, refused, or waits")
    return waits


def _grant(body: GrantRuleBody | None) -> GrantRule | None:
    if body is None:
        return None
    read = [granted(read_money(one, "grant.upTo")) for one in body.up_to]
    up_to = {one.currency: one.amount_minor for one in read}
    if len(up_to) < len(read):
        raise problem("invalid_value", "Name each money once.", "grant.upTo")
    return GrantRule(
        within_hours=body.within_hours, up_to=up_to, most=body.most, in_days=body.in_days
    )


def _reject(body: RejectRuleBody | None) -> RejectRule | None:
    return None if body is None else RejectRule(after_days=body.after_days, answer=body.answer)


def _view(stored: StoredPolicy) -> RefundPolicyView:
    grant, reject = stored.policy.grant, stored.policy.reject
    return RefundPolicyView(
        version=stored.version,
        grant=None
        if grant is None
        else GrantRuleBody(
            within_hours=grant.within_hours,
            up_to=[write_money(minor, money) for money, minor in sorted(grant.up_to.items())],
            most=grant.most,
            in_days=grant.in_days,
        ),
        reject=None if reject is None else RejectRuleBody(reject.after_days, reject.answer),
        saved_by=stored.saved_by,
        saved_at=stored.saved_at,
    )


async def _act(_services: Any, _tenant: TenantRef | None, by: str, policy: RefundPolicy) -> Act:
    return SetRefundPolicy(by, policy)


def _show(policy: RefundPolicy) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = msgspec.to_builtins(policy)
    return shown


SETTING: Approvable[RefundPolicy] = Approvable(
    verb=SetRefundPolicy.verb,
    permission=SET_POLICY,
    meaning="Say which refunds are given without a person.",
    command=RefundPolicy,
    show=_show,
    act=_act,
)
ROUTES: Sequence[Any] = (read, write)
