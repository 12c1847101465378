"""The tables of states hold what the page says and nothing else, and coins are shared exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank.payments.contracts.rows import AttemptState, DisputeState, IntentState, RefundState
from guildbank.payments.rules import (
    ATTEMPT,
    DISPUTE,
    ENDED_INTENTS,
    INTENT,
    REFUND,
    attempt_after,
    coins_due,
    intent_after,
    refund_after,
)
from guildbank.plugin_api import OutcomeStatus

OPEN = "failed canceled expired captured credited conflicted"
INTENT_PAGE = {
    "created": "processing failed canceled expired",
    "requires_payment_method": f"processing {OPEN}",
    "requires_action": f"requires_payment_method processing authorized unknown {OPEN}",
    "processing": f"requires_payment_method requires_action authorized unknown {OPEN}",
    "authorized": f"requires_payment_method unknown {OPEN}",
    "unknown": f"requires_payment_method requires_action processing authorized {OPEN}",
    "captured": "credited failed",
    "credited": "", "failed": "", "canceled": "", "expired": "", "conflicted": "",
}  # fmt: skip
ATTEMPT_PAGE = {
    "created": "pending captured declined canceled unknown",
    "pending": "captured declined canceled",
    "unknown": "pending captured declined canceled",
    "declined": "captured",
    "canceled": "captured",
    "captured": "",
}
REFUND_PAGE = {
    "created": "pending unknown succeeded failed",
    "pending": "succeeded failed",
    "unknown": "pending succeeded failed",
    "succeeded": "failed",
    "failed": "",
}
DISPUTE_PAGE = {
    "early_warning": "needs_response under_review won lost prevented",
    "needs_response": "under_review won lost prevented",
    "under_review": "needs_response won lost prevented",
    "won": "", "lost": "", "prevented": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("states", "table", "page"),
    [
        (IntentState, INTENT, INTENT_PAGE),
        (AttemptState, ATTEMPT, ATTEMPT_PAGE),
        (RefundState, REFUND, REFUND_PAGE),
        (DisputeState, DISPUTE, DISPUTE_PAGE),
    ],
)
def test_no_other_change_of_state_exists(states, table, page):
    assert set(table) == set(states) == set(page)
    for state in states:
        assert {after.value for after in table[state]} == set(page[state].split()), state


def test_captured_money_is_the_end_of_an_attempt_whatever_else_is_said():
    for outcome in OutcomeStatus:
        assert attempt_after(AttemptState.CAPTURED, outcome) is None
    for state in set(AttemptState) - {AttemptState.CAPTURED}:
        assert attempt_after(state, OutcomeStatus.PROCESSED) is AttemptState.CAPTURED


@pytest.mark.parametrize("attempt", list(AttemptState))
@pytest.mark.parametrize("state", list(IntentState))
def test_what_an_attempt_does_to_its_payment_is_in_the_table(state, attempt):
    for needs_player in (True, False):
        for attempts in (1, 5):
            after = intent_after(state, attempt, needs_player=needs_player, attempts=attempts)
            assert after is state or after in INTENT[state]
            if state in ENDED_INTENTS:
                assert after is state


def test_a_refund_that_failed_never_succeeds():
    for outcome in OutcomeStatus:
        assert refund_after(RefundState.FAILED, outcome) is None


@given(
    coins=st.integers(0, 2**53),
    captured=st.integers(1, 2**53),
    parts=st.lists(st.integers(0, 2**53), max_size=8),
)
def test_parts_of_a_refund_take_all_coins_exactly_when_all_money_is_back(coins, captured, parts):
    back, due = 0, 0
    for part in parts:
        back += part
        now = coins_due(coins, captured, back)
        assert due <= now <= coins
        due = now
    assert coins_due(coins, captured, captured) == coins
    assert coins_due(coins, captured, 0) == 0
