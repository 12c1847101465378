"""The list of voided purchases is read whole: all pages, all windows, and from where it was."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from plugins.googleplay.tests.google import NOW, ORDER, Google, context, later

from guildbank.plugin_api import EventKind, ReportPage
from guildbank_googleplay.plugin import GooglePlayProvider

SINCE = NOW - timedelta(days=90)


def voided(number: int, at: int, reason: int = 1) -> dict[str, object]:
    return {
        "orderId": f"GPA.{number}-0001-5500-00001", "purchaseToken": f"token{number}",
        "voidedTimeMillis": str(at * 1_000), "voidedReason": reason, "voidedSource": 0,
    }  # fmt: skip


async def read(http: Google, cursor: str | None = None, **settings: Any) -> ReportPage:
    return await GooglePlayProvider().report(context(http, **settings), SINCE, cursor)


async def all_of(http: Google) -> tuple[set[str], int]:
    """Return what is told of over all pages, and how many these are."""
    told, cursor, pages = set[str](), None, 0
    while True:
        page = await read(http, cursor)
        told |= {one.payment_reference or "" for one in page.events}
        cursor, pages = page.cursor, pages + 1
        if not page.more:
            return told, pages


@pytest.mark.parametrize(
    ("number", "reason"), [(0, "other"), (7, "chargeback"), (8, "unacknowledged"), (99, "other")]
)
async def test_a_voided_purchase_is_a_refund_with_google_s_reason(number: int, reason: str) -> None:
    http = Google()
    http.voided = [{**voided(1, later(hours=-2), number), "orderId": ORDER}]
    (event,) = (await read(http)).events
    assert (event.kind, event.payment_reference, event.refund_reference, event.reason) == (
        EventKind.REFUND, ORDER, f"{ORDER}/refund", reason,
    )  # fmt: skip


async def test_all_pages_of_google_s_are_one_page_of_ours() -> None:
    http = Google()
    http.voided = [voided(one, later(minutes=-one)) for one in range(1, 101)]
    http.page = 30
    told, pages = await all_of(http)
    assert (len(told), pages) == (100, 1)


async def test_more_than_a_page_holds_is_read_by_windows_and_nothing_is_missed() -> None:
    http = Google()
    http.voided = [voided(one, later(minutes=-one)) for one in range(1, 2_501)]
    told, pages = await all_of(http)
    assert len(told) == 2_500
    assert pages > 2


async def test_the_next_reading_begins_where_the_last_one_ended_and_a_while_before() -> None:
    http = Google()
    first = await read(http)
    http.asked.clear()
    http.voided = [voided(1, later(minutes=-30)), voided(2, later(hours=-2))]
    second = await read(http, first.cursor)
    assert [one.payment_reference for one in second.events] == ["GPA.1-0001-5500-00001"]


async def test_no_more_is_asked_for_than_google_keeps() -> None:
    http = Google()
    await read(http)
    ((_, asked),) = [one for one in http.asked if "voided" in one[1]]
    begin = int(asked.partition("startTime=")[2].partition("&")[0])
    assert begin > later(days=-30) * 1_000


async def test_another_app_s_list_is_read_from_its_beginning() -> None:
    http = Google()
    cursor = msgspec.json.encode(["example.other", NOW]).decode()
    http.voided = [voided(1, later(days=-20))]
    assert len((await read(http, cursor)).events) == 1
    assert len((await read(http, "nonsense")).events) == 1


async def test_more_than_fits_of_one_second_is_raised_and_not_lost() -> None:
    http = Google()
    http.voided = [voided(one, later(minutes=-5)) for one in range(1_001)]
    with pytest.raises(RuntimeError, match="more than"):
        await all_of(http)
