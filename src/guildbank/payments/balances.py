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

# Of N minor units of tax in a total of P, floor(N R / P) are back once R of P is; so with fees,
# which are without the taxes that they include. Money that was withdrawn for a dispute leaves both
# where they are until it is decided.
_CHARGED = """
SELECT attempt.captured_money,
       sum(
           part.minor
           - part.minor * least(
               attempt.refunding_minor + attempt.refunded_minor + attempt.disputed_minor
               - attempt.undecided_minor,
               attempt.captured_minor
           ) / attempt.captured_minor
       )::bigint
FROM payments_attempt AS attempt
JOIN payments_intent AS intent ON intent.id = attempt.payment_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum({part}), 0)::bigint AS minor
    FROM jsonb_array_elements(intent.charges::jsonb) AS line (value)
) AS part
WHERE attempt.applied = 'credited'
  AND attempt.captured_minor > 0
  AND intent.charges IS NOT NULL
GROUP BY attempt.captured_money
"""
_TAX = "CASE line.value ->> 'kind' WHEN 'tax' THEN (line.value ->> 'amount_minor')::bigint END"
_FEE = """
        (CASE line.value ->> 'kind' WHEN 'fee' THEN 1 ELSE 0 END
         - CASE
             WHEN line.value ->> 'of' = 'fees' AND (line.value ->> 'included')::boolean THEN 1
             ELSE 0
         END) * (line.value ->> 'amount_minor')::bigint"""

BALANCES = (
    HouseBalance("suspense", "disputes that are not decided", SUSPENSE),
    HouseBalance("refunding", "refunds on their way", REFUNDING),
    HouseBalance("unapplied", "payments that bought nothing", UNAPPLIED),
    HouseBalance("taxes", "lines of payments", _CHARGED.format(part=_TAX)),
    HouseBalance("surcharges", "lines of payments", _CHARGED.format(part=_FEE)),
    HouseBalance("payout_in_flight", "payouts under way", PAYOUTS),
)
