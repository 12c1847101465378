"""Pure decisions of payments: which change of state exists, and how many coins a refund takes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from guildbank.payments.contracts.requests import RefundPolicy, Wish
from guildbank.payments.contracts.rows import (
    AttemptState,
    DisputeState,
    Intent,
    IntentState,
    RefundState,
)
from guildbank.payments.contracts.spent import SpentPolicy
from guildbank.plugin_api import Outcome, OutcomeStatus
from guildbank.tenancy import SpentCoins

MAX_ATTEMPTS = 5
LONGEST_WAIT = timedelta(days=90)

_I, _A, _R, _D = IntentState, AttemptState, RefundState, DisputeState
_SIDE_EXITS = frozenset({_I.FAILED, _I.CANCELED, _I.EXPIRED})
_MONEY = frozenset({_I.CAPTURED, _I.CREDITED, _I.CONFLICTED})
_WAITING = frozenset(
    {_I.REQUIRES_PAYMENT_METHOD, _I.REQUIRES_ACTION, _I.PROCESSING, _I.AUTHORIZED, _I.UNKNOWN}
)

INTENT: Mapping[IntentState, frozenset[IntentState]] = {
    _I.CREATED: _SIDE_EXITS | {_I.PROCESSING},
    # Money may come for an attempt that was given up: then it is credited all the same.
    _I.REQUIRES_PAYMENT_METHOD: _SIDE_EXITS | _MONEY | {_I.PROCESSING},
    _I.REQUIRES_ACTION: _SIDE_EXITS | _MONEY | (_WAITING - {_I.REQUIRES_ACTION}),
    _I.PROCESSING: _SIDE_EXITS | _MONEY | (_WAITING - {_I.PROCESSING}),
    _I.AUTHORIZED: _SIDE_EXITS | _MONEY | {_I.REQUIRES_PAYMENT_METHOD, _I.UNKNOWN},
    _I.UNKNOWN: _SIDE_EXITS | _MONEY | (_WAITING - {_I.UNKNOWN}),
    _I.CAPTURED: frozenset({_I.CREDITED, _I.FAILED}),
    _I.CREDITED: frozenset(),
    _I.FAILED: frozenset(),
    _I.CANCELED: frozenset(),
    _I.EXPIRED: frozenset(),
    _I.CONFLICTED: frozenset(),
}
"""The changes of an intent; none but these exist. After an end, money goes to unapplied."""

ATTEMPT: Mapping[AttemptState, frozenset[AttemptState]] = {
    _A.CREATED: frozenset({_A.PENDING, _A.CAPTURED, _A.DECLINED, _A.CANCELED, _A.UNKNOWN}),
    _A.PENDING: frozenset({_A.CAPTURED, _A.DECLINED, _A.CANCELED}),
    _A.UNKNOWN: frozenset({_A.PENDING, _A.CAPTURED, _A.DECLINED, _A.CANCELED}),
    # A provider that took money after all is believed: money captured is always booked.
    _A.DECLINED: frozenset({_A.CAPTURED}),
    _A.CANCELED: frozenset({_A.CAPTURED}),
    _A.CAPTURED: frozenset(),
}

REFUND: Mapping[RefundState, frozenset[RefundState]] = {
    _R.CREATED: frozenset({_R.PENDING, _R.UNKNOWN, _R.SUCCEEDED, _R.FAILED}),
    _R.PENDING: frozenset({_R.SUCCEEDED, _R.FAILED}),
    _R.UNKNOWN: frozenset({_R.PENDING, _R.SUCCEEDED, _R.FAILED}),
    # Banks send refunds back days later.
    _R.SUCCEEDED: frozenset({_R.FAILED}),
    _R.FAILED: frozenset(),
}

_OPEN_ENDS = frozenset({_D.WON, _D.LOST, _D.PREVENTED})
DISPUTE: Mapping[DisputeState, frozenset[DisputeState]] = {
    _D.EARLY_WARNING: _OPEN_ENDS | {_D.NEEDS_RESPONSE, _D.UNDER_REVIEW},
    _D.NEEDS_RESPONSE: _OPEN_ENDS | {_D.UNDER_REVIEW},
    _D.UNDER_REVIEW: _OPEN_ENDS | {_D.NEEDS_RESPONSE},
    _D.WON: frozenset(),
    _D.LOST: frozenset(),
    _D.PREVENTED: frozenset(),
}

LIVE_ATTEMPTS = frozenset({_A.CREATED, _A.PENDING, _A.UNKNOWN})
"""Attempts whose end only the provider knows."""

ENDED_INTENTS = frozenset(state for state, after in INTENT.items() if not after)
UNPAID_ENDS = _SIDE_EXITS
"""Ends without money. What a store sold afterwards is credited: it can seldom be given back."""
OPEN_REFUNDS = frozenset({_R.CREATED, _R.PENDING, _R.UNKNOWN})
CLOSED_DISPUTES = _OPEN_ENDS
ANSWERABLE = frozenset({_D.EARLY_WARNING, _D.NEEDS_RESPONSE})
"""Disputes that wait for the seller's evidence."""


def attempt_after(state: AttemptState, outcome: OutcomeStatus) -> AttemptState | None:
    """Return the attempt's state after an outcome, None when the outcome says nothing new.

    `unknown` only follows a request whose answer is missing: a look that could not tell leaves
    a pending attempt pending.
    """
    after = {
        OutcomeStatus.PROCESSED: _A.CAPTURED,
        OutcomeStatus.PENDING: _A.PENDING,
        OutcomeStatus.DECLINED: _A.DECLINED,
        OutcomeStatus.CANCELED: _A.CANCELED,
        OutcomeStatus.UNKNOWN: _A.UNKNOWN,
    }[outcome]
    return after if after in ATTEMPT[state] else None


def intent_after(
    state: IntentState, attempt: AttemptState, *, needs_player: bool, attempts: int
) -> IntentState:
    """Return the intent's state after its current attempt got to `attempt` without money.

    A declined or canceled attempt leaves room for another one, MAX_ATTEMPTS in all.
    """
    match attempt:
        case AttemptState.PENDING:
            after = _I.REQUIRES_ACTION if needs_player else _I.PROCESSING
        case AttemptState.DECLINED | AttemptState.CANCELED:
            after = _I.REQUIRES_PAYMENT_METHOD if attempts < MAX_ATTEMPTS else _I.FAILED
        case AttemptState.UNKNOWN:
            after = _I.UNKNOWN
        case _:
            after = _I.PROCESSING
    return after if after in INTENT[state] else state


def refund_after(state: RefundState, outcome: OutcomeStatus) -> RefundState | None:
    """Return the refund's state after an outcome, None when the outcome says nothing new."""
    after = {
        OutcomeStatus.PROCESSED: _R.SUCCEEDED,
        OutcomeStatus.PENDING: _R.PENDING,
        OutcomeStatus.DECLINED: _R.FAILED,
        OutcomeStatus.CANCELED: _R.FAILED,
        OutcomeStatus.UNKNOWN: _R.UNKNOWN,
    }[outcome]
    return after if after in REFUND[state] else None


def coins_due(coins: int, captured_minor: int, given_back_minor: int) -> int:
    """Return the coins that are to be back once this much of the money is.

    floor(coins * given back / captured) over the sum of all refunds and disputes, so that the
    parts of any division sum to all coins exactly.
    """
    if captured_minor == 0:
        return 0
    return coins * min(given_back_minor, captured_minor) // captured_minor


def waits_until(intent: Intent, outcome: Outcome) -> datetime:
    """Return when a payment ends that nobody pays: a provider may let it wait longer."""
    if outcome.waits_until is None:
        return intent.expires_at
    return max(intent.expires_at, min(outcome.waits_until, intent.created_at + LONGEST_WAIT))


def next_look(delays: tuple[timedelta, ...], looks: int) -> timedelta:
    """Return how long to wait after look number `looks`; the last delay repeats."""
    return delays[min(looks, len(delays) - 1)]


def answer_of(policy: RefundPolicy, wish: Wish, now: datetime) -> Literal["grant", "reject"] | None:
    """Return what the rules answer to a player's wish, None where a person decides.

    That the coins are unspent is not looked at here.
    """
    age = now - wish.credited_at
    reject, grant = policy.reject, policy.grant
    if reject is not None and age > timedelta(days=reject.after_days):
        return "reject"
    if grant is None or age > timedelta(hours=grant.within_hours):
        return None
    if wish.amount_minor > grant.up_to.get(wish.money, 0):
        return None
    since = now - timedelta(days=grant.in_days)
    return "grant" if sum(at > since for at in wish.granted) < grant.most else None


def policy_of(known: SpentPolicy | None, provider: str, default: SpentCoins) -> SpentCoins:
    """Return what becomes of coins already spent: the provider's policy, the currency's, else the
    tenant's.
    """
    if known is None:
        return default
    return known.providers.get(provider) or known.policy or default


def is_expired(year: int | None, month: int | None, now: datetime) -> bool:
    """Say whether a card that is good to the end of this month is good no more."""
    if year is None or month is None:
        return False
    return (year, month) < (now.year, now.month)
