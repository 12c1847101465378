"""The door of approvals: what a second person must agree to, before it is done.

A room declares an `Approvable` and submits `await gate(...)` in place of its act; its route answers
`await waiting(...)` where that is not None. Refusals: too_many_approvals, approval_required, and of
decisions approval_closed, approval_expired, own_request, not_own_request, requester_may_not,
approval_pending, approver_may_not.
"""

from guildbank.approvals.contracts import (
    Approvable,
    Approval,
    Change,
    Measured,
    Policy,
    Rule,
    State,
)
from guildbank.approvals.http.views import ApprovalView
from guildbank.approvals.http.waiting import WAITS, held_back, waiting
from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases.end import approve, cancel, reject
from guildbank.approvals.usecases.fetch import fetch
from guildbank.approvals.usecases.gate import gate, is_waiting, waits_for
from guildbank.approvals.usecases.read import Shown, get_approval, list_approvals
from guildbank.approvals.usecases.set_policy import set_policy

__all__ = [
    "WAITS",
    "Approvable",
    "Approval",
    "ApprovalView",
    "Change",
    "FourEyes",
    "Measured",
    "Policy",
    "Rule",
    "Shown",
    "State",
    "approve",
    "cancel",
    "fetch",
    "gate",
    "get_approval",
    "held_back",
    "is_waiting",
    "list_approvals",
    "reject",
    "set_policy",
    "waiting",
    "waits_for",
]
