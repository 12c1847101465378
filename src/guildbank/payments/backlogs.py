"""What of a tenant's payments waits, as an operator counts it."""

from guildbank.infra.room import Backlog, Figure

UNKNOWN = """
SELECT
FROM payments_attempt
WHERE state = 'unknown'
"""

# Those that a refund gives back count until the provider has said that it did.
UNAPPLIED = """
SELECT
FROM payments_attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunded_minor + disputed_minor
"""

# A store that is not told within days takes the money back.
UNFINISHED = """
SELECT
FROM payments_attempt
WHERE finish = 'due'
"""

WEBHOOKS = """
SELECT
FROM payments_webhook
WHERE processed_at IS NULL
"""

CALLBACKS = """
SELECT
FROM payments_telling
WHERE told_at IS NULL
"""

DISABLED = """
SELECT
FROM payments_callback
WHERE disabled_at IS NOT NULL
"""

UNREAD = """
SELECT
FROM payments_report
WHERE problem IS NOT NULL
"""

REFUND_REQUESTS = """
SELECT
FROM payments_refund_request
WHERE state = 'open'
"""

PAYOUTS_WAITING = """
SELECT
FROM payments_payout
WHERE state = 'waiting'
"""

PAYOUTS_UNKNOWN = """
SELECT
FROM payments_payout
WHERE state = 'unknown'
"""

# As long as `Timing.request_ages`, which the checkup goes by.
OVERDUE_REQUESTS = """
SELECT
FROM payments_refund_request
WHERE state = 'open'
  AND created_at < now() - INTERVAL '72 hours'
"""

# As many as `DIFFERING` says, and as far back as the checkup looks.
DIFFERENCES = """
SELECT
FROM payments_reconciliation AS run
JOIN payments_settlement AS line ON line.reconciliation_id = run.id
WHERE run.until > now() - INTERVAL '7 days'
  AND line.state IN ('missing_here', 'missing_there', 'amount_differs', 'currency_differs',
                     'duplicate')
"""

TO_ANSWER = """
SELECT
FROM payments_dispute
WHERE state IN ('early_warning', 'needs_response')
  AND (evidence_state IS NULL OR evidence_state = 'refused')
  AND answer_by > now()
"""

# As long as `Timing.dispute_warns`, which the checkup goes by.
DUE = f"{TO_ANSWER}  AND answer_by <= now() + INTERVAL '72 hours'\n"

KEPT_ON = """
SELECT
FROM payments_method
WHERE state = 'removing'
UNION ALL
SELECT
FROM payments_customer
WHERE state = 'forgetting'
"""

# By money, of which there are few.
UNAPPLIED_AMOUNT = """
SELECT captured_money, sum(captured_minor - refunded_minor - disputed_minor)
FROM payments_attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunded_minor + disputed_minor
GROUP BY captured_money
"""

# It lies there at least since the attempt was recorded.
UNAPPLIED_AGE = """
SELECT '', coalesce(max(extract(epoch FROM now() - created_at)), 0)
FROM payments_attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunded_minor + disputed_minor
"""

GAUGES = (
    Figure(
        "guildbank_payments_unapplied_minor",
        "Captured money that bought nothing and is not given back, in minor units.",
        UNAPPLIED_AMOUNT,
        "sum",
        label="money",
    ),
    Figure(
        "guildbank_payments_unapplied_age_seconds",
        "Age of the oldest payment whose money bought nothing and is not given back.",
        UNAPPLIED_AGE,
        "max",
    ),
)

BACKLOGS = (
    Backlog(
        "guildbank_payments_attempts_unknown",
        "Attempts of which nobody here can say whether money moved.",
        UNKNOWN,
    ),
    Backlog(
        "guildbank_payments_attempts_unapplied",
        "Attempts whose money bought nothing and is not given back yet.",
        UNAPPLIED,
    ),
    Backlog(
        "guildbank_payments_attempts_unfinished",
        "Credited attempts of which their store was not told yet.",
        UNFINISHED,
    ),
    Backlog(
        "guildbank_payments_webhooks_waiting",
        "Webhooks that were kept and are not worked on yet.",
        WEBHOOKS,
    ),
    Backlog(
        "guildbank_payments_reports_unread",
        "Polled providers whose reports could not be read at the last try.",
        UNREAD,
    ),
    Backlog(
        "guildbank_payments_refund_requests_open",
        "Requests of players for refunds that wait for somebody to decide.",
        REFUND_REQUESTS,
    ),
    Backlog(
        "guildbank_payments_refund_requests_overdue",
        "Requests of players for refunds that have waited for more than 72 hours.",
        OVERDUE_REQUESTS,
    ),
    Backlog(
        "guildbank_payments_payouts_waiting",
        "Payouts that wait for somebody to decide.",
        PAYOUTS_WAITING,
    ),
    Backlog(
        "guildbank_payments_payouts_unknown",
        "Payouts of which nobody here can say whether money moved.",
        PAYOUTS_UNKNOWN,
    ),
    Backlog(
        "guildbank_payments_reconciliation_differences",
        "Lines of the last week's reports by providers that differ from the books.",
        DIFFERENCES,
    ),
    Backlog(
        "guildbank_payments_disputes_to_answer",
        "Disputes that can still be answered with evidence and that nobody has answered.",
        TO_ANSWER,
    ),
    Backlog(
        "guildbank_payments_disputes_due",
        "Disputes that nobody has answered and whose time is over within 72 hours.",
        DUE,
    ),
    Backlog(
        "guildbank_payments_methods_to_let_go",
        "Saved methods and customers that providers are yet to let go of.",
        KEPT_ON,
    ),
    Backlog(
        "guildbank_payments_callbacks_waiting",
        "Entries that callback plugins are yet to be told.",
        CALLBACKS,
    ),
    Backlog(
        "guildbank_payments_callbacks_disabled",
        "Callback steps that are told nothing until an operator enables them.",
        DISABLED,
    ),
)
