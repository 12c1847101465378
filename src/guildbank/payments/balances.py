"""What must lie in accounts of the house by the rows of payments: the proof holds both together."""

from guildbank.infra.room import HouseBalance

# A claw is an array whose fifth element is how many coins it took. Where money went before the
# dispute is decided, the account bears it until then.
SUSPENSE = """
SELECT intent.currency, sum((claw.value ->> 4)::bigint)::bigint
FROM payments_dispute AS dispute
JOIN payments_intent AS intent ON intent.id = dispute.payment_id
CROSS JOIN LATERAL jsonb_array_elements(dispute.taking::jsonb -> 'claws') AS claw (value)
WHERE (dispute.taking::jsonb ->> 'aside')::boolean
GROUP BY intent.currency
UNION ALL
SELECT money,
       sum(
           (taking::jsonb ->> 'basis_minor')::bigint
           - CASE WHEN withdrawn THEN amount_minor ELSE 0 END
       )::bigint
FROM payments_dispute
WHERE (taking::jsonb ->> 'aside')::boolean
GROUP BY money
"""

REFUNDING = """
SELECT captured_money, sum(refunding_minor)::bigint
FROM payments_attempt
WHERE refunding_minor <> 0
GROUP BY captured_money
"""

UNAPPLIED = """
SELECT captured_money,
       sum(captured_minor - refunding_minor - refunded_minor - disputed_minor)::bigint
FROM payments_attempt
WHERE applied = 'unapplied'
GROUP BY captured_money
"""

PAYOUTS = """
SELECT money, sum(amount_minor)::bigint
FROM payments_payout
WHERE state IN ('waiting', 'requested', 'sending', 'pending', 'unknown')
GROUP BY money
"""

BALANCES = (
    HouseBalance("suspense", "disputes that are not decided", SUSPENSE),
    HouseBalance("refunding", "refunds on their way", REFUNDING),
    HouseBalance("unapplied", "payments that bought nothing", UNAPPLIED),
    HouseBalance("payout_in_flight", "payouts under way", PAYOUTS),
)
