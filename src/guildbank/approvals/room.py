"""What the approvals room publishes to the app."""

from guildbank.approvals.contracts import READ, SET_POLICY, WRITE
from guildbank.approvals.http import ROUTES
from guildbank.approvals.jobs import JOBS
from guildbank.approvals.personal import PERSONAL
from guildbank.approvals.usecases.decide import Agree, Cancel, Execute, Expire, Reject
from guildbank.approvals.usecases.delete_tenant import APPROVABLE as DELETE_TENANT
from guildbank.approvals.usecases.gate import REQUESTED
from guildbank.approvals.usecases.set_policy import APPROVABLE, POLICY_SET
from guildbank.infra.http import Code
from guildbank.infra.room import Room

ROOM = Room(
    name="approvals",
    routes=ROUTES,
    jobs=JOBS,
    personal=PERSONAL,
    approvables=(APPROVABLE, DELETE_TENANT),
    scopes={READ: "Read the approval policy, and what waits for a second person."},
    permissions={
        WRITE: "Agree as the second person to what one may do oneself, or reject it.",
        SET_POLICY: "Say what a second person is wanted for.",
    },
    held_by={
        READ: ("finance", "support", "compliance"),
        WRITE: ("finance", "support", "compliance"),
    },
    of_deployment=(READ, WRITE, SET_POLICY),
    events={
        REQUESTED: "A command was stored until a second person agrees.",
        Agree.kind: "A second person agreed to what bears a secret; who asked can fetch it.",
        Execute.kind: "A second person agreed, and in the same commit the command was done.",
        Reject.kind: "A second person said no to a command.",
        Cancel.kind: "Who asked for a command took it back.",
        Expire.kind: "Nobody agreed to a command, or fetched it, in time.",
        POLICY_SET: "What needs approval was set.",
    },
    codes=(
        Code("approval_closed", 409, "The request is decided already."),
        Code("approval_expired", 409, "Nobody agreed, or fetched it, in time."),
        Code("approval_pending", 409, "Nobody agreed to it yet, so it cannot be fetched."),
        Code("approver_may_not", 409, "Who agreed to it is not permitted it any more."),
        Code("approval_required", 409, "A second person must agree; send it by itself."),
        Code("too_many_approvals", 409, "As many requests wait for approval as may."),
        Code("own_request", 403, "Nobody agrees to what they asked for themselves."),
        Code("not_own_request", 403, "Only who asked for it can cancel it."),
        Code("requester_may_not", 409, "Who asked for it is not permitted it any more."),
        Code("approval_not_due", 409, "The request's time is not over."),
    ),
)
