"""A tenant is deleted with its slug typed, after an archive of it is safe on the disk."""

import dataclasses
import json
import resource
import stat
import zipfile
from pathlib import Path

import msgspec
import pytest
from tests.house import House

from guildbank.identity import Authenticator, add_player
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import create_tenant, delete_tenant, get_tenant


async def test_without_the_slug_typed_nothing_is_deleted(house: House) -> None:
    ref = await house.tenant("careful")
    refused = await delete_tenant(house.tenancy, "careful", "carefull")
    assert isinstance(refused, Refusal)
    assert refused.code == "confirmation_mismatch"
    assert not isinstance(await add_player(house.identity, ref, "app_1", "p"), Refusal)


async def test_a_deleted_tenant_leaves_an_archive_and_nothing_else(house: House) -> None:
    ref = await house.tenant("goner")
    token = await house.key(ref, "players:read")
    for number in range(3):
        await add_player(house.identity, ref, "app_1", f'père, "{number}"')
    async with house.db.begin(ref.schema) as tx:
        head = await tx.driver.fetchrow(
            "SELECT last_seq, hash FROM journal_batch ORDER BY last_seq DESC LIMIT 1"
        )
    gone = await delete_tenant(house.tenancy, "goner", "goner", "app_boss")
    assert not isinstance(gone, Refusal)

    assert stat.S_IMODE(gone.archive.stat().st_mode) == 0o600
    assert stat.S_IMODE(gone.archive.parent.stat().st_mode) == 0o700
    with zipfile.ZipFile(gone.archive) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        players = archive.read("identity_player.csv").decode().splitlines()
        entries = archive.read("journal_entry.csv").decode().splitlines()
    assert manifest["rows"]["identity_player"] == 3
    # The first is of the key, the last says who ended it.
    assert manifest["rows"]["journal_entry"] == 5
    assert len(players) == 4
    assert "journal.suspended,app_boss" in entries[-1]
    assert manifest["journal"]["seq"] == head["last_seq"] + 1
    assert bytes.fromhex(manifest["journal"]["hash"]) != head["hash"]
    assert manifest["tenant"]["ref"]["slug"] == "goner"

    missing = await get_tenant(house.tenancy, "goner")
    assert isinstance(missing, Refusal)
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        assert await tx.driver.fetchval("SELECT to_regnamespace('t_goner')") is None
        assert await tx.driver.fetchval(
            "SELECT data_key IS NULL FROM tenancy_tenant WHERE slug = 'goner'"
        )
    caller = await Authenticator(house.identity)({"authorization": f"Bearer {token}"}, "/")
    assert isinstance(caller, Refusal)
    assert caller.code == "unauthorized"


async def test_a_deleted_slug_never_names_another_tenant(house: House) -> None:
    await house.tenant("unique")
    await delete_tenant(house.tenancy, "unique", "unique")
    refused = await create_tenant(house.tenancy, "unique", "x")
    assert isinstance(refused, Refusal)
    assert refused.code == "slug_taken"


@pytest.mark.parametrize("fault", ["no folder", "full disk"])
async def test_an_archive_that_cannot_be_written_deletes_nothing(
    house: House, tmp_path: Path, fault: str
) -> None:
    slug = f"stays-{fault.replace(' ', '-')}"
    ref = await house.tenant(slug)
    folder = tmp_path / "archives"
    if fault == "no folder":
        folder.write_text("a file is in the way")
    elsewhere = dataclasses.replace(house.tenancy, archives=folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if fault == "full disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(OSError, match=r"File exists|File too large"):
            await delete_tenant(elsewhere, slug, slug)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert fault == "no folder" or not list(folder.iterdir())
    assert not isinstance(await get_tenant(house.tenancy, slug), Refusal)
    # It was not even left suspended.
    assert not isinstance(await add_player(house.identity, ref, "app_1", "p"), Refusal)


async def test_the_archive_opens_what_was_sealed(house: House) -> None:
    ref = await house.tenant("sealed")
    key = await house.tenancy.tenants.data_key(ref.id)
    assert key is not None
    closed = key.seal(b"place", b"secret")
    gone = await delete_tenant(house.tenancy, "sealed", "sealed")
    assert not isinstance(gone, Refusal)
    with zipfile.ZipFile(gone.archive) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    wrapped = msgspec.convert(manifest["dataKey"], bytes)
    assert house.vault.data_key(wrapped, ref.id.encode()).open(b"place", closed) == b"secret"
