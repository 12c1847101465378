"""PayPal's transaction search is read as what it did to the money that PayPal holds."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.servers.canned import Asked, Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, Settlement, SettlementKind, SettlementPage
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.client import PayPalFailed
from guildbank_paypal.plugin import PayPalProvider

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
ATTEMPT, REFUND = new_id("att"), new_id("ref")
TOO_MANY = {
    "name": "RESULTSET_TOO_LARGE",
    "message": "Result set size is greater than the maximum limit.",
    "maximum_items": 10_000,
}


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    async with Canned() as server:
        server.answer(200, {"access_token": "A21AA", "expires_in": 32_400})
        yield server


@pytest.fixture
def context(canned: Canned) -> Context:
    settings = {
        "client_id": "client-1",
        "client_secret": "quiet-secret-of-a-tenant",
        "webhook_id": "5WA53290LR5218401",
        "lab_url": canned.url,
    }
    return Context(
        tenant="demo",
        mode="test",
        settings=settings,
        now=UNTIL,
        webhook_url="http://127.0.0.1/",
        http=DirectHttp(),
    )


@pytest.fixture
def provider() -> PayPalProvider:
    return PayPalProvider(timeout_seconds=2)


def transaction(code: str, value: str, fee: str | None = None, **said: object) -> dict[str, object]:
    """Return a transaction as PayPal's search shows one."""
    info = {
        "transaction_id": "8MC585209K746392H",
        "transaction_event_code": code,
        "transaction_initiation_date": "2026-11-01T12:00:00+0000",
        "transaction_updated_date": "2026-11-01T12:00:00+0000",
        "transaction_amount": {"currency_code": "EUR", "value": value},
        "transaction_status": "S",
        "protection_eligibility": "01",
        **said,
    }
    if fee is not None:
        info["fee_amount"] = {"currency_code": "EUR", "value": fee}
    return {"transaction_info": info}


def found(*items: object, pages: int = 1) -> dict[str, object]:
    return {"transaction_details": items, "total_items": len(items), "total_pages": pages}


def query(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.path).query))


def spans(canned: Canned) -> list[tuple[str, str, str]]:
    """Return the windows and pages that were asked for."""
    asked = [query(one) for one in canned.asked if "/reporting/" in one.path]
    return [(one["start_date"], one["end_date"], one["page"]) for one in asked]


async def read(
    provider: PayPalProvider,
    context: Context,
    cursor: str | None = None,
    until: datetime = UNTIL,
) -> SettlementPage:
    return await provider.settlements(context, SINCE, until, cursor)


async def line_of(
    canned: Canned, context: Context, provider: PayPalProvider, item: object
) -> Settlement:
    canned.answer(200, found(item))
    (line,) = (await read(provider, context)).lines
    return line


def sums(line: Settlement) -> tuple[str, int, int, int]:
    return line.kind.value, line.gross_minor, line.fee_minor, line.net_minor


async def test_a_payment_is_a_capture_of_the_attempt_that_is_written_on_it(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    item = transaction("T0006", "4.99", "-0.49", custom_field=ATTEMPT, invoice_id=ATTEMPT)
    line = await line_of(canned, context, provider, item)
    assert sums(line) == ("capture", 499, 49, 450)
    assert (line.attempt_id, line.transaction) == (ATTEMPT, "8MC585209K746392H:T0006")
    assert line.at == SINCE + timedelta(hours=12)
    assert query(canned.asked[1]) == {
        "start_date": "2026-11-01T00:00:00Z",
        "end_date": "2026-11-02T00:00:00Z",
        "fields": "transaction_info",
        "balance_affecting_records_only": "Y",
        "page_size": "100",
        "page": "1",
    }


async def test_a_refund_names_ours_and_gives_a_part_of_the_fee_back(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    item = transaction("T1107", "-4.99", "0.14", custom_field=f"{ATTEMPT}/{REFUND}")
    line = await line_of(canned, context, provider, item)
    assert sums(line) == ("refund", -499, -14, -485)
    assert (line.refund_id, line.attempt_id) == (REFUND, ATTEMPT)
    assert line.reference == "8MC585209K746392H"


@pytest.mark.parametrize("kind", ["TXN", "", None])
async def test_a_refund_from_paypals_own_pages_is_led_to_its_payment_by_its_capture(
    kind: str | None, canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    told = {} if kind is None else {"paypal_reference_id_type": kind}
    item = transaction("T1107", "-4.99", paypal_reference_id="0XN16320MU043023Y", **told)
    amount = {"currency_code": "EUR", "value": "4.99"}
    canned.answer(200, found(item))
    canned.answer(
        200,
        {"id": "0XN16320MU043023Y", "status": "REFUNDED", "amount": amount, "custom_id": ATTEMPT},
    )
    (line,) = (await read(provider, context)).lines
    assert (line.attempt_id, line.refund_id) == (ATTEMPT, None)
    assert canned.asked[2].path == "/v2/payments/captures/0XN16320MU043023Y"


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("T1106", "-4.99", ("dispute", -499, 0, -499)),
        ("T1201", "-4.99", ("dispute", -499, 0, -499)),
        ("T1202", "4.99", ("dispute", 499, 0, 499)),
        ("T0106", "-16.00", ("fee", 0, 1600, -1600)),
        ("T1108", "0.30", ("fee", 0, -30, 30)),
        ("T0400", "-100.00", ("payout", -10_000, 0, -10_000)),
        ("T1110", "-4.99", ("adjustment", -499, 0, -499)),
        ("T0200", "5.00", ("adjustment", 500, 0, 500)),
        ("T0000", "-20.00", ("adjustment", -2000, 0, -2000)),
        ("T9999", "1.00", ("adjustment", 100, 0, 100)),
    ],
)
async def test_what_else_moves_the_balance_is_sorted_by_its_event_code(
    code: str,
    value: str,
    expected: tuple[str, int, int, int],
    canned: Canned,
    context: Context,
    provider: PayPalProvider,
) -> None:
    assert sums(await line_of(canned, context, provider, transaction(code, value))) == expected


async def test_what_is_pending_or_denied_has_moved_nothing(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    items = [transaction("T0006", "4.99", transaction_status=status) for status in "PDSV"]
    canned.answer(200, found(*items))
    assert len((await read(provider, context)).lines) == 2


async def test_more_than_31_days_are_asked_for_piece_by_piece_and_page_by_page(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(200, found(transaction("T0006", "4.99"), pages=2))
    canned.answer(200, found(transaction("T0006", "4.99"), pages=2))
    canned.answer(200, found(pages=0))
    until, cursor = SINCE + timedelta(days=40), None
    for _ in range(3):
        page = await read(provider, context, cursor, until)
        cursor = page.next
    assert cursor is None
    assert spans(canned) == [
        ("2026-11-01T00:00:00Z", "2026-12-02T00:00:00Z", "1"),
        ("2026-11-01T00:00:00Z", "2026-12-02T00:00:00Z", "2"),
        ("2026-12-02T00:00:00Z", "2026-12-11T00:00:00Z", "1"),
    ]


async def test_a_window_with_too_many_transactions_is_halved_and_the_rest_follows(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    early = transaction("T0006", "4.99", transaction_initiation_date="2026-11-01T11:59:59Z")
    canned.answer(400, TOO_MANY)
    canned.answer(200, found(early))
    canned.answer(200, found())
    first = await read(provider, context)
    assert len(first.lines) == 1
    assert (await read(provider, context, first.next)).next is None
    assert spans(canned)[1:] == [
        ("2026-11-01T00:00:00Z", "2026-11-01T12:00:00Z", "1"),
        ("2026-11-01T12:00:00Z", "2026-11-02T00:00:00Z", "1"),
    ]


async def test_the_last_second_of_a_period_belongs_to_the_next_one(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    late = transaction("T0006", "4.99", transaction_initiation_date="2026-11-02T00:00:00Z")
    canned.answer(200, found(late))
    assert (await read(provider, context)).lines == ()


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        pytest.param(403, {"name": "NOT_AUTHORIZED"}, id="the app may not search"),
        pytest.param(400, {"name": "INVALID_REQUEST"}, id="refused"),
        pytest.param(500, {}, id="their error"),
        pytest.param(200, {"transaction_details": [{}]}, id="no transaction"),
        pytest.param(
            200,
            found(transaction("T0006", "4.99", transaction_initiation_date="yesterday")),
            id="no time",
        ),
        pytest.param(
            200,
            found(transaction("T0006", "4.99", fee_amount={"currency_code": "USD", "value": "1"})),
            id="a fee in other money",
        ),
    ],
)
async def test_a_report_that_cannot_be_used_is_raised_and_never_an_empty_one(
    status: int, answer: object, canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(status, answer)
    with pytest.raises(PayPalFailed):
        await read(provider, context)


async def test_a_part_of_a_cent_is_raised_and_not_rounded(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(200, found(transaction("T0006", "4.995")))
    with pytest.raises(ValueError, match="fraction"):
        await read(provider, context)


async def test_what_went_to_players_and_came_back_is_told_apart_from_fees(
    provider: PayPalProvider, context: Context, canned: Canned
):
    payout = new_id("pyo")
    canned.answer(
        200,
        found(
            transaction("T0001", "-2.50", transaction_id="A", custom_field=payout),
            transaction("T0104", "-0.25", transaction_id="B"),
            transaction("T1115", "2.50", transaction_id="C", custom_field=payout),
            transaction("T1114", "1.00", transaction_id="D", custom_field="of another shop"),
            # Somebody's batch pays the merchant.
            transaction("T0001", "3.00", transaction_id="E"),
            transaction("T0001", "-9.00", transaction_id="F", transaction_status="P"),
        ),
    )
    page = await provider.settlements(context, SINCE, UNTIL, None)
    assert [(one.kind, one.gross_minor, one.fee_minor, one.payout) for one in page.lines] == [
        (SettlementKind.PLAYER_PAYOUT, -250, 0, payout),
        (SettlementKind.FEE, 0, 25, None),
        (SettlementKind.PLAYER_PAYOUT, 250, 0, payout),
        (SettlementKind.PLAYER_PAYOUT, 100, 0, None),
        (SettlementKind.CAPTURE, 300, 0, None),
    ]
