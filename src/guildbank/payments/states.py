"""SQL of what needs a provider's plugin, and of the versions of its state that it was begun in."""

from collections.abc import Sequence
from datetime import datetime

from guildbank.journal import Driver

READ_STATES = """
SELECT DISTINCT state_version
FROM payments_attempt
WHERE payment_id = $1
  AND provider = $2
"""

# What may still be paid, refunded or disputed, by the state of its provider that it was begun in.
UNREAD = """
SELECT state_version, count(*)
FROM payments_attempt
WHERE provider = $1
  AND state_version <> ALL($2::integer[])
  AND (
      state IN ('created', 'pending', 'unknown')
      OR captured_minor > refunded_minor + disputed_minor
      OR refunding_minor > 0
      OR open_disputes > 0
  )
GROUP BY state_version
ORDER BY state_version
"""

# Payouts under way or lately paid, destinations of players, and customers and their methods, which
# are to be let go of one day. A method's state is that of the payment which left it.
_BESIDES = """
    SELECT 'payouts that are under way or may come back' AS what, state_version
    FROM payments_payout
    WHERE provider = $1
      AND (state IN ('waiting', 'requested', 'sending', 'pending', 'unknown')
           OR (state = 'paid' AND paid_at > {since}))
    UNION ALL
    SELECT 'destinations of payouts', state_version
    FROM payments_payout_destination
    WHERE provider = $1
      AND state = 'open'
    UNION ALL
    SELECT 'players who are customers', state_version
    FROM payments_customer
    WHERE provider = $1
      AND state <> 'forgotten'
    UNION ALL
    SELECT 'methods that are kept', state_version
    FROM (
        SELECT DISTINCT method.id, {version} AS state_version
        FROM payments_method AS method
        {begun}
        WHERE method.provider = $1
          AND method.state <> 'removed'
    ) AS kept
"""
_BEGUN = """JOIN payments_attempt AS attempt
          ON attempt.payment_id = method.payment_id AND attempt.provider = method.provider"""
_VERSIONS = _BESIDES.format(since="$3", version="attempt.state_version", begun=_BEGUN)

UNREAD_BESIDES = f"""
SELECT what, state_version, count(*)
FROM ({_VERSIONS}) AS left_behind
WHERE state_version <> ALL($2::integer[])
GROUP BY what, state_version
ORDER BY what, state_version
"""  # noqa: S608 - statements of our own

# In whichever state of its provider it was begun. The spans are `Timing.payout_returns`, and below
# `Timing.dispute_gives_up`.
_ALL = _BESIDES.format(since="now() - INTERVAL '30 days'", version="0", begun="")

# A provider that is on, and all that somebody has to be able to ask it about, or to give back by
# it, even while it is off. And whatever payments that are under way began with.
USES_OF_PLUGIN = f"""
SELECT 'the payment provider ' || id
FROM payments_provider
WHERE id = $1
  AND enabled
UNION ALL
SELECT count(*) || ' ' || what
FROM (
    SELECT 'payments that are under way' AS what
    FROM payments_attempt
    WHERE provider = $1
      AND state IN ('created', 'pending', 'unknown')
    UNION ALL
    SELECT 'payments whose money may go back'
    FROM payments_attempt
    WHERE provider = $1
      AND captured_minor > refunded_minor + disputed_minor
    UNION ALL
    SELECT 'refunds that are under way'
    FROM payments_refund
    WHERE provider = $1
      AND state IN ('created', 'pending', 'unknown')
    UNION ALL
    SELECT 'disputes that are not at their end'
    FROM payments_dispute
    WHERE provider = $1
      AND (
          state IN ('early_warning', 'needs_response', 'under_review')
          OR changed_at > now() - INTERVAL '90 days'
              AND (state = 'lost' AND NOT withdrawn
                   OR state = 'won' AND withdrawn AND NOT reinstated)
      )
    UNION ALL
    SELECT what
    FROM ({_ALL}) AS beside
    UNION ALL
    SELECT 'payments under way whose revision has a step of it'
    FROM payments_intent AS intent
    WHERE intent.state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted')
      AND EXISTS (
          SELECT
          FROM pipelines_v_step AS step
          WHERE step.purpose = intent.purpose
            AND step.revision = intent.revision
            AND step.plugin = $1
      )
) AS needs_it
GROUP BY what
"""  # noqa: S608 - statements of our own


async def states_of(driver: Driver, provider: str, payment_id: str) -> list[int]:
    """Return the versions of the provider's state in which attempts at a payment were begun."""
    return [row[0] for row in await driver.fetch(READ_STATES, payment_id, provider)]


async def unread_states(
    driver: Driver, provider: str, read: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the other versions of state of what may still move, each with how many there are."""
    return [(row[0], row[1]) for row in await driver.fetch(UNREAD, provider, read)]


async def unread_besides(
    driver: Driver, provider: str, read: Sequence[int], paid_since: datetime
) -> list[tuple[str, int, int]]:
    """Return the other versions of state of all else, each with what it is and how many."""
    rows = await driver.fetch(UNREAD_BESIDES, provider, read, paid_since)
    return [(row[0], row[1], row[2]) for row in rows]
