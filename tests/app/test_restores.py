"""What is no good backup is refused with the reason, and leaves everything as it was."""

import asyncio
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from shutil import copytree

import asyncpg
import msgspec
import pytest
from pydantic import SecretStr

from guildbank.app.backups import DATABASE, FILES, make_backup, set_recipient
from guildbank.app.restores import Restored, restore
from guildbank.app.schema import bring_forward
from guildbank.app.wiring import open_services
from guildbank.infra.backups import (
    BackupError,
    Opener,
    Part,
    new_recovery_key,
    read_manifest,
    read_recipient,
    read_recovery_key,
)
from guildbank.infra.backups.folder import MANIFEST
from guildbank.infra.config import Settings
from guildbank.infra.crypto import KeyUnusable
from guildbank.infra.postgres import Cluster
from guildbank.kernel import Refusal
from guildbank.tenancy import create_tenant

SECRET, RECIPIENT = new_recovery_key()
KEY = Opener(SECRET)
_numbers = count(1)


class Unwatched:
    """Nobody looks on."""

    def stage(self, name: str, total: int | None) -> None:
        """Draw nothing."""

    def step(self, steps: int = 1) -> None:
        """Draw nothing."""

    def moved(self, size: int) -> None:
        """Draw nothing."""


async def add_tenant(settings: Settings) -> None:
    services = open_services(settings)
    try:
        made = await create_tenant(services.tenancy, "moonlit", "Moonlit")
        assert not isinstance(made, Refusal), made
    finally:
        await services.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def source(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployment with a tenant, and a checkpoint in its data folder."""
    url = cluster.create_database("test_restores")
    bring_forward(url)
    data = tmp_path_factory.mktemp("source")
    (data / "checkpoints").mkdir()
    settings = Settings(data=data, database_url=SecretStr(url))
    asyncio.run(add_tenant(settings))
    asyncio.run(set_recipient(settings, RECIPIENT.text))
    return settings


@pytest.fixture(scope="module")
def good(source: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good backup."""
    made = asyncio.run(make_backup(source, tmp_path_factory.mktemp("backups"), Unwatched()))
    return made.folder


@pytest.fixture
def backup(good: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return copytree(good, tmp_path / good.name)


@pytest.fixture
def empty(cluster: Cluster, tmp_path: Path) -> Iterator[Settings]:
    """An empty database, and a data folder that is not there yet; with nothing beside it after."""
    url = cluster.create_database(f"test_restores_{next(_numbers)}")
    yield Settings(data=tmp_path / "place" / "data", database_url=SecretStr(url))
    place = tmp_path / "place"
    assert not place.exists() or [one.name for one in place.iterdir()] in ([], ["data"])


def bring_back(settings: Settings, backup: Path, key: Opener = KEY) -> Restored:
    return restore(settings, backup, key, Unwatched())


def refused(settings: Settings, backup: Path, key: Opener = KEY) -> str:
    """Return why it is refused; nothing may be made."""
    with pytest.raises(BackupError) as wrong:
        bring_back(settings, backup, key)
    assert not settings.data.exists()
    return str(wrong.value)


def forge(backup: Path, name: str, content: bytes) -> None:
    """Put a part in place of another, and say so in the list, as whoever may write there can."""
    (backup / name).write_bytes(content)
    manifest = read_manifest(backup)
    part = Part(name, len(content), hashlib.sha256(content).hexdigest())
    parts = tuple(part if one.name == name else one for one in manifest.parts)
    kept = msgspec.structs.replace(manifest, parts=parts)
    (backup / MANIFEST).write_bytes(msgspec.json.encode(kept))


def sealed(content: bytes) -> bytes:
    """Seal to the recovery key, as anybody can who reads its public half in the list."""
    sink = io.BytesIO()
    RECIPIENT.seal(io.BytesIO(content), sink)
    return sink.getvalue()


def archive_of(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    return packed.getvalue()


def test_a_good_backup_is_restored_into_an_empty_database_and_every_tenant_waits(
    empty: Settings, backup: Path
):
    restored = bring_back(empty, backup)
    assert restored.sound
    assert [one.slug for one in restored.journals] == ["deployment", "moonlit"]
    assert sorted(one.name for one in empty.data.iterdir()) == [
        "checkpoints", "master.key", "recovery-recipient",
    ]  # fmt: skip
    services = open_services(empty)

    async def states() -> list[str]:
        try:
            return [one.state for one in await services.tenants()]
        finally:
            await services.close()

    assert asyncio.run(states()) == ["suspended"]


def test_a_database_that_is_not_empty_is_left_alone(source: Settings, backup: Path, tmp_path: Path):
    settings = source.model_copy(update={"data": tmp_path / "new"})
    assert "is not empty" in refused(settings, backup)


def test_a_data_folder_that_is_not_empty_is_left_alone(empty: Settings, backup: Path):
    empty.data.mkdir(parents=True)
    (empty.data / "mine.txt").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        bring_back(empty, backup)
    assert [one.name for one in empty.data.iterdir()] == ["mine.txt"]


def test_another_key_opens_nothing(empty: Settings, backup: Path):
    other, _ = new_recovery_key()
    assert "is sealed to age1" in refused(empty, backup, Opener(other))


def cut_short(backup: Path) -> None:
    with (backup / DATABASE).open("r+b") as file:
        file.truncate(1_000)


def rot(backup: Path) -> None:
    content = bytearray((backup / FILES).read_bytes())
    content[-20] ^= 1
    (backup / FILES).write_bytes(content)


def lose_a_part(backup: Path) -> None:
    (backup / DATABASE).unlink()


def lose_the_list(backup: Path) -> None:
    (backup / MANIFEST).unlink()


def spoil_the_list(backup: Path) -> None:
    (backup / MANIFEST).write_bytes(b"{")


def change(**told: object) -> Callable[[Path], None]:
    def work(backup: Path) -> None:
        kept = msgspec.json.decode((backup / MANIFEST).read_bytes())
        (backup / MANIFEST).write_bytes(msgspec.json.encode({**kept, **told}))

    return work


def cut_and_list(backup: Path) -> None:
    forge(backup, DATABASE, (backup / DATABASE).read_bytes()[:-1_000])


def change_and_list(backup: Path) -> None:
    content = bytearray((backup / DATABASE).read_bytes())
    content[len(content) // 2] ^= 1
    forge(backup, DATABASE, bytes(content))


def lead_out(backup: Path) -> None:
    forge(backup, FILES, sealed(archive_of("checkpoints/../../../evil")))


def bring_keys(backup: Path) -> None:
    forge(backup, FILES, sealed(archive_of("credentials.json")))


def bring_no_dump(backup: Path) -> None:
    forge(backup, DATABASE, sealed(b"this is no dump of a database" * 100))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (cut_short, "it was cut short"),
        (rot, "is not as it was written"),
        (lose_a_part, "cannot be read"),
        (lose_the_list, "is no backup"),
        (spoil_the_list, "cannot be read"),
        (change(format=2), "is of format 2"),
        (change(revision="9999_later"), "newer than this program's"),
        (change(surprise=1), "cannot be read"),
        (cut_and_list, "cannot be opened to its end"),
        (change_and_list, "cannot be opened to its end"),
        (lead_out, "cannot be unpacked"),
        (bring_keys, "none of our files"),
        (bring_no_dump, "could not be loaded"),
    ],
)
def test_what_is_no_good_backup_is_refused(
    empty: Settings, backup: Path, spoil: Callable[[Path], None], why: str
):
    spoil(backup)
    assert why in refused(empty, backup)
    assert not (backup.parent / "evil").exists()
    # The database is as empty as before: the same restore, with the good backup, goes through.


def test_a_damaged_journal_is_restored_and_said_to_be_so(
    cluster: Cluster, empty: Settings, source: Settings, tmp_path: Path
):
    url = cluster.create_database("test_restores_damaged")
    damaged = source.model_copy(update={"database_url": SecretStr(url)})
    bring_forward(url)
    asyncio.run(add_tenant(damaged))
    statement = "UPDATE guildbank.journal_entry SET principal = 'nobody' WHERE seq = 1"
    asyncio.run(execute(url, statement))
    made = asyncio.run(make_backup(damaged, tmp_path / "backups", Unwatched()))
    restored = bring_back(empty, made.folder)
    assert not restored.sound
    assert restored.journals[0].journal.damage is not None


def test_a_master_key_that_is_not_the_backups_is_refused(empty: Settings, backup: Path):
    other = empty.model_copy(update={"master_key": SecretStr("A" * 43 + "=")})
    with pytest.raises(KeyUnusable, match="is not the master key of this backup"):
        bring_back(other, backup)
    assert not empty.data.exists()


NO_KEYS = {
    "nothing": "",
    "a word": "hello",
    "one that is short of a letter": SECRET[:-1],
    "one with a letter too many": SECRET.lower() + "x",
    "its public half": RECIPIENT.text,
    "two": f"{SECRET}\n{SECRET}",
}
NO_RECIPIENTS = {
    "nothing": "",
    "a beginning": "age1",
    "one that is short of a letter": RECIPIENT.text[:-1],
    "the secret half": SECRET,
}


@pytest.mark.parametrize("what", NO_KEYS)
def test_what_is_no_recovery_key_is_refused(what: str):
    with pytest.raises(BackupError, match="A recovery key is one line") as wrong:
        read_recovery_key(NO_KEYS[what])
    assert SECRET not in str(wrong.value)


@pytest.mark.parametrize("what", NO_RECIPIENTS)
def test_what_is_no_recipient_is_refused(what: str):
    with pytest.raises(BackupError, match="A recipient is the public half") as wrong:
        read_recipient(NO_RECIPIENTS[what])
    assert SECRET not in str(wrong.value)


def command(settings: Settings, *arguments: str) -> "subprocess.Popen[str]":
    assert settings.database_url is not None
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUILDBANK_")}
    places = {
        "GUILDBANK_DATABASE_URL": settings.database_url.get_secret_value(),
        "GUILDBANK_DATA": str(settings.data),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "guildbank.app.cli", *arguments],
        env={**kept, **places}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_backup_that_finds_the_disk_full_says_so_and_takes_its_files_away(
    source: Settings, tmp_path: Path
):
    with command(source, "backup", "--to", str(tmp_path / "backups")) as running:
        # No file of it may have as many bytes as a dump has.
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "could not be written" in " ".join(said.split())
    assert "File too large" in said
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_backup_that_is_killed_leaves_none_that_looks_whole(source: Settings, tmp_path: Path):
    backups = tmp_path / "backups"
    with command(source, "backup", "--to", str(backups)) as running:
        deadline = time.monotonic() + 60
        while not list(backups.glob(".*.unfinished/*")) and time.monotonic() < deadline:
            time.sleep(0.001)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=60)
    (left,) = backups.iterdir()
    assert left.name.endswith(".unfinished")
    with pytest.raises(BackupError, match="is no backup"):
        read_manifest(left)
    # A backup's name is its second, and that of what was left is taken.
    time.sleep(1)
    made = asyncio.run(make_backup(source, backups, Unwatched()))
    assert read_manifest(made.folder).parts
