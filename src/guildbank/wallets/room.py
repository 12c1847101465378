"""What the wallets room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import Room
from guildbank.wallets.http import APPROVABLES, ROUTES
from guildbank.wallets.jobs import JOBS
from guildbank.wallets.personal import PERSONAL

ROOM = Room(
    name="wallets",
    routes=ROUTES,
    jobs=JOBS,
    personal=PERSONAL,
    approvables=APPROVABLES,
    verbs={
        "spend": "Spends and holds: hooks are asked before a player's coins go.",
        "grant": "Grants: hooks are asked before a player gets free coins.",
        "transfer": "Raw postings: hooks are asked before coins move between accounts.",
    },
    scopes={
        "wallets:read": "Read holds, and what hooks said of operations.",
        "wallets:grant": "Give players free coins.",
        "wallets:spend": "Take players' coins.",
        "wallets:hold": "Hold, capture and release players' coins.",
        "wallets:reverse": "Undo spends, captures, grants and raw postings.",
        "wallets:freeze": "Freeze and unfreeze wallets.",
        "wallets:limit": "Limit what players spend.",
        "ledger:post": "Post legs between players and the house's accounts.",
        "wallets:bulk": "Run many operations in one call, with the scopes of each.",
        "currencies:read": "Read currencies.",
        "currencies:write": "Create and change currencies.",
    },
    held_by={
        "wallets:read": ("finance", "support", "compliance", "analyst", "developer"),
        "wallets:grant": ("support",),
        "wallets:reverse": ("finance",),
        "wallets:freeze": ("support", "compliance"),
        "wallets:limit": ("compliance",),
        "currencies:read": ("finance", "support", "compliance", "analyst", "developer"),
    },
    events={
        "wallets.granted": "A player was given free coins.",
        "wallets.spent": "A player's coins were spent.",
        "wallets.held": "Coins were put aside.",
        "wallets.captured": "Held coins were spent.",
        "wallets.released": "Held coins were given back.",
        "wallets.hold_expired": "A hold ended by its time.",
        "wallets.frozen": "A wallet was frozen.",
        "wallets.unfrozen": "A wallet was freed.",
        "wallets.limit_set": "A player's spending limit was set.",
        "wallets.currency_created": "A currency was created.",
        "wallets.currency_changed": "A currency was changed.",
        "ledger.posted": "Legs were posted between players and the house's accounts.",
        "ledger.reversed": "A spend, capture, grant or raw posting was undone.",
    },
    codes=(
        Code("no_default_currency", 409, "The tenant has no default currency yet."),
        Code("currency_exists", 409, "The code of the new currency is taken."),
        Code("currency_inactive", 422, "The currency takes no new coins."),
        Code("debt_outstanding", 422, "The player owes coins; credits pay the debt first."),
        Code("limit_exceeded", 422, "The player's limit for the day would be passed."),
        Code("refund_exceeds_unspent", 422, "The coins to take back are spent, and debt is off."),
        Code("unknown_transaction", 404, "There is no such transaction in this tenant."),
        Code("not_reversible", 422, "This kind of transaction is not undone by a reversal."),
        Code("partial_needs_one_leg", 422, "Of several legs it must be said how much of which."),
        Code("unknown_leg", 422, "The posting has no such leg that is undone by itself."),
        Code("transfer_not_allowed", 422, "Coins do not pass from player to player."),
        Code("paid_needs_payment", 422, "Paid coins come from payments alone."),
        Code("too_many_accounts", 422, "The house has all the accounts of a currency it may."),
        Code("batch_refused", 422, "Another operation of the batch was refused: none happened."),
        Code("hold_not_due", 422, "The hold's time is not over."),
        Code("hold_kept", 409, "The hold waits with an approval and ends with that."),
        Code("approval_spans_wallets", 422, "What waits for approval takes from one wallet."),
    ),
)
