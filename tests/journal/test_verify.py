"""`verify` passes over an honest journal and names the first row that anybody touched."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.economy import Economy, Move, open_economy

from guildbank.journal import Damage, Receipt, verify_journal
from guildbank.journal.usecases import verify
from guildbank.ledger import CHAINED_TRANSFERS

LOGS = (CHAINED_TRANSFERS,)


CHAINED = ("journal_entry", "journal_batch", "journal_key", "ledger_transfer")


@pytest.fixture(scope="module")
async def house(cluster_url: str) -> AsyncIterator[Economy]:
    """Fifteen entries, with keys, and several transfers to some entries; and a spare copy."""
    async with open_economy(cluster_url) as economy:
        player = await economy.player()
        first = await economy.buy(player, 500, 499, bonus=50)  # 1
        await economy.grant(player, 20)  # 2
        spend = await economy.spend(player, 120)  # 3
        acts = [Move("test.noted", {"number": n}, (), f"key-{n}") for n in range(6)]
        assert all(
            isinstance(one, Receipt)
            for one in await economy.journal.submit_all(economy.schema, acts)  # 4 to 9
        )
        await economy.restore(player, spend, 20, 0)  # 10
        await economy.refund(player, first, 100, 99)  # 11, 12
        last = [Move("test.noted", {"number": n}, (), f"last-{n}") for n in range(3)]
        await economy.journal.submit_all(economy.schema, last)  # 13 to 15
        for table in CHAINED:
            await economy.sql(f"CREATE TABLE spare_{table} AS TABLE {table}")
        yield economy


@pytest.fixture
async def lived_in(house: Economy) -> AsyncIterator[Economy]:
    """The journal as it was written; what a test damages is put right after it."""
    yield house
    for table in CHAINED:
        await house.sql(f"DELETE FROM {table}")
        await house.sql(f"INSERT INTO {table} SELECT * FROM spare_{table}")


async def damage(economy: Economy) -> Damage | None:
    return (await verify_journal(economy.db, economy.schema, LOGS)).damage


async def test_an_honest_journal_passes_and_the_walk_is_told_of(lived_in: Economy):
    told: list[tuple[int, int]] = []
    found = await verify_journal(
        lived_in.db, lived_in.schema, LOGS, lambda at, last: told.append((at, last))
    )
    assert found.damage is None
    assert (found.seq, found.batches) == (15, 8)
    ((transfers,),) = await lived_in.sql("SELECT count(*) FROM ledger_transfer")
    assert found.rows == 15 + transfers
    assert told[-1] == (15, 15)


async def test_an_empty_journal_passes(economy: Economy):
    assert await damage(economy) is None


async def test_pages_join_without_a_seam(lived_in: Economy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verify, "PAGE_SEQS", 1)
    monkeypatch.setattr(verify, "PAGE_KEYS", 2)
    found = await verify_journal(lived_in.db, lived_in.schema, LOGS)
    assert found.damage is None
    assert found.seq == 15


async def test_a_journal_that_grows_meanwhile_passes(economy: Economy):
    player = await economy.player()

    async def write() -> None:
        for _ in range(30):
            await economy.grant(player, 1)

    async def read() -> None:
        for _ in range(5):
            assert await damage(economy) is None

    await asyncio.gather(write(), read())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seq", "seq + 1000"),
        ("kind", "'test.other'"),
        ("kind", "repeat('x', 70000)"),
        ("principal", "'app_other'"),
        ("key_hash", "'\\x00112233445566778899aabbccddeeff'"),
        ("key_hash", "NULL"),
        ("fingerprint", "NULL"),
        ("data", "'{\"number\":7}'"),
    ],
)
async def test_a_changed_entry_is_named(lived_in: Economy, column: str, value: str):
    await lived_in.sql(f"UPDATE journal_entry SET {column} = {value} WHERE seq = 6")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_entry", 6), found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("leg", "leg + 7"),
        ("debit", "debit + 1"),
        ("credit", "credit + 100"),
        ("amount", "amount + 1"),
        ("debit_offset", "debit_offset + 1"),
        ("debit_offset", "NULL"),
        ("lot_offset", "3"),
        ("credit_offset", "credit_offset + 1"),
        ("debit_after", "debit_after + 1"),
        ("credit_after", "credit_after - 1"),
        ("source_seq", "1"),
        ("source_leg", "0"),
        ("source_start", "0"),
    ],
)
async def test_a_changed_transfer_is_named(lived_in: Economy, column: str, value: str):
    await lived_in.sql(f"UPDATE ledger_transfer SET {column} = {value} WHERE seq = 1 AND leg = 2")
    found = await damage(lived_in)
    assert found is not None
    leg = 9 if column == "leg" else 2
    assert (found.table, found.seq, found.leg) == ("ledger_transfer", 1, leg), found


async def test_a_transfer_moved_to_another_entry_is_missed_where_it_was(lived_in: Economy):
    await lived_in.sql("UPDATE ledger_transfer SET seq = 6 WHERE seq = 1 AND leg = 1")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq, found.leg) == ("ledger_transfer", 1, 1), found
    assert "missing" in found.what


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("first_seq", "first_seq - 1"),
        ("first_seq", "first_seq + 1"),
        ("epoch", "epoch + 1"),
        ("written_at", "written_at + INTERVAL '1 microsecond'"),
        ("format", "2"),
        ("hash", "decode(repeat('00', 32), 'hex')"),
        ("hash", "'\\x00'"),
        ("digests", "digests || digests"),
        ("digests", "set_byte(digests, 0, (get_byte(digests, 0) + 1) % 256)"),
    ],
)
@pytest.mark.parametrize("last", [9, 12, 15])
async def test_a_changed_batch_is_named(lived_in: Economy, column: str, value: str, last: int):
    await lived_in.sql(f"UPDATE journal_batch SET {column} = {value} WHERE last_seq = {last}")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_batch", last), found


@pytest.mark.parametrize(("last", "now"), [(9, 8), (12, 13), (15, 14), (15, 16)])
async def test_a_batch_of_another_length_is_named(lived_in: Economy, last: int, now: int):
    await lived_in.sql(f"UPDATE journal_batch SET last_seq = {now} WHERE last_seq = {last}")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_batch", now), found


async def test_a_changed_first_batch_is_named(lived_in: Economy):
    await lived_in.sql("UPDATE journal_batch SET hash = sha256('x') WHERE last_seq = 0")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_batch", 0)


@pytest.mark.parametrize("seq", [1, 4, 6, 9, 12, 15])
async def test_a_deleted_entry_is_named(lived_in: Economy, seq: int):
    await lived_in.sql(f"DELETE FROM journal_entry WHERE seq = {seq}")
    found = await damage(lived_in)
    assert found == Damage("journal_entry", seq, None, "it is missing")


@pytest.mark.parametrize(("seq", "leg"), [(1, 0), (1, 1), (1, 2), (3, 0), (11, 0), (12, 0)])
async def test_a_deleted_transfer_is_named(lived_in: Economy, seq: int, leg: int):
    await lived_in.sql(f"DELETE FROM ledger_transfer WHERE seq = {seq} AND leg = {leg}")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq, found.leg) == ("ledger_transfer", seq, leg), found


async def test_a_deleted_batch_is_missed(lived_in: Economy):
    await lived_in.sql("DELETE FROM journal_batch WHERE last_seq = 9")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_batch", 10)
    await lived_in.sql("DELETE FROM journal_batch WHERE last_seq >= 9")
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_entry", 4)
    assert "its batch is missing" in found.what


@pytest.mark.parametrize(("seq", "leg"), [(1, 3), (6, 0), (12, 5), (400, 0)])
async def test_an_added_transfer_is_named(lived_in: Economy, seq: int, leg: int):
    await lived_in.sql(
        "INSERT INTO ledger_transfer (seq, leg, debit, credit, amount, debit_offset, "
        "credit_offset, debit_after, credit_after) "
        f"VALUES ({seq}, {leg}, 2, 1, 5, 90000, 90000, 0, 0)"
    )
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq, found.leg) == ("ledger_transfer", seq, leg), found
    assert "added" in found.what


async def test_two_rows_that_changed_places_are_named(lived_in: Economy):
    await lived_in.sql(
        "UPDATE journal_entry AS one SET data = other.data FROM journal_entry AS other "
        "WHERE one.seq IN (5, 8) AND other.seq IN (5, 8) AND one.seq <> other.seq"
    )
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_entry", 5)
    assert "changed" in found.what


async def test_the_first_of_several_damages_is_named(lived_in: Economy):
    await lived_in.sql("UPDATE journal_entry SET kind = 'x' WHERE seq IN (2, 6, 11)")
    found = await damage(lived_in)
    assert found is not None
    assert found.seq == 2


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("DELETE FROM journal_key WHERE seq = 6", 6),
        ("UPDATE journal_key SET seq = 7 WHERE seq = 6", 7),
        ("UPDATE journal_key SET hash = sha256(hash) WHERE seq = 6", 6),
        ("INSERT INTO journal_key VALUES (sha256('added'), 8)", 8),
        ("INSERT INTO journal_key VALUES (sha256('added'), 4000)", 4000),
    ],
)
async def test_a_key_that_fits_no_entry_is_named(lived_in: Economy, statement: str, seq: int):
    await lived_in.sql(statement)
    found = await damage(lived_in)
    assert found is not None
    assert (found.table, found.seq) == ("journal_key", seq), found
