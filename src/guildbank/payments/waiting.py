"""What the jobs of payments look for in each tenant before they open a transaction for it.

Each statement finds a row whenever the job's own selection would find any, by indexes that hold
nothing of what is over. When something is due is for the job to say.
"""

LOOKS = """
SELECT
FROM payments_attempt
WHERE state IN ('created', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunding_minor + refunded_minor + disputed_minor
UNION ALL
SELECT
FROM payments_attempt
WHERE finish = 'due'
UNION ALL
SELECT
FROM payments_refund
WHERE state IN ('created', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_dispute
WHERE evidence_state IN ('sending', 'unknown')
"""

METHODS = """
SELECT
FROM payments_customer
WHERE state = 'forgetting'
UNION ALL
SELECT
FROM payments_method
WHERE state = 'removing'
UNION ALL
SELECT
FROM payments_attempt
WHERE saves = 'asked'
  AND state = 'captured'
"""

# Also those that are paid: a bank may return one.
PAYOUTS = """
SELECT
FROM payments_payout
WHERE state IN ('requested', 'sending', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_payout
WHERE state = 'paid'
"""

RECONCILIATIONS = """
SELECT
FROM payments_reconciliation
WHERE state IN ('reading', 'matching')
"""
