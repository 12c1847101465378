"""Makes a deployment anew from a backup, verifies it, and lets every tenant of it wait."""

import asyncio
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from guildbank.app.backups import DATABASE, FILES, KEPT_FILES, KEY, Watching
from guildbank.app.places import cluster_of, master_key_path
from guildbank.app.prove import prove
from guildbank.app.schema import bring_forward, newest_revision
from guildbank.app.verify import Verdict, verify
from guildbank.app.wiring import open_services
from guildbank.infra.backups import (
    BackupError,
    Dumping,
    Manifest,
    Opener,
    check_parts,
    load_database,
    open_part,
    read_manifest,
    unpack_files,
)
from guildbank.infra.backups.dump import SCHEMAS
from guildbank.infra.config import Settings
from guildbank.infra.crypto import KeyUnusable, MasterKey
from guildbank.infra.postgres.binaries import wheel_binaries
from guildbank.infra.private_files import sync_folder, write_private
from guildbank.ledger.usecases.prove import Proof
from guildbank.tenancy import mark_restored

_MAX_KEY = 1_000


class Restored(NamedTuple):
    """What came of it: the verdict on every journal, and the proof of every tenant's books."""

    data: Path
    manifest: Manifest
    journals: list[Verdict]
    proofs: list[tuple[str, Proof]]

    @property
    def sound(self) -> bool:
        """Whether all is as it was written, and adds up."""
        return all(one.sound for one in self.journals) and all(one.ok for _, one in self.proofs)


def restore(settings: Settings, backup: Path, opener: Opener, watching: Watching) -> Restored:
    """Restore a backup into a data folder that is empty or not there.

    With a database of the owner's (GUILDBANK_DATABASE_URL) that one must be empty too. All tenants
    are suspended then. Raises BackupError, ClusterError, KeyUnusable and MigrationFailed; the data
    folder is as it was then.
    """
    manifest = read_manifest(backup)
    _require_older(manifest)
    if opener.recipient != manifest.recipient:
        raise BackupError(
            f"The backup is sealed to {manifest.recipient}, and this recovery key is of "
            f"{opener.recipient}. Nothing was changed."
        )
    watching.stage("check", manifest.bytes)
    check_parts(backup, manifest, watching.step)
    data = settings.data.absolute()
    with _draft_of(data) as draft:
        within = settings.model_copy(update={"data": draft, "demo": False})
        _bring_files(within, backup, opener, watching)
        journals, proofs = _bring_database(within, backup, opener, manifest, watching)
        # What is verified is on the disk before it has its name.
        os.sync()
        draft.rename(data)
        sync_folder(data.parent)
    return Restored(data, manifest, journals, proofs)


def _require_older(manifest: Manifest) -> None:
    if manifest.revision > newest_revision():
        raise BackupError(
            f"The backup's database is at {manifest.revision}, newer than this program's "
            f"{newest_revision()}. Restore it with Guildbank {manifest.guildbank} or a newer one."
        )


@contextmanager
def _draft_of(data: Path) -> Iterator[Path]:
    """Lend a folder beside the data folder, which takes its name if all goes well."""
    draft = data.with_name(f".{data.name}.restoring")
    try:
        if data.exists() and any(data.iterdir()):
            raise BackupError(
                f"{data} is not empty, so nothing is restored there. Choose another folder with "
                "--data, or move what is there away."
            )
        data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    except FileExistsError:
        raise BackupError(
            f"{draft} is there: another restore is at work, or was cut short. Remove the folder if "
            "nothing is at work in it."
        ) from None
    except OSError as error:
        raise BackupError(f"Nothing can be restored to {data}: {error}.") from error
    try:
        yield draft
    except OSError as error:
        raise BackupError(f"The backup could not be restored: {error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _bring_files(settings: Settings, backup: Path, opener: Opener, watching: Watching) -> None:
    watching.stage("files", None)
    opened = io.BytesIO()
    with open_part(backup, KEY) as part:
        opener.open(part, opened, KEY)
    text = opened.getvalue()[:_MAX_KEY].decode("ascii", errors="replace").strip()
    key = MasterKey.from_text(text)
    given = settings.master_key
    if given is None:
        write_private(master_key_path(settings), text + "\n")
    elif MasterKey.from_text(given.get_secret_value()).bytes() != key.bytes():
        raise KeyUnusable(
            "GUILDBANK_MASTER_KEY is not the master key of this backup, under which its secrets "
            "are sealed. Leave it unset to restore: the key is in `master.key` of the data then."
        )
    with open_part(backup, FILES) as part:
        unpack_files(settings.data, KEPT_FILES, lambda sink: opener.open(part, sink, FILES))


def _bring_database(
    settings: Settings, backup: Path, opener: Opener, manifest: Manifest, watching: Watching
) -> tuple[list[Verdict], list[tuple[str, Proof]]]:
    with _database_for(settings) as url:
        asyncio.run(_require_empty(url))
        watching.stage("database", None)
        where = Dumping(url, wheel_binaries())
        with open_part(backup, DATABASE) as part:
            load_database(
                where,
                lambda sink: opener.open(part, sink, DATABASE),
                whole=settings.database_url is not None,
            )
        bring_forward(url)
        told = {"madeAt": manifest.made_at.isoformat(), "guildbank": manifest.guildbank}
        asyncio.run(_mark(settings, told))
        watching.stage("verify", None)
        return verify(settings, None, lambda _slug, _seq, _last: None), prove(settings, None)


@contextmanager
def _database_for(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with cluster_of(settings) as cluster:
        yield cluster.url()


async def _require_empty(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise BackupError(f"The database does not answer: {error}.") from error
    try:
        ours = [one.replace("_", "\\_").replace("*", "%") for one in SCHEMAS]
        found = await connection.fetchval(
            "SELECT min(nspname) FROM pg_namespace WHERE nspname LIKE ANY ($1::text[])", ours
        )
    finally:
        await connection.close()
    if found is not None:
        raise BackupError(
            f"The database of GUILDBANK_DATABASE_URL is not empty: it has the schema {found}. "
            "Nothing was changed. Make a new database for the restore."
        )


async def _mark(settings: Settings, told: Mapping[str, object]) -> None:
    services = open_services(settings, application="guildbank restore")
    try:
        await mark_restored(services.tenancy, await services.tenants(), told)
    finally:
        await services.close()
