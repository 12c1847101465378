"""Refunds and disputes of the books that no report has in time are shown to people."""

from datetime import timedelta

import msgspec
import pytest
from tests.payments.reckoning import lines_of, reconciled, runs_of, worked
from tests.payments.scripted import MANIFEST, PENDING
from tests.payments.shop import Shop
from tests.payments.test_reconcile import capture, reported
from tests.payments.test_reconcile_daily import at as turned_to

from guildbank.kernel import Refusal
from guildbank.payments.contracts.reports import Line
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.usecases.reconcile import Period
from guildbank.payments.usecases.reconcile_daily import begin_days
from guildbank.payments.usecases.take_report import take_report
from guildbank.plugin_api import EventKind, Settlement, SettlementKind

TEN_DAYS_LATER = "UPDATE payments_dispute SET withdrawn_at = withdrawn_at + interval '10 days'"
REFUND, DISPUTE = SettlementKind.REFUND, SettlementKind.DISPUTE


async def bought(shop: Shop) -> Intent:
    """Let a player buy what the report has."""
    intent = await shop.buy(await shop.player())
    shop.script.settled = [*shop.script.settled, capture(shop, intent)]
    return intent


async def attempt_of(shop: Shop, intent: Intent) -> Attempt:
    return (await shop.dossier(intent)).attempts[0]


async def told(shop: Shop, intent: Intent, kind: EventKind, name: str, minor: int = 499) -> None:
    """Let an event of a dispute come."""
    await shop.event(
        kind, attempt_id=intent.attempt_id, dispute_reference=name, amount_minor=minor,
        currency="EUR",
    )  # fmt: skip


def missed(lines: list[Line]) -> list[tuple[str, int, str | None]]:
    """Return what the books have and the report has not: its kind, amount and reference."""
    return [
        (one.kind, one.gross_minor, one.reference) for one in lines if one.state == "missing_there"
    ]


async def test_a_refund_that_no_report_has_in_time_is_missing_there(shop: Shop):
    intent = await bought(shop)
    refund = await shop.refunded(intent, 100)
    assert missed(await reconciled(shop)) == []
    shop.clock.by += timedelta(days=4)
    (line,) = [one for one in await reconciled(shop) if one.state == "missing_there"]
    assert (line.kind, line.gross_minor) == ("refund", -100)
    assert (line.refund_id, line.attempt_id) == (refund.id, intent.attempt_id)


@pytest.mark.parametrize("by", ["our name", "its reference", "another amount"])
async def test_a_refund_that_a_report_has_is_not_missed(shop: Shop, by: str):
    intent = await bought(shop)
    refund = await shop.refunded(intent, 100)
    said = {"refund_id": refund.id} if by == "our name" else {"reference": f"re_{refund.id}"}
    minor = -99 if by == "another amount" else -100
    shop.script.settled.append(reported(REFUND, minor, 0, at=shop.clock.now(), **said))
    shop.clock.by += timedelta(days=4)
    found = await reconciled(shop)
    assert missed(found) == []
    assert found[1].state == ("amount_differs" if by == "another amount" else "matched")


async def test_one_of_two_refunds_of_a_payment_is_missed_by_itself(shop: Shop):
    intent = await bought(shop)
    first, second = await shop.refunded(intent, 100), await shop.refunded(intent, 100)
    shop.script.settled.append(
        reported(REFUND, -100, at=shop.clock.now(), reference=f"re_{first.id}")
    )
    shop.clock.by += timedelta(days=4)
    assert missed(await reconciled(shop)) == [("refund", -100, f"re_{second.id}")]


async def test_a_refund_on_its_way_is_not_missed_before_it_is_there(shop: Shop):
    intent = await bought(shop)
    shop.script.on_refund = PENDING
    await shop.refunded(intent, 100)
    shop.clock.by += timedelta(days=4)
    assert missed(await reconciled(shop)) == []


async def test_what_a_dispute_took_and_gave_back_is_missed_both_times(shop: Shop):
    intent = await bought(shop)
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "dp_1")
    await told(shop, intent, EventKind.DISPUTE_FUNDS_REINSTATED, "dp_1")
    assert missed(await reconciled(shop)) == []
    shop.clock.by += timedelta(days=4)
    both = [("dispute", -499, "dp_1"), ("dispute", 499, "dp_1")]
    assert missed(await reconciled(shop)) == both
    line = reported(DISPUTE, 499, at=shop.clock.now() - timedelta(days=3), reference="dp_1")
    shop.script.settled.append(line)
    assert missed(await reconciled(shop)) == both[:1]


async def test_a_dispute_is_missed_by_when_its_money_went_and_not_by_when_it_began(shop: Shop):
    intent = await bought(shop)
    await told(shop, intent, EventKind.DISPUTE_OPENED, "dp_1")
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "dp_1")
    shop.clock.by += timedelta(days=10)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        # The journal's clock is that of this machine.
        await tx.driver.execute(TEN_DAYS_LATER)
    assert missed(await reconciled(shop)) == []
    shop.clock.by += timedelta(days=4)
    assert missed(await reconciled(shop)) == [("dispute", -499, "dp_1")]


@pytest.mark.parametrize(
    ("lines", "absent"), [(2, []), (1, [("dispute", -100, "dp_1")])], ids=["two", "one"]
)
async def test_lines_without_names_are_of_as_many_disputes(
    shop: Shop, lines: int, absent: list[tuple[str, int, str | None]]
):
    intent = await bought(shop)
    for number in range(2):
        await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, f"dp_{number}", 100)
    now = shop.clock.now()
    # The second is no twin: its fee is of its own, and nothing else names it.
    shop.script.settled += [
        reported(DISPUTE, -100, number, at=now, attempt_id=str(intent.attempt_id))
        for number in range(lines)
    ]
    shop.clock.by += timedelta(days=4)
    assert missed(await reconciled(shop)) == absent


@pytest.mark.parametrize(
    ("has", "absent"),
    [
        ({"capture", "player_payout"}, []),
        ({"capture", "refund"}, [("refund", -100, "refund")]),
        ({"capture", "dispute"}, [("dispute", -99, "gone")]),
        (
            {"capture", "dispute", "dispute_back"},
            [("dispute", -99, "gone"), ("dispute", -98, "back"), ("dispute", 98, "back")],
        ),
    ],
    ids=["neither", "refunds", "withdrawals", "both-ways"],
)
async def test_nothing_is_missed_of_which_a_provider_reports_no_lines(
    shop: Shop, has: set[str], absent: list[tuple[str, int, str]]
):
    shop.script._manifest = msgspec.structs.replace(MANIFEST, report_lines=frozenset(has))
    intent = await bought(shop)
    refund = await shop.refunded(intent, 100)
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "gone", 99)
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "back", 98)
    await told(shop, intent, EventKind.DISPUTE_FUNDS_REINSTATED, "back", 98)
    shop.clock.by += timedelta(days=4)
    names = {f"re_{refund.id}": "refund"}
    found = missed(await reconciled(shop))
    assert [(kind, minor, names.get(str(name), name)) for kind, minor, name in found] == absent


async def test_days_miss_refunds_and_disputes_three_days_later_once(shop: Shop):
    intent = await bought(shop)
    refund = await shop.refunded(intent, 100)
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "dp_1", 200)
    found: list[list[tuple[str, int, str | None]]] = []
    for _ in range(5):
        turned_to(shop, hour=7, days=1)
        await begin_days(shop.payments, shop.tenant)
        await worked(shop)
    for run in sorted(await runs_of(shop), key=lambda run: run.since):
        found.append(missed(await lines_of(shop, run)))
    assert found[3] == [("dispute", -200, "dp_1"), ("refund", -100, f"re_{refund.id}")]
    assert found[:3] + found[4:] == [[]] * 4


@pytest.mark.parametrize("shows", ["captures", "refunds too"])
async def test_a_file_misses_refunds_where_it_shows_some(shop: Shop, shows: str):
    intent = await bought(shop)
    refunds = [await shop.refunded(intent, minor) for minor in (100, 50)]
    await told(shop, intent, EventKind.DISPUTE_FUNDS_WITHDRAWN, "dp_1", 200)
    now = shop.clock.now()
    lines: list[Settlement] = [capture(shop, intent)]
    if shows != "captures":
        lines.append(reported(REFUND, -50, at=now, refund_id=refunds[1].id))
    shop.clock.by += timedelta(days=4)
    period = Period("scripted", now - timedelta(days=1), shop.clock.now())
    run = await take_report(shop.payments, shop.tenant, "host", "file:1", period, iter(lines))
    assert not isinstance(run, Refusal), run
    await worked(shop)
    wanted = [] if shows == "captures" else [("refund", -100, f"re_{refunds[0].id}")]
    assert missed(await lines_of(shop, run)) == wanted
