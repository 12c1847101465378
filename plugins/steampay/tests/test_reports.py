"""Reports are read page by page, in time, and again from a while before where they ended."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from guildbank.plugin_api import Context, EventKind, HttpAnswer, Method, ProviderEvent
from guildbank_steampay.plugin import SteamWalletProvider

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SINCE = NOON - timedelta(days=30)


class Valve:
    """Answers GetReport as Valve says: from a time on, the earliest first, at most so many."""

    def __init__(self, most: int = 10_000) -> None:
        self.lines: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.most = most

    def add(self, at: datetime, number: int, status: str = "Refunded", **more: Any) -> None:
        item = {"itemid": 499, "qty": 1, "amount": 499, "vat": 0, "itemstatus": status}
        line = {
            "orderid": str(number), "transid": f"9{number}", "status": status, "currency": "EUR",
            "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "items": [item],
        }  # fmt: skip
        self.lines.append({**line, **more})

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        query = {name: one for name, (one,) in parse_qs(urlsplit(url).query).items()}
        self.asked.append((query["type"], query["time"]))
        wanted = query["type"] == "GAMESALES"
        found = sorted(
            (
                one
                for one in self.lines
                if one["time"] >= query["time"] and (wanted or one["status"] == "Chargedback")
            ),
            key=lambda one: str(one["time"]),
        )[: min(self.most, int(query["maxresults"]))]
        params = {"count": len(found), "orders": found}
        answer = {"response": {"result": "OK", "params": params}}
        return HttpAnswer(status=200, headers={}, body=msgspec.json.encode(answer))


def context(valve: Valve, app_id: str = "480") -> Context:
    return Context(
        tenant="moonlit", mode="live", settings={"publisher_key": "ab" * 16, "app_id": app_id},
        now=NOON, webhook_url="", http=valve,
    )  # fmt: skip


async def read_all(
    valve: Valve, cursor: str | None = None, app_id: str = "480"
) -> tuple[list[ProviderEvent], str]:
    """Read until there is no more, as the core does within one turn or several."""
    events: list[ProviderEvent] = []
    for _ in range(500):
        page = await SteamWalletProvider().report(context(valve, app_id), SINCE, cursor)
        events += page.events
        assert len(page.cursor) <= 255
        if not page.more:
            return events, page.cursor
        assert page.cursor != cursor
        cursor = page.cursor
    raise AssertionError("it does not end")


def numbers(events: list[ProviderEvent]) -> set[int]:
    return {int(one.payment_reference or 0) for one in events}


@pytest.mark.parametrize("most", [1, 3, 199, 10_000])
async def test_pages_of_any_size_tell_every_line(most: int) -> None:
    valve = Valve(most)
    for number in range(1, 30):
        valve.add(NOON + timedelta(seconds=number), number)
    events, cursor = await read_all(valve)
    assert numbers(events) == set(range(1, 30))
    valve.add(NOON + timedelta(seconds=40), 40)
    assert 40 in numbers((await read_all(valve, cursor))[0])


async def test_a_line_that_comes_late_is_found() -> None:
    valve = Valve()
    valve.add(NOON, 1)
    _, cursor = await read_all(valve)
    valve.add(NOON - timedelta(minutes=10), 2)
    events, cursor = await read_all(valve, cursor)
    assert 2 in numbers(events)
    # And again and again it does not creep back in time.
    for _ in range(5):
        _, cursor = await read_all(valve, cursor)
    begins = {at for kind, at in valve.asked if kind == "GAMESALES"}
    assert min(begins - {min(begins)}) == "2026-11-27T11:45:00Z"


async def test_a_line_from_the_future_hides_none_of_before() -> None:
    valve = Valve()
    valve.add(NOON + timedelta(days=900), 1)
    _, cursor = await read_all(valve)
    valve.add(NOON + timedelta(minutes=1), 2)
    assert 2 in numbers((await read_all(valve, cursor))[0])


async def test_what_is_told_again_has_the_same_id() -> None:
    valve = Valve()
    valve.add(NOON, 1)
    valve.add(NOON, 2, "Chargedback")
    events, cursor = await read_all(valve)
    again, _ = await read_all(valve, cursor)
    assert {one.external_id for one in events} == {
        "1/1/refunded", "2/charged_back/2026-11-27T12:00:00Z",
    }  # fmt: skip
    assert {one.external_id for one in again} <= {one.external_id for one in events}


async def test_more_lines_of_one_second_than_fit_a_page_are_all_told() -> None:
    valve = Valve()
    for number in range(1, 451):
        valve.add(NOON, number)
    valve.add(NOON + timedelta(hours=1), 999)
    events, _ = await read_all(valve)
    assert numbers(events) == {*range(1, 451), 999}


async def test_a_second_that_no_page_can_hold_is_said_and_not_skipped() -> None:
    valve = Valve()
    for number in range(1, 5_002):
        valve.add(NOON, number, "Succeeded")
    with pytest.raises(RuntimeError, match="of one second"):
        await read_all(valve)


@pytest.mark.parametrize("cursor", ["", "7", "{}", '["480",{}]', '["480",{"X":["",null]}]', "\x00"])
async def test_a_cursor_of_no_use_begins_anew(cursor: str) -> None:
    valve = Valve()
    valve.add(NOON, 1)
    assert numbers((await read_all(valve, cursor))[0]) == {1}


async def test_another_game_begins_anew() -> None:
    valve = Valve()
    valve.add(NOON - timedelta(days=20), 1)
    valve.add(NOON, 2)
    _, cursor = await read_all(valve)
    assert numbers((await read_all(valve, cursor, app_id="481"))[0]) == {1, 2}


@pytest.mark.parametrize(
    "line",
    [
        {"status": "Succeeded"},
        {"status": "Failed"},
        {"status": "Approved"},
        {"orderid": "0"},
        {"items": []},
        {"items": [{"itemid": 1, "amount": 1}, {"itemid": 2, "amount": 1}]},
        {"items": [{"itemid": 1, "amount": 1}] * 6},
        {"status": "Chargedback", "currency": "XXX"},
    ],
)
async def test_lines_that_say_nothing_of_ours_are_no_events(line: dict[str, Any]) -> None:
    valve = Valve()
    valve.add(NOON, 1, **line)
    assert (await read_all(valve))[0] == []


async def test_each_item_that_was_given_back_is_an_event_of_its_own() -> None:
    valve = Valve()
    items = [
        {"itemid": 499, "amount": 199, "itemstatus": "Refunded"},
        {"itemid": 499, "amount": 300, "itemstatus": "Succeeded"},
    ]
    valve.add(NOON, 1, "PartialRefund", items=items)
    events, _ = await read_all(valve)
    assert {(one.kind, one.refund_reference) for one in events} == {(EventKind.REFUND, "1/1")}
    valve.lines[0] |= {"status": "RefundedSuspectedFraud", "time": "2026-11-27T13:00:00Z"}
    events, _ = await read_all(valve)
    assert {one.refund_reference for one in events} == {"1/1", "1/2"}


def told(events: list[ProviderEvent]) -> set[tuple[str, str | None, int | None]]:
    """What events say of chargebacks: the kind, the name and the amount."""
    return {(one.kind.value, one.dispute_reference, one.amount_minor) for one in events}


def items(*parts: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"itemid": 499, "amount": amount, "itemstatus": status} for amount, status in parts]


@pytest.mark.parametrize(
    ("status", "parts", "said"),
    [
        pytest.param(
            "Chargedback", [(499, "")], {("dispute_lost", "1", 499)}, id="one item, by the order"
        ),
        pytest.param(
            "Chargedback",
            [(499, "Succeeded")],
            {("dispute_lost", "1", 499)},
            id="one item that says otherwise",
        ),
        pytest.param(
            "Chargedback",
            [(199, "Succeeded"), (300, "Succeeded")],
            {("dispute_lost", "1", 499)},
            id="all, of which no item says it",
        ),
        pytest.param(
            "Chargedback",
            [(199, "Chargedback"), (300, "Succeeded")],
            {("dispute_lost", "1/1", 199), ("dispute_taken_back", "1/2", 300)},
            id="a part",
        ),
        pytest.param(
            "Chargedback",
            [(199, "Chargedback"), (300, "Chargedback")],
            {("dispute_lost", "1/1", 199), ("dispute_lost", "1/2", 300)},
            id="a part, and then the rest",
        ),
        pytest.param(
            "Chargedback",
            [(199, "Refunded"), (300, "Chargedback")],
            {("refund", None, None), ("dispute_lost", "1/2", 300)},
            id="what a refund left",
        ),
    ],
)
async def test_what_was_charged_back_is_named_by_the_order_and_which_of_it(
    status: str, parts: list[tuple[int, str]], said: set[tuple[str, str | None, int | None]]
) -> None:
    valve = Valve()
    valve.add(NOON, 1, status, items=items(*parts))
    assert told((await read_all(valve))[0]) == said


async def test_all_that_may_have_been_charged_back_is_told_to_be_here_again() -> None:
    valve = Valve()
    whole = items((199, "Succeeded"), (300, "Succeeded"))
    valve.add(NOON, 1, "Succeeded", items=whole, timecreated="2026-10-27T12:00:00Z")
    events, _ = await read_all(valve)
    assert told(events) == {
        ("dispute_taken_back", name, minor)
        for name, minor in (("1", 499), ("1/1", 199), ("1/2", 300))
    }


async def test_a_second_chargeback_is_another_event() -> None:
    valve = Valve()
    valve.add(NOON, 1, "Chargedback")
    first, cursor = await read_all(valve)
    valve.lines[0]["time"] = "2026-11-27T13:00:00Z"
    second, _ = await read_all(valve, cursor)
    assert told(first) == told(second)
    assert {one.external_id for one in first}.isdisjoint(one.external_id for one in second)


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-27T12:00:00"])
async def test_a_line_without_a_time_stops_the_reading(time: str) -> None:
    valve = Valve()
    valve.add(NOON, 1)
    valve.lines[0]["time"] = time or "zzz"
    with pytest.raises(RuntimeError, match="a line of a report"):
        await read_all(valve)
