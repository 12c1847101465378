"""What payments know of persons, how they forget them, and what an erasure waits for."""

from guildbank.infra.room import Obstacle, Personal

# Only what names nobody is left of the requests that were sent; the money's rows are kept.
FORGET_ATTEMPTS = """
UPDATE payments_attempt
SET request = (request::jsonb || '{"return_url": null, "payer": null}')::text, action = NULL
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
  AND state NOT IN ('created', 'pending', 'unknown')
"""

# Plugins write into their notes what they like.
FORGET_CHECKS = """
UPDATE payments_check
SET answers = '[]'
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
"""

# Reasons are sealed under the person's key; those of earlier versions stand in clear.
FORGET_REFUNDS = """
UPDATE payments_refund
SET reason = NULL, request = (request::jsonb - 'reason')::text
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
  AND origin = 'merchant'
"""

# What is kept of events is sealed with the exchanges once they were worked on.
FORGET_WEBHOOKS = """
UPDATE payments_webhook
SET headers = '{}', body = '', fields = NULL, event = (event::jsonb - 'method_reference')::text
WHERE processed_at IS NOT NULL
  AND attempt_id IN (
      SELECT attempt.id
      FROM payments_attempt AS attempt
      JOIN payments_intent AS intent ON intent.id = attempt.payment_id
      WHERE intent.player_id = $1
      UNION ALL
      SELECT id
      FROM payments_payout
      WHERE player_id = $1
  )
"""

# Those who were told, and could not be, write what they like.
FORGET_TELLINGS = """
UPDATE payments_telling
SET answer = NULL, problem = NULL, sealed = NULL
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
   OR (payment_id = '' AND strpos(data, $1) > 0)
"""

FORGET_HANDED_IN = """
DELETE FROM payments_handed_in
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
"""

# What was sealed under the person's key is unreadable without it; so nothing is lost with it.
FORGET_EXCHANGES = """
DELETE FROM payments_exchange
WHERE payment_id IN (SELECT id FROM payments_intent WHERE player_id = $1)
   OR player_id = $1
"""

# Books are kept: what was bought for how much, by an id that names nobody.
FORGET_INTENTS = """
UPDATE payments_intent
SET problem_detail = NULL, device = NULL
WHERE player_id = $1
"""

# The provider lets go of all at once, with the customer; its name outlives the person's key.
FORGET_METHODS = """
UPDATE payments_method
SET state = 'removed', sealed = NULL, twin = NULL, code = 'erased', changed_at = now()
WHERE player_id = $1
  AND state <> 'removed'
"""

FORGET_CUSTOMERS = """
UPDATE payments_customer
SET state = 'forgetting', changed_at = now()
WHERE player_id = $1
  AND state IN ('opening', 'open')
"""

# Where money went is sealed under the person's key; that it went is in the books.
FORGET_DESTINATIONS = """
UPDATE payments_payout_destination
SET state = 'removed', sealed = NULL
WHERE player_id = $1
"""

# What hooks noted is theirs to word.
FORGET_PAYOUTS = """
UPDATE payments_payout
SET destination = NULL, sealed_reason = NULL, answers = '[]'
WHERE player_id = $1
"""

PERSONAL = (
    Personal(
        "payments_intent",
        """
        SELECT id, state, provider, title, currency, coins, bonus, money, amount_minor, country,
               charges, problem_detail, device, created_at, credited_at
        FROM payments_intent
        WHERE player_id = $1
        ORDER BY id
        """,
        (FORGET_INTENTS,),
    ),
    Personal(
        "payments_attempt",
        """
        SELECT attempt.id, attempt.payment_id, attempt.provider, attempt.state,
               attempt.reference, attempt.captured_minor, attempt.created_at,
               (attempt.request::jsonb -> 'payer')::text AS payer
        FROM payments_attempt AS attempt
        JOIN payments_intent AS intent ON intent.id = attempt.payment_id
        WHERE intent.player_id = $1
        ORDER BY attempt.id
        """,
        (FORGET_ATTEMPTS,),
    ),
    Personal(
        "payments_check",
        """
        SELECT chk.payment_id, chk.number, chk.answers, chk.at
        FROM payments_check AS chk
        JOIN payments_intent AS intent ON intent.id = chk.payment_id
        WHERE intent.player_id = $1
        ORDER BY chk.id
        """,
        (FORGET_CHECKS,),
    ),
    Personal(
        "payments_method",
        """
        SELECT id, provider, payment_id, state, sealed, consented_by, consented_at, created_at, code
        FROM payments_method
        WHERE player_id = $1
        ORDER BY id
        """,
        (FORGET_METHODS,),
    ),
    Personal(
        "payments_customer",
        """
        SELECT id, provider, state, created_at
        FROM payments_customer
        WHERE player_id = $1
        ORDER BY id
        """,
        (FORGET_CUSTOMERS,),
    ),
    Personal(
        "payments_payout_destination",
        """
        SELECT id, provider, state, sealed, added_by, created_at
        FROM payments_payout_destination
        WHERE player_id = $1
        ORDER BY id
        """,
        (FORGET_DESTINATIONS,),
    ),
    Personal(
        "payments_payout",
        """
        SELECT id, state, currency, coins, money, amount_minor, provider, destination,
               sealed_reason, code, created_at, paid_at
        FROM payments_payout
        WHERE player_id = $1
        ORDER BY id
        """,
        (FORGET_PAYOUTS,),
    ),
    Personal(
        "payments_subscription",
        """
        SELECT id, provider, payment_id, product_id, state, renews, ends_at, created_at
        FROM payments_subscription
        WHERE player_id = $1
        ORDER BY id
        """,
        kept="Books are kept: renewals that a store sells later are booked by it. It names nobody.",
    ),
    Personal(
        "payments_settlement",
        kept="Books are kept: it says what a provider reported of a payment, and names nobody.",
    ),
    Personal(
        "payments_entry",
        kept="Books are kept: it says which entries of the journal are about a payment.",
    ),
    Personal(
        "payments_refund",
        """
        SELECT refund.id, refund.payment_id, refund.state, refund.amount_minor, refund.money,
               refund.reason, refund.sealed_reason, refund.created_at
        FROM payments_refund AS refund
        JOIN payments_intent AS intent ON intent.id = refund.payment_id
        WHERE intent.player_id = $1
        ORDER BY refund.id
        """,
        (FORGET_REFUNDS,),
    ),
    Personal(
        "payments_refund_request",
        """
        SELECT id, payment_id, state, reason, sealed_text, amount_minor, money, refund_id,
               sealed_words, created_at, decided_at
        FROM payments_refund_request
        WHERE player_id = $1
        ORDER BY id
        """,
        kept="Books are kept; what was written is sealed under the person's key, which is gone.",
    ),
    Personal(
        "payments_dispute",
        """
        SELECT dispute.id, dispute.payment_id, dispute.state, dispute.amount_minor, dispute.money,
               dispute.reason, dispute.sealed_evidence, dispute.created_at
        FROM payments_dispute AS dispute
        JOIN payments_intent AS intent ON intent.id = dispute.payment_id
        WHERE intent.player_id = $1
        ORDER BY dispute.id
        """,
        kept="Books are kept; evidence is sealed under the person's key, which is gone.",
    ),
    Personal(
        "payments_telling",
        """
        SELECT telling.payment_id, telling.step, telling.kind, telling.at, telling.told_at,
               telling.answer, telling.problem, telling.sealed
        FROM payments_telling AS telling
        JOIN payments_intent AS intent ON intent.id = telling.payment_id
        WHERE intent.player_id = $1
        ORDER BY telling.seq, telling.step
        """,
        (FORGET_TELLINGS,),
    ),
    Personal(
        "payments_exchange",
        """
        SELECT exchange.payment_id, exchange.about, exchange.kind, exchange.at, exchange.sealed
        FROM payments_exchange AS exchange
        LEFT JOIN payments_intent AS intent ON intent.id = exchange.payment_id
        WHERE intent.player_id = $1
           OR exchange.player_id = $1
        ORDER BY exchange.id
        """,
        (FORGET_EXCHANGES,),
    ),
    Personal(
        "payments_handed_in",
        """
        SELECT handed.payment_id, handed.at, handed.sealed
        FROM payments_handed_in AS handed
        JOIN payments_intent AS intent ON intent.id = handed.payment_id
        WHERE intent.player_id = $1
        ORDER BY handed.attempt_id
        """,
        (FORGET_HANDED_IN,),
    ),
    # The payer may be somebody else than the player, so only the tenant's people get it to judge.
    Personal(
        "payments_webhook",
        None,
        (FORGET_WEBHOOKS,),
        known_to_staff="""
        SELECT webhook.id, webhook.provider, webhook.event, webhook.received_at
        FROM payments_webhook AS webhook
        JOIN payments_attempt AS attempt ON attempt.id = webhook.attempt_id
        JOIN payments_intent AS intent ON intent.id = attempt.payment_id
        WHERE intent.player_id = $1
        ORDER BY webhook.received_at
        """,
    ),
)

OBSTACLES = (
    Obstacle(
        "payment_in_flight",
        "A payment has not ended; cancel it, or wait for its provider.",
        """
        SELECT DISTINCT intent.player_id
        FROM payments_intent AS intent
        LEFT JOIN payments_attempt AS attempt ON attempt.payment_id = intent.id
        WHERE intent.player_id = ANY($1::text[])
          AND (intent.state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted',
                                    'captured')
               OR attempt.state IN ('created', 'pending', 'unknown')
               OR (attempt.applied = 'unapplied'
                   AND attempt.captured_minor > attempt.refunded_minor + attempt.disputed_minor))
        """,
    ),
    Obstacle(
        "refund_in_flight",
        "A refund is under way; wait for its provider.",
        """
        SELECT DISTINCT intent.player_id
        FROM payments_intent AS intent
        JOIN payments_refund AS refund ON refund.payment_id = intent.id
        WHERE intent.player_id = ANY($1::text[])
          AND refund.state IN ('created', 'pending', 'unknown')
        """,
    ),
    Obstacle(
        "payout_in_flight",
        "A payout has not ended; cancel it, decide on it, or wait for its provider.",
        """
        SELECT DISTINCT player_id
        FROM payments_payout
        WHERE player_id = ANY($1::text[])
          AND state IN ('waiting', 'requested', 'sending', 'pending', 'unknown')
        """,
    ),
    Obstacle(
        "refund_requested",
        "A request for a refund waits; decide on it, or let the player withdraw it.",
        """
        SELECT DISTINCT player_id
        FROM payments_refund_request
        WHERE player_id = ANY($1::text[])
          AND state = 'open'
        """,
    ),
    Obstacle(
        "open_dispute",
        "A dispute is not decided; wait for it.",
        """
        SELECT DISTINCT intent.player_id
        FROM payments_intent AS intent
        JOIN payments_dispute AS dispute ON dispute.payment_id = intent.id
        WHERE intent.player_id = ANY($1::text[])
          AND dispute.state IN ('early_warning', 'needs_response', 'under_review')
        """,
    ),
)
