"""Stripe's balance transactions are read as what they did to the money that Stripe holds."""

import urllib.parse
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from stripe import StripeError
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, Settlement, SettlementPage
from guildbank_stripe.amounts import NotExpressible
from guildbank_stripe.plugin import StripeProvider

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
NOON = int((SINCE + timedelta(hours=12)).timestamp())
ATTEMPT, REFUND = new_id("att"), new_id("ref")


@pytest.fixture
async def stripe() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def tenant(stripe: Canned, context: Context) -> Context:
    settings = {
        "secret_key": "sk_test_wire",
        "webhook_secret": "whsec_wire",
        "api_base": stripe.url,
    }
    return msgspec.structs.replace(context, settings=settings)


def transaction(
    category: str, amount: int, fee: int = 0, *, source: object = None, **said: object
) -> dict[str, object]:
    """Return a balance transaction as Stripe's pages show one, its source expanded."""
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "eur",
        "created": NOON,
        "available_on": NOON + 86_400,
        "exchange_rate": None,
        "fee_details": [],
        "reporting_category": category,
        "status": "pending",
        "type": "adjustment" if "dispute" in category else category,
        "source": source,
        **said,
    }


def charge(**said: object) -> dict[str, object]:
    metadata = {"guildbank_attempt": ATTEMPT}
    return {
        "id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": metadata, **said,
    }  # fmt: skip


def listed(*items: object, more: bool = False) -> dict[str, object]:
    return {
        "object": "list", "data": items, "has_more": more, "url": "/v1/balance_transactions",
    }  # fmt: skip


async def read(
    provider: StripeProvider, tenant: Context, cursor: str | None = None
) -> SettlementPage:
    return await provider.settlements(tenant, SINCE, UNTIL, cursor)


async def line_of(
    stripe: Canned, tenant: Context, provider: StripeProvider, item: dict[str, object]
) -> Settlement:
    stripe.answer(200, listed(item))
    (line,) = (await read(provider, tenant)).lines
    return line


def sums(line: Settlement) -> tuple[str, int, int, int]:
    return line.kind.value, line.gross_minor, line.fee_minor, line.net_minor


async def test_a_charge_is_a_capture_under_its_intent_less_what_stripe_kept(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    line = await line_of(stripe, tenant, provider, transaction("charge", 499, 39, source=charge()))
    assert sums(line) == ("capture", 499, 39, 460)
    assert (line.transaction, line.reference, line.attempt_id) == ("txn_1", "pi_1", ATTEMPT)
    assert (line.currency, line.at) == ("EUR", SINCE + timedelta(hours=12))


async def test_a_refund_names_ours_and_the_intent_that_it_is_of(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    metadata = {"guildbank_attempt": ATTEMPT, "guildbank_refund": REFUND}
    source = {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "metadata": metadata}
    line = await line_of(stripe, tenant, provider, transaction("refund", -99, source=source))
    assert sums(line) == ("refund", -99, 0, -99)
    assert (line.reference, line.refund_id, line.payment_reference) == ("re_1", REFUND, "pi_1")


async def test_a_dispute_takes_money_and_a_fee_and_gives_both_back_when_it_is_won(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    source = {"id": "dp_1", "object": "dispute", "payment_intent": {"id": "pi_1"}, "metadata": {}}
    lost = transaction("dispute", -499, 1500, source=source)
    won = transaction("dispute_reversal", 499, -1500, source=source)
    assert sums(await line_of(stripe, tenant, provider, lost)) == ("dispute", -499, 1500, -1999)
    line = await line_of(stripe, tenant, provider, won)
    assert sums(line) == ("dispute", 499, -1500, 1999)
    assert (line.reference, line.payment_reference) == ("dp_1", "pi_1")


async def test_a_fee_of_stripes_own_has_no_gross_and_one_given_back_is_negative(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    taken = transaction("fee", -250, type="stripe_fee")
    assert sums(await line_of(stripe, tenant, provider, taken)) == ("fee", 0, 250, -250)
    back = transaction("fee", 250, type="stripe_fee")
    assert sums(await line_of(stripe, tenant, provider, back)) == ("fee", 0, -250, 250)


@pytest.mark.parametrize(
    ("category", "amount", "kind"),
    [
        ("payout", -10_000, "payout"),
        ("payout_reversal", 10_000, "payout"),
        ("charge_failure", -499, "capture"),
        ("refund_failure", 99, "adjustment"),
        ("risk_reserved_funds", -499, "adjustment"),
        ("what_stripe_thinks_of_next_year", 1, "adjustment"),
    ],
)
async def test_what_else_moves_the_balance_is_sorted_by_its_category(
    category: str,
    amount: int,
    kind: str,
    stripe: Canned,
    tenant: Context,
    provider: StripeProvider,
) -> None:
    line = await line_of(
        stripe, tenant, provider, transaction(category, amount, source={"id": "po_1"})
    )
    assert sums(line) == (kind, amount, 0, amount)
    assert line.payout == ("po_1" if kind == "payout" else None)


@pytest.mark.parametrize(
    ("currency", "theirs", "ours"),
    [("jpy", 500, 500), ("kwd", 5120, 5120), ("isk", 500, 5), ("mga", 5, 500)],
)
async def test_amounts_are_in_the_minor_units_of_the_books(
    currency: str,
    theirs: int,
    ours: int,
    stripe: Canned,
    tenant: Context,
    provider: StripeProvider,
) -> None:
    item = transaction("charge", theirs, source=charge(), currency=currency)
    line = await line_of(stripe, tenant, provider, item)
    assert (line.gross_minor, line.currency) == (ours, currency.upper())


async def test_the_period_is_asked_for_in_whole_seconds_and_with_what_is_behind_each_line(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, listed())
    odd = timedelta(milliseconds=500)
    page = await provider.settlements(tenant, SINCE + odd, UNTIL, None)
    assert (page.lines, page.next) == ((), None)
    (asked,) = stripe.asked
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked.path).query))
    assert query == {
        "limit": "100",
        "expand[0]": "data.source",
        "created[gte]": str(int(SINCE.timestamp()) + 1),
        "created[lt]": str(int(UNTIL.timestamp())),
    }


async def test_pages_follow_one_another_by_the_id_of_the_last_line(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, listed(transaction("charge", 499, source=charge()), more=True))
    stripe.answer(200, listed(transaction("payout", -499, id="txn_0", source="po_1")))
    first = await read(provider, tenant)
    assert first.next == "txn_1"
    second = await read(provider, tenant, first.next)
    assert second.next is None
    assert [line.transaction for line in second.lines] == ["txn_0"]
    assert "starting_after=txn_1" in stripe.asked[1].path


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
async def test_a_report_that_stripe_does_not_give_is_raised_and_never_an_empty_one(
    status: int, stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(status, {"error": {"type": "api_error"}})
    with pytest.raises(StripeError):
        await read(provider, tenant)


async def test_a_line_that_cannot_be_read_is_raised_and_not_left_out(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, listed({**transaction("charge", 499), "amount": None}))
    with pytest.raises(msgspec.ValidationError):
        await read(provider, tenant)
    stripe.answer(200, listed(transaction("charge", 499, currency="isk")))
    with pytest.raises(NotExpressible):
        await read(provider, tenant)


async def test_transfers_to_players_and_what_was_reversed_are_told_by_their_transfer(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    payout = new_id("pyo")
    went = {"id": "tr_1", "object": "transfer", "metadata": {"guildbank_payout": payout}}
    back = {"id": "trr_1", "object": "transfer_reversal", "metadata": {}, "transfer": "tr_1"}
    items = [
        transaction("transfer_reversal", 250, source=back, id="txn_2"),
        transaction("transfer", -250, source=went),
        # The merchant pays others by the same account.
        transaction("transfer", -99, source={**went, "id": "tr_9", "metadata": {}}, id="txn_9"),
    ]
    stripe.answer(200, {"object": "list", "data": items, "has_more": False})
    lines = (await read(provider, tenant)).lines
    assert [(one.kind, one.gross_minor, one.reference, one.payout) for one in lines] == [
        ("player_payout", 250, "tr_1", None),
        ("player_payout", -250, "tr_1", payout),
        ("adjustment", -99, "tr_9", None),
    ]
