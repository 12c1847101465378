"""A report that somebody brings in a file is held against the books once, whole or not at all."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.payments.reckoning import lines_of, runs_of, worked
from tests.payments.shop import Shop

from guildbank.app.reconcile_file import while_unchanged
from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.reports import Reconciliation
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.report_file import BadReport
from guildbank.payments.usecases.reconcile import Period, reconcile
from guildbank.payments.usecases.take_report import take_report
from guildbank.plugin_api import MAX_SETTLEMENTS, Settlement, SettlementKind

UNTIL = datetime(2025, 11, 2, tzinfo=UTC)


def breaking_off(lines: list[Settlement]) -> Iterator[Settlement]:
    """Yield the lines of a file that cannot be read to its end."""
    yield from lines
    raise OSError("the disk is gone")


def line(shop: Shop, intent: Intent) -> Settlement:
    return Settlement(
        transaction=f"B{intent.id}", kind=SettlementKind.CAPTURE, at=shop.clock.now(),
        currency="EUR", gross_minor=499, fee_minor=20, net_minor=479,
        reference=f"pi_{intent.attempt_id}",
    )  # fmt: skip


async def bring(
    shop: Shop, lines: list[Settlement], key: str = "file:1", provider: str = "scripted"
) -> Reconciliation | Refusal:
    period = Period(provider, UNTIL - timedelta(days=1), UNTIL)
    return await take_report(shop.payments, shop.tenant, "host", key, period, iter(lines))


async def brought(shop: Shop, lines: list[Settlement], key: str = "file:1") -> Reconciliation:
    run = await bring(shop, lines, key)
    assert not isinstance(run, Refusal), run
    return run


async def fees(shop: Shop) -> int:
    proof = await prove(shop.house.db, shop.tenant.schema)
    assert proof.ok, proof.problems
    return sum(money.fees for money in proof.money)


async def test_lines_of_a_file_are_matched_and_their_fees_booked_without_asking_the_provider(
    shop: Shop,
):
    intents = [await shop.buy(await shop.player()) for _ in range(3)]
    shop.script.settled = [RuntimeError("nobody is to be asked")]
    run = await brought(shop, [line(shop, one) for one in intents])
    assert (run.origin, run.state) == ("file", "matching")
    await worked(shop)
    assert [one.state for one in await lines_of(shop, run)] == ["matched"] * 3
    assert await fees(shop) == 60
    assert len(shop.script.settled) == 1


async def test_the_same_file_twice_is_one_run_and_changes_nothing(shop: Shop):
    lines = [line(shop, await shop.buy(await shop.player()))]
    first, again = await asyncio.gather(brought(shop, lines), brought(shop, lines))
    await worked(shop)
    third = await brought(shop, lines)
    assert first.id == again.id == third.id
    assert (third.state, len(await runs_of(shop))) == ("done", 1)
    assert len(await lines_of(shop, third)) == 1
    assert await fees(shop) == 20


async def test_a_line_that_a_second_file_has_too_books_its_fee_once(shop: Shop):
    lines = [line(shop, await shop.buy(await shop.player())) for _ in range(2)]
    await brought(shop, lines[:1], "file:1")
    await brought(shop, lines, "file:2")
    await worked(shop)
    assert await fees(shop) == 40


async def test_who_dies_over_a_file_has_matched_nothing_and_goes_on_with_the_same_file(shop: Shop):
    lines = [line(shop, await shop.buy(await shop.player())) for _ in range(2)]

    now = shop.clock.now().replace(microsecond=0)
    period = Period("scripted", now - timedelta(days=1), now)
    with pytest.raises(OSError, match="the disk is gone"):
        await take_report(
            shop.payments, shop.tenant, "host", "file:1", period, breaking_off(lines[:1])
        )
    assert await reconcile(shop.payments, shop.tenant) == 0
    assert await fees(shop) == 0
    (run,) = await runs_of(shop)
    assert run.state == "reading"
    again = await take_report(shop.payments, shop.tenant, "host", "file:1", period, iter(lines))
    assert not isinstance(again, Refusal)
    await worked(shop)
    assert [one.state for one in await lines_of(shop, again)] == ["matched"] * 2


async def test_no_line_is_lost_between_the_parts_that_a_long_file_is_kept_in(shop: Shop):
    one = line(shop, await shop.buy(await shop.player()))
    lines = [
        msgspec.structs.replace(one, transaction=f"L{number}")
        for number in range(2 * MAX_SETTLEMENTS + 1)
    ]
    run = await brought(shop, lines)
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        statement = "SELECT transaction FROM payments_settlement WHERE reconciliation_id = $1"
        kept = {row[0] for row in await tx.driver.fetch(statement, run.id)}
    assert kept == {one.transaction for one in lines}


async def test_a_file_that_is_changed_while_it_is_read_is_not_matched(shop: Shop):
    lines = [line(shop, await shop.buy(await shop.player()))]
    now = shop.clock.now().replace(microsecond=0)
    period = Period("scripted", now - timedelta(days=1), now)
    changed = while_unchanged(iter(lines), lambda: False)
    with pytest.raises(BadReport, match="changed while it was read"):
        await take_report(shop.payments, shop.tenant, "host", "file:1", period, changed)
    await worked(shop)
    assert [run.state for run in await runs_of(shop)] == ["reading"]
    assert await fees(shop) == 0


async def test_a_provider_that_the_tenant_does_not_have_and_a_period_to_come_are_refused(
    shop: Shop,
):
    refused = await bring(shop, [], provider="nobody")
    assert isinstance(refused, Refusal)
    assert refused.code == "unknown_provider"
    period = Period("scripted", shop.clock.now(), shop.clock.now() + timedelta(days=1))
    refused = await take_report(shop.payments, shop.tenant, "host", "k", period, iter(()))
    assert isinstance(refused, Refusal)
    assert refused.code == "bad_period"
    assert await runs_of(shop) == []
