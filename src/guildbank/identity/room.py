"""What the identity room publishes to the app."""

from guildbank.identity.contracts.hooks import HOOK_CHANGED
from guildbank.identity.contracts.protection import PROTECTION_CHANGED
from guildbank.identity.http import ROUTES
from guildbank.identity.jobs import JOBS
from guildbank.identity.personal import OBSTACLES, PERSONAL
from guildbank.identity.usecases.external.configure import PROVIDER_CONFIGURED
from guildbank.identity.usecases.external.link import LINKED, UNLINKED
from guildbank.identity.usecases.external.set_return_urls import RETURN_URLS_SET
from guildbank.identity.usecases.guests.upgrade import UPGRADED
from guildbank.identity.usecases.lives.change_state import CLOSED, REINSTATED, SUSPENDED
from guildbank.identity.usecases.lives.erase import ERASED
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.infra.http import Code
from guildbank.infra.room import MailTemplate, Room
from guildbank.plugin_host import CAPTCHA_CODES, SIGN_IN_CODES

ROOM = Room(
    name="identity",
    routes=ROUTES,
    jobs=JOBS,
    scopes={
        "keys:read": "List the keys of the tenant.",
        "keys:write": "Create, rotate and revoke keys, with no more scopes than one's own.",
        "hooks:read": "See where the studio's own server is asked.",
        "hooks:write": "Set and try where the studio's own server is asked.",
        "players:read": "Read players and their profiles.",
        "players:write": "Add players, and change their profiles.",
        "players:token": "Mint tokens with which players' clients call.",
        "players:moderate": "Suspend, reinstate and close players, and read why.",
        "players:export": "Make and download copies of all that is known of a player.",
        "players:erase": "Erase persons, and list who was erased.",
        "players:legal_hold": "Place and lift legal holds.",
        "consents:read": "Read documents and what players agreed to.",
        "consents:write": "Publish documents, and keep what players say of them.",
        "protection:read": "See what keeps robots out.",
        "protection:write": "Set what keeps robots out.",
        "sign-in:read": "Read identity providers and return URLs, without secrets.",
        "sign-in:write": "Set up identity providers and return URLs.",
    },
    events={
        PLAYER_CREATED: "A player was added.",
        SUSPENDED: "A player was suspended.",
        REINSTATED: "A player was reinstated.",
        CLOSED: "A player's account was closed.",
        ERASED: "A person was erased: nobody can tell who the player was.",
        LINKED: "An account elsewhere was linked to a player.",
        UNLINKED: "An account elsewhere was unlinked from a player.",
        UPGRADED: "A player without a password got an account.",
        PROVIDER_CONFIGURED: "An identity provider was set up or changed.",
        RETURN_URLS_SET: "The return URLs were changed.",
        HOOK_CHANGED: "Where the studio's own server is asked was changed.",
        PROTECTION_CHANGED: "What keeps robots out was changed.",
    },
    personal=PERSONAL,
    obstacles=OBSTACLES,
    mails=(
        MailTemplate("identity.confirm_email", ("link", "code")),
        MailTemplate("identity.reset_password", ("link",)),
        MailTemplate("identity.email_change_confirm", ("link",)),
        MailTemplate("identity.email_change_notice", ("undo_link",)),
        MailTemplate("identity.already_registered", ("sign_in_link",)),
        MailTemplate("identity.no_account", ()),
        MailTemplate("identity.password_changed", ()),
        MailTemplate("identity.new_device", ("device", "place", "time")),
        MailTemplate("identity.sign_in_code", ("code",)),
        MailTemplate("identity.link_code", ("code", "provider")),
        MailTemplate("identity.factor_added", ("factor", "time")),
        MailTemplate("identity.factor_removed", ("factor", "time")),
        MailTemplate("identity.operator_invitation", ("link", "inviter", "role")),
    ),
    codes=(
        Code("tenant_mismatch", 401, "The credentials name different tenants."),
        Code("scope_not_held", 403, "A key cannot give a scope that it lacks itself."),
        Code("username_taken", 409, "The user name, or one that looks like it, is taken."),
        Code("external_id_taken", 409, "A player has this external id already."),
        Code("email_taken", 409, "The address belongs to another account."),
        Code("ticket_not_valid", 422, "The mailed link or code is not good any more."),
        Code("weak_password", 422, "The password is easy to guess."),
        Code("breached_password", 422, "The password is known from a breach."),
        Code("disposable_address", 422, "The tenant takes no addresses that live for minutes."),
        Code(
            "captcha_required", 403, "A captcha must be solved: `provider` and `siteKey` say which."
        ),
        *(Code(code, status, meaning) for code, (status, meaning) in CAPTCHA_CODES.items()),
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
        Code("hook_refused", 403, "The studio's own server does not agree."),
        Code(
            "hook_unavailable",
            503,
            "The studio's own server must agree and does not answer, or not in a way that can be "
            "used; so nobody gets past.",
        ),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
        Code("return_url_not_registered", 422, "The tenant has not registered this return URL."),
        Code("invalid_settings", 422, "The settings do not fit the plugin's schema."),
        Code("exchange_refused", 401, "The code is not good, or its verifier is another one."),
        Code("assertion_replayed", 409, "The proof was used before; each works once."),
        Code("account_exists", 409, "The address is somebody's here; link by signing in or mail."),
        Code("identity_in_use", 409, "The account elsewhere is another player's here."),
        Code("too_many_identities", 409, "The player has as many accounts elsewhere as may be."),
        Code("last_way_in", 409, "It is the only way into the account."),
        Code("link_code_refused", 401, "The mailed code or its ticket is not good."),
        Code("already_registered", 409, "The player has a password already."),
        *(Code(code, status, meaning) for code, (status, meaning) in SIGN_IN_CODES.items()),
    ),
)
