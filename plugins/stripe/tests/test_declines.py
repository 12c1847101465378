"""Stripe's words for a decline mean the same as other providers', and none of them is made up."""

import ast
import inspect
import re
from importlib import resources

import pytest
import stripe

from guildbank.plugin_api import Decline
from guildbank_lab.effects import KNOWN
from guildbank_lab.stripe.declines import CODES, ERRORS, PARTNER_CODES
from guildbank_stripe.declines import DECLINES, decline_of

OURS = {"amount_not_expressible", "invalid_request"}


def sdk_codes() -> set[str]:
    """Return the error codes of an intent, as Stripe's own library lists them."""
    source = inspect.getsource(stripe.PaymentIntent.LastPaymentError)
    listed = re.search(r"code: .*?Literal\[(.*?)\]", source, re.DOTALL)
    assert listed is not None
    return set(re.findall(r'"([a-z0-9_]+)"', listed[1]))


@pytest.mark.parametrize(
    ("code", "decline"),
    [
        ("insufficient_funds", Decline.INSUFFICIENT_FUNDS),
        ("expired_card", Decline.METHOD_EXPIRED),
        ("incorrect_cvc", Decline.DETAILS_WRONG),
        ("stolen_card", Decline.FRAUD_SUSPECTED),
        ("issuer_not_available", Decline.PROVIDER_UNAVAILABLE),
        ("do_not_honor", Decline.DECLINED),
        ("card_not_supported", Decline.DECLINED),
        ("transaction_not_allowed", Decline.DECLINED),
        ("invalid_amount", Decline.LIMIT_EXCEEDED),
        ("authentication_not_handled", Decline.AUTHENTICATION_FAILED),
        ("duplicate_transaction", Decline.DUPLICATE),
        ("partner_high_risk_customer", Decline.FRAUD_SUSPECTED),
        ("customer_declined", Decline.CANCELED_BY_PLAYER),
        ("payment_method_not_available", Decline.PROVIDER_UNAVAILABLE),
        ("a_word_of_next_year", Decline.DECLINED),
    ],
)
def test_a_code_of_stripe_is_told_in_the_vocabulary_of_all_providers(code: str, decline: Decline):
    assert decline_of(code) is decline


def test_each_published_decline_code_is_in_the_table():
    assert {*CODES, *PARTNER_CODES} <= set(DECLINES)


def test_no_code_of_the_table_is_made_up():
    assert set(DECLINES) <= {*CODES, *PARTNER_CODES, *sdk_codes(), *OURS}


def test_the_lab_tells_those_by_a_code_of_their_own_that_the_library_has():
    # Its `insufficient_funds` is of an account that pays, and no error of a card.
    with_both = {"authentication_required", "insufficient_funds"}
    assert (sdk_codes() & set(CODES)) - with_both == ERRORS


def test_no_word_of_a_bank_lets_another_provider_charge_a_card_that_was_refused():
    elsewhere = {
        Decline.METHOD_NOT_SUPPORTED, Decline.AMOUNT_NOT_SUPPORTED, Decline.ACCOUNT_PROBLEM,
        Decline.INVALID_REQUEST,
    }  # fmt: skip
    assert not {code for code, decline in DECLINES.items() if decline in elsewhere} & set(CODES)


def test_the_lab_refuses_by_codes_that_the_library_has_or_by_none():
    # Recorded from Stripe, and in no list of the library's.
    recorded = {"insufficient_capabilities_for_transfer"}
    switched = {word.lower() for at in ("evidence", "payout") for word in KNOWN["stripe"][at]}
    assert switched <= sdk_codes() | recorded
    assert named() <= sdk_codes() | recorded


def named() -> set[str]:
    """Return the codes that are written into the lab's refusals."""
    found = set()
    for file in resources.files("guildbank_lab.stripe").iterdir():
        if not file.name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                code = node.args[1] if len(node.args) > 1 else None
                if isinstance(code, ast.Constant) and code.value is not None:
                    found.add(str(code.value))
    assert {"resource_missing", "parameter_missing"} <= found
    return found
