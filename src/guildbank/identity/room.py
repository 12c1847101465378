"""What the identity room publishes to the app."""

from guildbank.identity.http import ROUTES
from guildbank.identity.jobs import JOBS
from guildbank.identity.personal import OBSTACLES, PERSONAL
from guildbank.identity.usecases.lives.change_state import CLOSED, REINSTATED, SUSPENDED
from guildbank.identity.usecases.lives.erase import ERASED
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
        "players:read": "Read players and their profiles.",
        "players:write": "Add players, and change their profiles.",
        "players:token": "Mint tokens with which players' clients call.",
        "players:moderate": "Suspend, reinstate and close players, and read why.",
        "players:export": "Make and download copies of all that is known of a player.",
        "players:erase": "Erase persons, and list who was erased.",
        "players:legal_hold": "Place and lift legal holds.",
        "consents:read": "Read documents and what players agreed to.",
        "consents:write": "Publish documents, and keep what players say of them.",
    },
    events={
        PLAYER_CREATED: "A player was added.",
        SUSPENDED: "A player was suspended.",
        REINSTATED: "A player was reinstated.",
        CLOSED: "A player's account was closed.",
        ERASED: "A person was erased: nobody can tell who the player was.",
    },
    personal=PERSONAL,
    obstacles=OBSTACLES,
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
        Code("login_failed", 401, "The name or the password is wrong."),
        Code("second_factor_required", 401, "The sign-in needs a second factor to be finished."),
        Code("session_ended", 401, "The session has ended; sign in again."),
        Code("refresh_reused", 401, "The refresh token was used before; its session was ended."),
        Code("player_suspended", 403, "The player is suspended: nothing new can be started."),
        Code("player_closed", 403, "The player's account is closed."),
        Code("not_suspended", 409, "The player is neither suspended nor closed."),
        Code("country_fixed", 409, "The country was named before; support can change it."),
        Code("document_exists", 409, "This version is published with other words."),
        Code("unknown_document", 404, "No such version of the document is published."),
        Code("document_outdated", 409, "A newer version of the document is published."),
        Code("export_not_ready", 409, "The file is being made, or could not be."),
        Code("erasure_held", 409, "Something stands against erasing the person; see heldBy."),
        Code("erasure_waiting", 409, "The person is to be erased already."),
        Code("no_change", 409, "Nothing was changed: it was so already."),
        Code("address_not_allowed", 403, "The key is valid, but not from this address."),
        Code("address_not_held", 403, "A key cannot allow addresses that are not its own."),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
    ),
)
