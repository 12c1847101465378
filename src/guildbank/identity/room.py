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
    events={PLAYER_CREATED: "A player was added."},
    mails=(
        MailTemplate("identity.confirm_email", ("link", "code")),
        MailTemplate("identity.reset_password", ("link",)),
        MailTemplate("identity.email_change_confirm", ("link",)),
        MailTemplate("identity.email_change_notice", ("undo_link",)),
        MailTemplate("identity.already_registered", ("sign_in_link",)),
        MailTemplate("identity.new_device", ("device", "place", "time")),
        MailTemplate("identity.sign_in_code", ("code",)),
        MailTemplate("identity.factor_added", ("factor", "time")),
        MailTemplate("identity.factor_removed", ("factor", "time")),
        MailTemplate("identity.operator_invitation", ("link", "inviter", "role")),
    ),
    codes=(
        Code("tenant_mismatch", 401, "The credentials name different tenants."),
        Code("scope_not_held", 403, "A key cannot give a scope that it lacks itself."),
        Code("username_taken", 409, "The user name, or one that looks like it, is taken."),
        Code("weak_password", 422, "The password is easy to guess."),
        Code("login_failed", 401, "The name or the password is wrong."),
        Code("second_factor_required", 401, "The sign-in needs a second factor to be finished."),
        Code("second_factor_failed", 403, "The second factor is wrong, or was used before."),
        Code("challenge_ended", 401, "The sign-in or enrolment expired, or was finished."),
        Code("method_not_open", 409, "The player has nothing to prove by this method."),
        Code("second_factor_off", 409, "The tenant offers no second factor."),
        Code("passkeys_off", 409, "The tenant takes no passkeys."),
        Code("passkey_refused", 422, "The new passkey could not be verified, or is known already."),
        Code("too_many_passkeys", 409, "The player has as many passkeys as one may have."),
        Code("factor_exists", 409, "This second factor is in use already."),
        Code("no_second_factor", 409, "The player has no second factor."),
        Code("address_not_confirmed", 409, "This needs a confirmed mail address."),
        Code("session_ended", 401, "The session has ended; sign in again."),
        Code("refresh_reused", 401, "The refresh token was used before; its session was ended."),
        Code("player_suspended", 403, "The player is suspended: nothing new can be started."),
        Code("player_closed", 403, "The player's account is closed."),
        Code("address_not_allowed", 403, "The key is valid, but not from this address."),
        Code("address_not_held", 403, "A key cannot allow addresses that are not its own."),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
    ),
)
