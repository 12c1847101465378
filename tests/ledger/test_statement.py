"""A statement lists each movement once, newest first, with balances that add up."""

import random
from datetime import timedelta

import pytest
from tests.economy import GEM, Economy

from guildbank.kernel import Refusal, new_id
from guildbank.ledger.usecases import statement as paging
from guildbank.ledger.usecases.statement import (
    Filters,
    Statement,
    StatementLine,
    read_statement,
)


async def lines(
    economy: Economy, player: str, filters: Filters | None = None, limit: int = 7
) -> list[StatementLine]:
    """Read all pages."""
    found: list[StatementLine] = []
    after = None
    while True:
        page = await read_statement(
            economy.db, economy.schema, player, filters or Filters(), limit, after
        )
        assert isinstance(page, Statement)
        assert len(page.lines) <= limit
        found += page.lines
        if page.next is None:
            return found
        after = page.next


async def live(economy: Economy, steps: int = 40) -> str:
    """Give a player a history in all buckets, with reversed spends and refunds."""
    rng = random.Random(3)
    player = await economy.player()
    first = await economy.buy(player, 100, 999, bonus=30)
    for step in range(steps):
        match step % 5:
            case 0:
                await economy.buy(player, 20, 199, bonus=5)
            case 1:
                spend = await economy.spend(player, rng.randint(2, 10))
                ((start,),) = await economy.sql(
                    "SELECT debit_offset FROM ledger_transfer WHERE seq = $1", spend.seq
                )
                await economy.restore(player, spend, 1, start)
            case 2:
                await economy.grant(player, rng.randint(1, 9))
            case 3:
                await economy.spend(player, 1, "bonus")
            case 4:
                await economy.refund(player, first, 1, 9)
    return player


async def test_every_movement_is_listed_once_and_balances_follow(economy: Economy):
    player = await live(economy)
    found = await lines(economy, player)
    rows = await economy.sql(
        "SELECT seq, leg FROM ledger_transfer WHERE debit IN (SELECT id FROM ledger_account "
        "WHERE owner = $1) OR credit IN (SELECT id FROM ledger_account WHERE owner = $1)",
        player,
    )
    assert sorted((line.seq, line.leg) for line in found) == sorted(tuple(row) for row in rows)
    balances: dict[str, int] = {}
    total = 0
    for line in reversed(found):
        balances[line.bucket] = balances.get(line.bucket, 0) + line.amount
        total += line.amount
        assert (line.balance, line.total) == (balances[line.bucket], total)
    assert [line.seq for line in found] == sorted((line.seq for line in found), reverse=True)


async def test_pages_do_not_shift_when_rows_are_added(economy: Economy):
    player = await live(economy, 10)
    whole = await lines(economy, player)
    first = await read_statement(economy.db, economy.schema, player, Filters(), 4)
    assert isinstance(first, Statement)
    await economy.grant(player, 3)
    second = await read_statement(economy.db, economy.schema, player, Filters(), 4, first.next)
    assert isinstance(second, Statement)
    assert first.lines + second.lines == whole[:8]


async def test_filters_choose_and_keep_the_balances(economy: Economy):
    player = await live(economy)
    whole = await lines(economy, player)
    middle = whole[len(whole) // 2].at
    for filters, fits in (
        (Filters(kind="wallets.spent"), lambda line: line.kind == "wallets.spent"),
        (Filters(direction="in"), lambda line: line.amount > 0),
        (Filters(direction="out"), lambda line: line.amount < 0),
        (Filters(since=middle), lambda line: line.at >= middle),
        (Filters(until=middle), lambda line: line.at < middle),
        (Filters(since=middle, until=middle + timedelta(microseconds=1)),
         lambda line: line.at == middle),
        (Filters(currency=GEM), lambda line: True),
        (Filters(currency="OTHER"), lambda line: False),
    ):  # fmt: skip
        assert await lines(economy, player, filters) == [line for line in whole if fits(line)]


async def test_one_bucket_has_its_own_statement(economy: Economy):
    player = await live(economy)
    paid = [line for line in await lines(economy, player) if line.bucket == "paid"]
    alone = await lines(economy, player, Filters(bucket="paid"))
    assert [(line.seq, line.leg, line.balance) for line in alone] == [
        (line.seq, line.leg, line.balance) for line in paid
    ]
    assert {line.total for line in alone} == {None}


async def test_a_rare_kind_is_found_over_short_pages(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(paging, "BLOCK_ROWS", 3)
    monkeypatch.setattr(paging, "MAX_SCANNED", 6)
    player = await live(economy)
    whole = await lines(economy, player)
    assert await lines(economy, player, Filters(kind="wallets.granted")) == [
        line for line in whole if line.kind == "wallets.granted"
    ]
    first = await read_statement(economy.db, economy.schema, player, Filters(kind="none.such"), 10)
    assert isinstance(first, Statement)
    assert first.lines == []
    assert first.next is not None


async def test_a_stranger_has_no_statement(economy: Economy):
    found = await read_statement(economy.db, economy.schema, new_id("player"), Filters(), 5)
    assert isinstance(found, Refusal)
