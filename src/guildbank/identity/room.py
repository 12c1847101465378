"""What the identity room publishes to the app."""

from guildbank.identity.contracts.hooks import HOOK_CHANGED
from guildbank.identity.contracts.protection import PROTECTION_CHANGED
from guildbank.identity.http import ROUTES
from guildbank.identity.jobs import JOBS
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.infra.http import Code
from guildbank.infra.room import MailTemplate, Room
from guildbank.plugin_host import CAPTCHA_CODES

ROOM = Room(
    name="identity",
    routes=ROUTES,
    jobs=JOBS,
    scopes={
        "keys:read": "List the keys of the tenant.",
        "keys:write": "Create, rotate and revoke keys, with no more scopes than one's own.",
        "hooks:read": "See where the studio's own server is asked.",
        "hooks:write": "Set and try where the studio's own server is asked.",
        "players:read": "Read players.",
        "players:write": "Add players.",
        "protection:read": "See what keeps robots out.",
        "protection:write": "Set what keeps robots out.",
        "players:token": "Mint tokens with which players' clients call.",
    },
    events={
        HOOK_CHANGED: "Where the studio's own server is asked was changed.",
        PROTECTION_CHANGED: "What keeps robots out was changed.",
        PLAYER_CREATED: "A player was added.",
    },
    mails=(
        MailTemplate("identity.confirm_email", ("link", "code")),
        MailTemplate("identity.reset_password", ("link",)),
        MailTemplate("identity.email_change_confirm", ("link",)),
        MailTemplate("identity.email_change_notice", ("undo_link",)),
        MailTemplate("identity.already_registered", ("sign_in_link",)),
        MailTemplate("identity.new_device", ("device", "place", "time")),
        MailTemplate("identity.sign_in_code", ("code",)),
        MailTemplate("identity.operator_invitation", ("link", "inviter", "role")),
    ),
    codes=(
        Code("tenant_mismatch", 401, "The credentials name different tenants."),
        Code("scope_not_held", 403, "A key cannot give a scope that it lacks itself."),
        Code("username_taken", 409, "The user name, or one that looks like it, is taken."),
        Code("weak_password", 422, "The password is easy to guess."),
        Code("breached_password", 422, "The password is known from a breach."),
        Code("disposable_address", 422, "The tenant takes no addresses that live for minutes."),
        Code(
            "captcha_required", 403, "A captcha must be solved: `provider` and `siteKey` say which."
        ),
        *(Code(code, status, meaning) for code, (status, meaning) in CAPTCHA_CODES.items()),
        Code("login_failed", 401, "The name or the password is wrong."),
        Code("second_factor_required", 401, "The sign-in needs a second factor to be finished."),
        Code("session_ended", 401, "The session has ended; sign in again."),
        Code("refresh_reused", 401, "The refresh token was used before; its session was ended."),
        Code("player_suspended", 403, "The player is suspended: nothing new can be started."),
        Code("player_closed", 403, "The player's account is closed."),
        Code("address_not_allowed", 403, "The key is valid, but not from this address."),
        Code("address_not_held", 403, "A key cannot allow addresses that are not its own."),
        Code("hook_refused", 403, "The studio's own server does not agree."),
        Code(
            "hook_unavailable",
            503,
            "The studio's own server must agree and does not answer, or not in a way that can be "
            "used; so nobody gets past.",
        ),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
    ),
)
