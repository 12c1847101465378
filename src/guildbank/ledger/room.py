"""What the ledger room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import MailTemplate, Room
from guildbank.ledger.backlogs import GAUGES
from guildbank.ledger.http import ROUTES
from guildbank.ledger.jobs import JOBS
from guildbank.ledger.personal import OBSTACLES, PERSONAL
from guildbank.ledger.usecases.keep_proof import PROOF

ROOM = Room(
    name="ledger",
    routes=ROUTES,
    jobs=JOBS,
    gauges=GAUGES,
    mails=(
        MailTemplate(PROOF.begins, ("problems", "first", "seq", "time", "link")),
        MailTemplate(PROOF.ends, ("seq", "time", "link")),
    ),
    events={
        PROOF.begins: "The proof found that the books do not add up.",
        PROOF.ends: "The proof holds again.",
    },
    personal=PERSONAL,
    obstacles=OBSTACLES,
    scopes={
        "ledger:read": "Read balances, statements and transactions of all players.",
        "ledger:proof": "Prove the books, and see what stands behind coins.",
    },
    held_by={
        "ledger:read": ("finance", "support", "compliance", "analyst", "developer"),
        "ledger:proof": ("finance", "compliance"),
    },
    codes=(
        Code("insufficient_funds", 422, "The account has less than was asked for; see available."),
        Code("account_frozen", 422, "The account is frozen; see reason."),
        Code("ceiling_exceeded", 422, "The account would hold more than its ceiling."),
        Code("unknown_account", 404, "There is no such player in this tenant."),
        Code("unknown_asset", 422, "There is no such currency or money in this tenant."),
        Code("unknown_lot", 404, "There is no such lot in this account."),
        Code("asset_mismatch", 422, "A leg moves one asset, but its accounts have two."),
        Code("same_account", 422, "An account cannot pay itself."),
        Code("total_overflow", 422, "An account's total would pass the cap of its asset."),
        Code("exceeds_original", 422, "More was asked for than is left of the original."),
        Code("too_many_legs", 422, "A posting has 1 to 64 legs."),
        Code("unknown_hold", 404, "There is no such hold in this tenant."),
        Code("hold_expired", 422, "The hold's time is over; place a new one."),
        Code("hold_closed", 422, "The hold was captured or released already."),
        # Wallets say the same when they reverse: a code has one meaning wherever it is answered.
        Code("unknown_transaction", 404, "There is no such transaction in this tenant."),
        Code("exceeds_hold", 422, "More was asked for than is left of the hold."),
    ),
)
