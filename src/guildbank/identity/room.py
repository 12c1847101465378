"""What the identity room publishes to the app."""

from guildbank.identity.http import ROUTES
from guildbank.identity.jobs import JOBS
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.infra.http import Code
from guildbank.infra.room import MailTemplate, Room

ROOM = Room(
    name="identity",
    routes=ROUTES,
    jobs=JOBS,
    scopes={
        "keys:read": "List the keys of the tenant.",
        "keys:write": "Create, rotate and revoke keys, with no more scopes than one's own.",
        "players:read": "Read players.",
        "players:write": "Add players.",
        "players:token": "Mint tokens with which players' clients call.",
    },
    permissions={
        "operators:read": "List operators, their invitations and the roles there are.",
        "operators:write": "Invite, suspend and remove operators, and give them roles.",
        "roles:write": "Make, change and delete roles of one's own.",
    },
    held_by={
        "keys:read": ("developer",),
        "keys:write": ("developer",),
        "players:read": ("finance", "support", "compliance", "analyst", "developer"),
        "players:write": ("developer",),
        "operators:read": ("compliance",),
    },
    of_deployment=("keys:read", "keys:write", "operators:read", "operators:write", "roles:write"),
    events={PLAYER_CREATED: "A player was added."},
    mails=(
        MailTemplate("identity.confirm_email", ("link", "code")),
        MailTemplate("identity.reset_password", ("link",)),
        MailTemplate("identity.email_change_confirm", ("link",)),
        MailTemplate("identity.email_change_notice", ("undo_link",)),
        MailTemplate("identity.already_registered", ("sign_in_link",)),
        MailTemplate("identity.new_device", ("device", "place", "time")),
        MailTemplate("identity.sign_in_code", ("code",)),
        MailTemplate("identity.operator_invitation", ("link", "inviter", "role")),
        MailTemplate("identity.operator_reset", ("link",)),
    ),
    codes=(
        Code("tenant_mismatch", 401, "The credentials name different tenants."),
        Code("scope_not_held", 403, "A key cannot give a scope that it lacks itself."),
        Code("username_taken", 409, "The user name, or one that looks like it, is taken."),
        Code("weak_password", 422, "The password is easy to guess."),
        Code("login_failed", 401, "The name or the password is wrong."),
        Code("second_factor_required", 401, "The sign-in needs a second factor to be finished."),
        Code("session_ended", 401, "The session has ended; sign in again."),
        Code("refresh_reused", 401, "The refresh token was used before; its session was ended."),
        Code("player_suspended", 403, "The player is suspended: nothing new can be started."),
        Code("player_closed", 403, "The player's account is closed."),
        Code("address_not_allowed", 403, "The key is valid, but not from this address."),
        Code("address_not_held", 403, "A key cannot allow addresses that are not its own."),
        Code("code_wrong", 401, "The code is not the app's, or was used before."),
        Code("challenge_ended", 401, "The half sign-in took too long, or was finished."),
        Code("already_enrolled", 409, "An authenticator app is set up already."),
        Code("operator_suspended", 403, "The operator is suspended, or is one no more."),
        Code("operator_exists", 409, "An operator has the address already."),
        Code("invitation_ended", 410, "The link is unknown, used, withdrawn or too old."),
        Code("reset_ended", 410, "The link to a new password is unknown, used or too old."),
        Code("permission_not_held", 403, "Nobody gives, or changes who has, what they lack."),
        Code("last_owner", 409, "It would leave nobody who is an owner."),
        Code("not_oneself", 409, "Operators do not suspend, remove or promote themselves."),
        Code("https_required", 403, "Operators sign in over https, or on the machine itself."),
        Code("role_taken", 409, "There is a role of this name."),
        Code("role_in_use", 409, "An operator or an invitation has the role."),
        Code("too_many_roles", 409, "There are as many roles as there may be."),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
    ),
)
