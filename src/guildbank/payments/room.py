"""What the payments room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import MailTemplate, PluginUse, Room
from guildbank.payments.backlogs import BACKLOGS, GAUGES, USES_OF_PLUGIN
from guildbank.payments.contracts.requests import (
    REFUND_POLICY_SET,
    REFUND_REQUESTED,
    REQUEST_REJECTED,
    REQUEST_WITHDRAWN,
)
from guildbank.payments.contracts.rows import (
    CALLBACK_DISABLED,
    CALLBACK_ENABLED,
    CALLBACK_SKIPPED,
    CALLBACKS_REPLAYED,
    FEE_BOOKED,
    RECONCILIATION_STARTED,
)
from guildbank.payments.contracts.spent import SPENT_COINS_SET
from guildbank.payments.http import APPROVABLES, ROUTES
from guildbank.payments.http.refund_policy import SET_POLICY
from guildbank.payments.jobs import JOBS
from guildbank.payments.personal import OBSTACLES, PERSONAL
from guildbank.payments.subscribers import subscribers
from guildbank.payments.usecases.decide_request import DECIDE
from guildbank.payments.usecases.request_words import ASKED, GRANTED, REJECTED
from guildbank.payments.usecases.watch_unapplied import UNAPPLIED

ROOM = Room(
    name="payments",
    routes=ROUTES,
    jobs=JOBS,
    backlogs=BACKLOGS,
    gauges=GAUGES,
    mails=(
        MailTemplate(UNAPPLIED.begins, ("payment", "hours", "time", "link")),
        MailTemplate(UNAPPLIED.ends, ("time", "link")),
        MailTemplate(ASKED, ("title", "payment")),
        MailTemplate(GRANTED, ("title", "payment", "amount")),
        MailTemplate(REJECTED, ("title", "payment", "answer")),
    ),
    personal=PERSONAL,
    approvables=APPROVABLES,
    plugin_uses=(PluginUse("a provider's account", USES_OF_PLUGIN),),
    obstacles=OBSTACLES,
    subscribers=subscribers,
    scopes={
        "payments:read": "Read payments, refunds, providers and plugins.",
        "payments:write": "Begin, retry and cancel payments for any player.",
        "payments:refund": "Give money back.",
        "payments:confirm": "Confirm that money came or was sent, where no provider tells.",
        "payments:reconcile": "Hold the books against what providers report.",
        "providers:write": "Configure accounts at payment providers.",
    },
    permissions={
        DECIDE: "Decide on refunds that players ask for; a grant gives money back.",
        SET_POLICY: "Say which refunds nobody decides on, and what becomes of spent coins.",
    },
    held_by={
        DECIDE: ("finance",),
        "payments:read": ("finance", "support", "compliance", "analyst", "developer"),
        "payments:write": ("support",),
        "payments:refund": ("finance",),
        "payments:confirm": ("finance",),
        "payments:reconcile": ("finance",),
    },
    events={
        "payments.created": "A payment was begun.",
        "payments.attempted": "A provider is being asked for the money.",
        "payments.pending": "The provider waits for the player, or is at work.",
        "payments.declined": "An attempt was declined; another one may follow.",
        "payments.canceled": "An attempt or a payment was canceled before money came.",
        "payments.unknown": "Nobody here can say whether money moved; the provider is asked.",
        "payments.failed": "A payment ended without money.",
        "payments.expired": "A payment's time is over.",
        "payments.credited": "Money came and its coins were credited.",
        "payments.unapplied": "Money came that bought nothing; it is given back.",
        UNAPPLIED.begins: "Money that bought nothing was not given back within a day.",
        UNAPPLIED.ends: "No such money waits any more.",
        "payments.conflicted": "Another amount or currency came than asked; it is given back.",
        "payments.provider_configured": "An account at a provider was set up or changed.",
        "payments.money_opened": "Accounts of a further money can be opened.",
        REFUND_REQUESTED: "A player asked for a refund.",
        REQUEST_REJECTED: "A player's request for a refund was rejected.",
        SPENT_COINS_SET: "What becomes of spent coins of a currency was changed.",
        REFUND_POLICY_SET: "The rules that answer requests for refunds were changed.",
        REQUEST_WITHDRAWN: "A player took a request for a refund back.",
        "payments.refund_clawed": "Coins and money of a refund were set aside; `refundRequest` is "
        "the player's request that it grants.",
        "payments.refund_pending": "The provider is at work on a refund.",
        "payments.refund_unknown": "Nobody here can say whether a refund was paid.",
        "payments.refunded": "The provider gave money back.",
        "payments.refund_restored": "A refund was not paid; coins and money are back.",
        "payments.dispute_opened": "A buyer disputes a payment.",
        "payments.dispute_funds_withdrawn": "Disputed money and its coins were taken.",
        "payments.dispute_funds_reinstated": "Disputed money and its coins are back.",
        "payments.dispute_closed": "A dispute was decided.",
        "payments.dispute_lost": "A dispute was lost; its money and coins were taken with it.",
        RECONCILIATION_STARTED: "A period of a provider's report is to be held against the books.",
        FEE_BOOKED: "A provider kept a fee of what it holds, or gave one back.",
        CALLBACK_DISABLED: "A callback step was not reached ten times, and is told nothing more.",
        CALLBACK_ENABLED: "A callback step is told again what waits for it.",
        CALLBACK_SKIPPED: "What waited for a disabled callback step was given up; it is enabled.",
        CALLBACKS_REPLAYED: "A callback step is told once more what it was told of a payment.",
    },
    codes=(
        Code("payment_declined", 402, "The provider did not take the money; nothing was bought."),
        Code("amount_not_sold", 422, "Nothing on sale has exactly this many coins."),
        Code("unknown_provider", 422, "The tenant has no such payment provider switched on."),
        Code("no_route", 422, "No route of the pipeline leads the purchase to a provider."),
        Code("provider_required", 422, "Several providers could take it, and none was named."),
        Code("provider_not_offered", 422, "The purchase's route does not lead to this provider."),
        Code("provider_resting", 503, "The provider did not answer of late and is left alone."),
        Code("sandbox_refused", 422, "A live tenant cannot use a provider without real money."),
        Code("invalid_settings", 422, "The settings do not fit the plugin's schema."),
        Code("country_not_allowed", 403, "A player names another country than its token does."),
        Code("limit_reached", 409, "The player has bought this as often as it may be bought."),
        Code("payment_not_retryable", 409, "The payment does not wait for another attempt."),
        Code("payment_not_cancelable", 409, "The payment has ended or captured money."),
        Code("payment_in_progress", 409, "The provider has not said yet how it stands."),
        Code("payment_not_refundable", 409, "No captured money of the payment is left."),
        Code("exceeds_refundable", 422, "More than what is left of the captured money."),
        Code("currency_mismatch", 422, "The payment is in another money."),
        Code("dispute_open", 409, "The payment is disputed and cannot be refunded now."),
        Code("refund_requested", 409, "A request for a refund of the payment is open already."),
        Code("refund_request_closed", 409, "The request was decided or withdrawn before."),
        Code("exceeds_request", 422, "More than the player asked for."),
        Code("callback_not_disabled", 409, "What waits is given up for disabled callbacks only."),
        Code("payment_not_confirmable", 409, "The payment waits for nobody's confirmation."),
        Code("refund_not_confirmable", 409, "The refund waits for nobody's confirmation."),
        Code("confirmation_refused", 422, "What was given does not confirm that money moved."),
        Code("transaction_used", 409, "The transaction was given for another payment already."),
        Code("too_many_confirmations", 429, "Too many wrong confirmations; wait a while."),
        Code("reports_not_supported", 422, "The provider's plugin reports no settlements."),
        Code("bad_period", 422, "A period ends by now and is of at most 366 days."),
        Code("bad_signature", 400, "The webhook's signature, age or form is not believed."),
    ),
)
