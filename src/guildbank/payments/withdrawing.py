"""Pure decisions of payouts: which change of state exists, what coins are worth, who must wait."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import gcd

from guildbank.kernel import Refusal
from guildbank.payments.contracts.payouts import PayoutState, PayoutTerms
from guildbank.payments.contracts.refusals_payouts import cooling_off, not_whole, out_of_bounds
from guildbank.plugin_api import RETURNED, Outcome, OutcomeStatus

_P = PayoutState
_ENDS = frozenset({_P.PAID, _P.FAILED, _P.RETURNED})

PAYOUT: Mapping[PayoutState, frozenset[PayoutState]] = {
    _P.WAITING: frozenset({_P.REQUESTED, _P.REJECTED, _P.CANCELED}),
    _P.REQUESTED: frozenset({_P.SENDING, _P.CANCELED}),
    _P.SENDING: _ENDS | {_P.PENDING, _P.UNKNOWN},
    _P.PENDING: _ENDS,
    _P.UNKNOWN: _ENDS | {_P.PENDING},
    # Banks send money back days later.
    _P.PAID: frozenset({_P.RETURNED}),
    _P.FAILED: frozenset(),
    _P.RETURNED: frozenset(),
    _P.CANCELED: frozenset(),
    _P.REJECTED: frozenset(),
}
"""The changes of a payout; none but these exist, and no passing of time is one."""

UNSENT = frozenset({_P.WAITING, _P.REQUESTED})
"""Payouts of which nothing has left, so that they can be taken back."""
SENT = frozenset({_P.SENDING, _P.PENDING, _P.UNKNOWN})
"""Payouts whose end only the provider knows."""
OPEN = UNSENT | SENT


def payout_after(state: PayoutState, outcome: Outcome) -> PayoutState | None:
    """Return the payout's state after an outcome, None when the outcome says nothing new.

    Money that was paid is back only where the provider says that it came back: no other answer
    about a paid one is believed.
    """
    back = outcome.code == RETURNED
    failed = _P.RETURNED if back else _P.FAILED
    after = {
        OutcomeStatus.PROCESSED: _P.PAID,
        OutcomeStatus.PENDING: _P.PENDING,
        OutcomeStatus.DECLINED: _P.FAILED,
        OutcomeStatus.CANCELED: failed,
        OutcomeStatus.UNKNOWN: _P.UNKNOWN,
    }[outcome.status]
    return after if after in PAYOUT[state] else None


def worth(terms: PayoutTerms, coins: int) -> int | Refusal:
    """Return the minor units that coins are paid out for, exactly.

    Refusals: `payout_out_of_bounds`, `payout_not_whole`.
    """
    if not terms.least_coins <= coins <= terms.most_coins:
        return out_of_bounds(terms.least_coins, terms.most_coins)
    amount, rest = divmod(coins * terms.amount_minor, terms.per_coins)
    if rest:
        return not_whole(terms.per_coins // gcd(terms.per_coins, terms.amount_minor))
    return amount


def must_wait(
    now: datetime, hours: int, added_at: datetime, changed_at: datetime | None
) -> Refusal | None:
    """Return why nothing is paid out yet, after a new destination, password or address."""
    span = timedelta(hours=hours)
    until = added_at + span
    if changed_at is not None and changed_at > added_at:
        return cooling_off(changed_at + span, "credentials") if now < changed_at + span else None
    return cooling_off(until, "destination") if now < until else None


def is_reviewed(terms: PayoutTerms, amount_minor: int) -> bool:
    """Say whether a person has to agree to a payout of this amount."""
    return terms.review_above_minor is not None and amount_minor > terms.review_above_minor
