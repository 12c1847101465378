"""A signed checkpoint outside the database shows what a rewritten chain hides."""

# ruff: noqa: ASYNC240 - nothing else runs in this loop while a test reads its small file

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.economy import Economy

from guildbank.infra.crypto import MasterKey, SigningKey, Vault, verify_signature
from guildbank.journal import (
    check_checkpoints,
    checkpoint_key,
    export_checkpoints,
    sign_checkpoint,
    verify_journal,
)
from guildbank.journal.chain import checkpoint_message
from guildbank.kernel import FixedClock
from guildbank.ledger import CHAINED_TRANSFERS

CLOCK = FixedClock(datetime(2026, 11, 1, tzinfo=UTC))
KEY = checkpoint_key(Vault(MasterKey(bytes(32))), "ten_1")


@pytest.fixture
async def kept(economy: Economy, tmp_path: Path) -> Path:
    """A journal of four entries with checkpoints at 2 and 4, and their file."""
    path = tmp_path / "checkpoints" / "demo.ndjson"
    player = await economy.player()
    for _ in range(2):
        await economy.grant(player, 10)
        await economy.grant(player, 10)
        made = await sign_checkpoint(economy.db, economy.schema, "demo", KEY, CLOCK)
        assert made is not None
        assert await export_checkpoints(economy.db, economy.schema, "demo", path) == 1
    return path


async def problem(economy: Economy, path: Path, *trusted: str) -> str | None:
    keys = trusted or (KEY.public_key,)
    checked = await check_checkpoints(economy.db, economy.schema, "demo", path, keys)
    return checked.problem


async def test_a_checkpoint_is_signed_once_for_each_place(economy: Economy, kept: Path):
    assert await sign_checkpoint(economy.db, economy.schema, "demo", KEY, CLOCK) is None
    checked = await check_checkpoints(economy.db, economy.schema, "demo", kept, [KEY.public_key])
    assert (checked.checkpoints, checked.problem) == (2, None)
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_anybody_can_check_a_signature_with_the_public_key(economy: Economy):
    await economy.grant(await economy.player(), 10)
    made = await sign_checkpoint(economy.db, economy.schema, "demo", KEY, CLOCK)
    assert made is not None
    message = checkpoint_message("demo", made.seq, made.hash, made.signed_at)
    assert verify_signature(made.public_key, message, made.signature)
    other = checkpoint_message("other", made.seq, made.hash, made.signed_at)
    assert not verify_signature(made.public_key, other, made.signature)


async def test_a_journal_that_was_cut_short_is_found_only_by_the_file(economy: Economy, kept: Path):
    for table, column in (
        ("journal_entry", "seq"),
        ("journal_key", "seq"),
        ("journal_batch", "last_seq"),
        ("ledger_transfer", "seq"),
    ):
        await economy.sql(f"DELETE FROM {table} WHERE {column} > 3")
    assert (await verify_journal(economy.db, economy.schema, (CHAINED_TRANSFERS,))).damage is None
    found = await problem(economy, kept)
    assert found == "the journal was cut: it ends at seq 3, but seq 4 was signed"


async def test_a_journal_that_was_written_anew_is_found(economy: Economy, kept: Path):
    await economy.sql("UPDATE journal_batch SET hash = sha256(hash) WHERE last_seq = 2")
    assert "written anew: at seq 2" in str(await problem(economy, kept))


async def test_a_file_of_another_key_tenant_or_hand_is_refused(economy: Economy, kept: Path):
    lines = kept.read_text().splitlines(keepends=True)
    stranger = SigningKey.generate().public_key
    assert "a key that is not this deployment's" in str(await problem(economy, kept, stranger))
    kept.write_text(lines[0] + lines[1].replace('"seq":4', '"seq":3'))
    assert await problem(economy, kept) == "line 2: it is forged"
    kept.write_text(lines[1] + lines[0])
    assert await problem(economy, kept) == "line 2: it is out of order"
    kept.write_text(lines[0].replace("demo", "else"))
    assert await problem(economy, kept) == "line 1: it belongs to tenant 'else'"
    kept.write_text("{}\n")
    assert await problem(economy, kept) == "line 1: this is no checkpoint"


async def test_a_crash_in_mid_line_costs_no_checkpoint(economy: Economy, kept: Path):
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-40])
    assert await problem(economy, kept) is None
    assert await export_checkpoints(economy.db, economy.schema, "demo", kept) == 1
    assert kept.read_bytes() == whole


async def test_a_lost_file_is_written_again(economy: Economy, kept: Path):
    whole = kept.read_bytes()
    kept.unlink()
    assert await export_checkpoints(economy.db, economy.schema, "demo", kept) == 2
    assert kept.read_bytes() == whole
    assert await export_checkpoints(economy.db, economy.schema, "demo", kept) == 0
