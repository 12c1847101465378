"""Providers that are polled: a page is kept whole or asked for again, and an event counts once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.faults.cuts import Cut, raise_error
from tests.house import House
from tests.payments.scripted import MANIFEST, Lost, Scripted, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_backlogs import Board
from tests.payments.turns import turn

from guildbank.infra import backlogs
from guildbank.journal import Journal
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.read_reports import MAX_PAGES, read_reports
from guildbank.plugin_api import (
    MAX_REPORTED,
    Context,
    EventKind,
    Outcome,
    ProviderEvent,
    RefundRequest,
    ReportPage,
)

POLLED = msgspec.structs.replace(MANIFEST, id="polled", capabilities=frozenset({"reports"}))


class Polled(Scripted):
    """Reports its lines, a page of `page_lines` at once; its cursor counts them."""

    def __init__(self) -> None:
        super().__init__(POLLED)
        self.lines: list[ProviderEvent] = []
        self.page_lines = 2
        self.faults: list[Exception | ReportPage] = []
        self.asked: list[str | None] = []
        self.hang_on: str | None = None
        self.hanging = asyncio.Event()

    async def report(self, context: Context, since: datetime, cursor: str | None) -> ReportPage:
        self.asked.append(cursor)
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        begin = int(cursor or 0)
        end = min(begin + self.page_lines, len(self.lines))
        more = end < len(self.lines)
        return ReportPage(events=tuple(self.lines[begin:end]), cursor=str(end), more=more)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        if reference == self.hang_on:
            self.hanging.set()
            await asyncio.Event().wait()
        return await super().fetch_refund(context, request, reference)


class Desk:
    """A shop whose provider is polled."""

    def __init__(self, shop: Shop, polled: Polled) -> None:
        self.shop = shop
        self.polled = polled

    async def refunded(self, number: int) -> list[Intent]:
        """Let the company give back so many purchases, a line for each."""
        player = await self.shop.player()
        intents = [await self.shop.buy(player, provider="polled") for _ in range(number)]
        for intent in intents:
            reference = f"back_{intent.id}"
            self.polled.refund_stands[reference] = processed(499, "EUR", reference)
            attempt = (await self.shop.dossier(intent)).attempts[0]
            self.polled.lines.append(
                ProviderEvent(
                    external_id=f"line_{intent.id}", kind=EventKind.REFUND,
                    payment_reference=attempt.reference, refund_reference=reference,
                )
            )  # fmt: skip
        return intents

    async def read(self) -> int:
        return await read_reports(self.shop.payments, self.shop.tenant)

    async def sweep(self, **later: float) -> int:
        self.shop.clock.by += timedelta(**later)
        return await turn(sweep_webhooks, self.shop.payments, self.shop.tenant)

    async def back(self, intents: list[Intent]) -> list[int]:
        """Return how many refunds each of the purchases has."""
        return [len((await self.shop.dossier(one)).refunds) for one in intents]

    async def sql(self, text: str, *args: object) -> list[Any]:
        """Run a statement past the room."""
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            return list(await tx.driver.fetch(text, *args))

    async def until_somebody_waits(self) -> None:
        """Wait until a statement waits for a lock."""
        for _ in range(200):
            if await self.sql("SELECT FROM pg_locks WHERE NOT granted"):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("nobody waits")

    async def problem(self) -> str | None:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            found: str | None = await tx.driver.fetchval("SELECT problem FROM payments_report")
        return found


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    polled = Polled()
    shop = await open_shop(house, plugins=(("polled", polled),))
    made = await configure_provider(
        shop.payments, shop.tenant, "polled", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield Desk(shop, polled)
    await shop.payments.drain()


async def test_all_pages_are_read_and_each_line_is_booked_once(desk: Desk):
    intents = await desk.refunded(5)
    assert await desk.read() == 5
    assert desk.polled.asked == [None, "2", "4"]
    assert await desk.back(intents) == [1] * 5
    assert await desk.shop.money() == {}
    assert await desk.read() == 0
    assert desk.polled.asked[3:] == ["5"]


async def test_lines_that_are_told_again_count_once(desk: Desk):
    intents = await desk.refunded(2)
    desk.polled.lines += [*desk.polled.lines, *desk.polled.lines]
    desk.polled.page_lines = 3
    assert await desk.read() == 2
    assert await desk.back(intents) == [1, 1]
    assert await desk.shop.money() == {}


async def test_a_page_that_got_no_answer_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backlogs, "FRESH_SECONDS", 0.0)
    intents = await desk.refunded(3)
    desk.polled.faults = [Lost()]
    assert await desk.read() == 0
    assert await desk.problem() == "no_answer"
    board = Board(desk.shop.house.db, desk.shop.tenant)
    assert (await board.reads())["reports_unread"] == 1
    assert await desk.read() == 3
    assert (await board.reads())["reports_unread"] == 0
    assert desk.polled.asked == [None, None, "2"]
    assert await desk.problem() is None
    assert await desk.back(intents) == [1] * 3


async def test_who_dies_between_two_lines_leaves_both_and_neither_is_booked_twice(desk: Desk):
    intents = await desk.refunded(4)
    desk.polled.page_lines = 3
    desk.polled.hang_on = f"back_{intents[1].id}"
    reading = asyncio.create_task(desk.read())
    await asyncio.wait_for(desk.polled.hanging.wait(), 10)
    assert await desk.back(intents) == [1, 0, 0, 0]
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    desk.polled.hang_on = None
    # The cursor is behind the page, whose lines wait in the inbox.
    assert await desk.read() == 1
    assert desk.polled.asked == [None, "3"]
    await desk.sweep(minutes=3)
    assert await desk.back(intents) == [1] * 4
    assert await desk.shop.money() == {}
    assert (await desk.shop.kinds()).count("refunded") == 4


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("point", ["journal_locked", "before_commit", "after_commit"])
async def test_a_fault_at_a_point_of_a_line_s_booking_loses_and_doubles_nothing(
    desk: Desk, point: str, turn: int
):
    intents = await desk.refunded(3)
    payments, sound = desk.shop.payments, desk.shop.payments.journal
    cut = Cut(desk, point, raise_error, turn)
    payments.journal = Journal(desk.shop.house.db, probe=cut)
    try:
        assert await desk.read() == 3
        await payments.journal.close()
    finally:
        payments.journal = sound
    assert cut.left <= 0, "the point is not met"
    assert await desk.read() == 0
    await desk.sweep(minutes=3)
    assert await desk.back(intents) == [1] * 3
    assert await desk.shop.money() == {}
    assert (await desk.shop.kinds()).count("refunded") == 3


@pytest.mark.parametrize("table", ["payments_report", "payments_webhook"])
async def test_who_dies_while_a_page_is_kept_has_kept_neither_line_nor_cursor(
    desk: Desk, table: str
):
    intents = await desk.refunded(2)
    db, schema = desk.shop.house.db, desk.shop.tenant.schema
    async with db.begin(schema) as tx:
        await tx.driver.execute(f"LOCK TABLE {table} IN SHARE MODE")
        reading = asyncio.create_task(desk.read())
        await desk.until_somebody_waits()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert await desk.sql("SELECT FROM payments_webhook") == []
    assert await desk.sql("SELECT FROM payments_report") == []
    assert await desk.back(intents) == [0, 0]
    assert await desk.read() == 2
    assert desk.polled.asked == [None, None]
    assert await desk.back(intents) == [1, 1]


async def test_two_who_read_at_once_book_each_line_once(desk: Desk):
    intents = await desk.refunded(6)
    found = await asyncio.gather(*(desk.read() for _ in range(3)))
    assert sum(found) == 6
    await desk.sweep(minutes=3)
    assert await desk.back(intents) == [1] * 6
    assert await desk.read() == 0
    assert desk.polled.asked[-1] == "6"


async def test_a_line_of_nothing_of_ours_holds_up_no_other(desk: Desk):
    stranger = ProviderEvent(
        external_id="line_other", kind=EventKind.DISPUTE_LOST, payment_reference="pi_other",
        dispute_reference="dp_other", amount_minor=100, currency="EUR",
    )  # fmt: skip
    desk.polled.lines.append(stranger)
    intents = await desk.refunded(3)
    assert await desk.read() == 4
    assert await desk.back(intents) == [1] * 3
    assert "dispute_lost" not in await desk.shop.kinds()


async def test_a_line_that_comes_before_our_own_commit_is_tried_again(desk: Desk):
    player = await desk.shop.player()
    early = ProviderEvent(
        external_id="line_early", kind=EventKind.DISPUTE_LOST, payment_reference="pi_early",
        dispute_reference="dp_early", amount_minor=499, currency="EUR",
    )  # fmt: skip
    desk.polled.lines.append(early)
    await desk.read()
    desk.polled.on_create = processed(499, "EUR", "pi_early")
    intent = await desk.shop.buy(player, provider="polled")
    await desk.sweep(minutes=3)
    (dispute,) = (await desk.shop.dossier(intent)).disputes
    assert dispute.state == "lost"
    assert await desk.shop.coins(player) == {}


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (ReportPage(events=(), cursor="", more=False), "cursor_stands_still"),
        (ReportPage(events=(), cursor="x" * 256), "cursor_stands_still"),
        (
            ReportPage(
                events=(ProviderEvent(external_id="a\x00", kind=EventKind.REFUND),), cursor="9"
            ),
            "malformed_line",
        ),
        (
            ReportPage(
                events=(ProviderEvent(external_id="a", kind=EventKind.REFUND),)
                * (MAX_REPORTED + 1),
                cursor="9",
            ),
            "too_many_lines",
        ),
    ],
)
async def test_a_page_that_cannot_be_used_is_kept_in_no_part(
    desk: Desk, page: ReportPage, problem: str
):
    intents = await desk.refunded(2)
    desk.polled.faults = [page]
    assert await desk.read() == 0
    assert await desk.problem() == problem
    assert await desk.read() == 2
    assert await desk.back(intents) == [1, 1]


async def test_a_cursor_that_stands_still_is_not_asked_for_ever(desk: Desk):
    desk.polled.faults = [
        ReportPage(events=(), cursor="7", more=True), ReportPage(events=(), cursor="7", more=True),
    ]  # fmt: skip
    assert await desk.read() == 0
    assert desk.polled.asked == [None, "7"]
    assert await desk.problem() == "cursor_stands_still"


async def test_one_turn_reads_so_many_pages_and_the_next_goes_on(desk: Desk):
    lines = [
        ProviderEvent(external_id=f"line_{number}", kind=EventKind.IGNORED)
        for number in range(2 * MAX_PAGES + 3)
    ]
    desk.polled.lines = lines
    assert await desk.read() == 2 * MAX_PAGES
    assert await desk.read() == 3


async def test_a_provider_that_reports_nothing_is_not_asked(desk: Desk):
    assert desk.shop.payments.plugins.polled("scripted") is None
    assert desk.shop.payments.plugins.polled("polled") is not None
