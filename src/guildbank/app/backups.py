"""Makes backups of the whole deployment while it runs, for whoever holds the host."""

import asyncio
import base64
import io
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

from guildbank.app.places import database_url, recipient_path
from guildbank.app.schema import is_current, newest_revision
from guildbank.app.wiring import Services, master_key_of, open_services
from guildbank.infra.acting import HOST
from guildbank.infra.backups import (
    BackupError,
    Draft,
    Dumping,
    Manifest,
    Recipient,
    dump_database,
    new_recovery_key,
    pack_files,
    read_recipient,
)
from guildbank.infra.backups.contracts import FORMAT, Sink
from guildbank.infra.config import Settings
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.postgres.binaries import wheel_binaries
from guildbank.infra.private_files import write_private
from guildbank.journal import Sought, search_audit
from guildbank.tenancy.contracts import BACKED_UP, RECIPIENT_SET

KEY, FILES, DATABASE = "master.key.age", "files.tar.age", "database.dump.age"
KEPT_FILES = ("checkpoints", "archives", "plugins", "recovery-recipient")
"""What of the data folder is in a backup beside the master key.

Not `credentials.json`, nor the passwords of the database: both are made anew.
"""
COUNT_TABLES = """
SELECT count(*)
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r'
  AND (nspname = 'guildbank' OR nspname LIKE 't\\_%')
"""


class Watching(Protocol):
    """Who looks on while something long is at work."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of so many steps, or of nobody knows how many."""
        ...

    def step(self, steps: int = 1) -> None:
        """Note so many steps more of the stage."""
        ...

    def moved(self, size: int) -> None:
        """Note so many bytes more."""
        ...


class Made(NamedTuple):
    """A backup that is whole."""

    folder: Path
    manifest: Manifest


async def set_recipient(settings: Settings, recipient: str | None) -> tuple[str | None, Recipient]:
    """Keep to which recovery key backups are sealed; without a recipient make one.

    Returns the new recovery key, which is kept nowhere, or None. Raises BackupError, and what
    opening the services raises.
    """
    secret, chosen = new_recovery_key() if recipient is None else (None, read_recipient(recipient))
    services = open_services(settings, application="guildbank cli")
    try:
        await _record(services, RECIPIENT_SET, {"recipient": chosen.text})
    finally:
        await services.close()
    write_private(recipient_path(settings), chosen.text + "\n")
    return secret, chosen


def recipient_of(settings: Settings) -> Recipient:
    """Return to whom backups are sealed; raises BackupError if nobody was named."""
    path = recipient_path(settings)
    try:
        return read_recipient(path.read_text())
    except FileNotFoundError:
        raise BackupError(
            "Backups are sealed to a recovery key, and there is none yet. Make one with "
            "`guildbank recovery-key`, which shows it once, and keep it where the backups are not."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{path} cannot be read: {error}.") from None


async def make_backup(settings: Settings, to: Path, watching: Watching) -> Made:
    """Write a backup below the folder; the deployment may serve meanwhile.

    It is of the moment when its database is begun to be read. Raises BackupError, and what opening
    the services raises; nothing is left of it then.
    """
    recipient = recipient_of(settings)
    if not await is_current(database_url(settings)):
        raise BackupError(
            "The database has another version than this program. Run `guildbank migrate` first."
        )
    services = open_services(settings, application="guildbank backup")
    try:
        now = services.clock.now()
        manifest = Manifest(
            format=FORMAT,
            made_at=now,
            guildbank=version("guildbank"),
            revision=newest_revision(),
            recipient=recipient.text,
            parts=(),
        )
        async with services.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            tables = int(await tx.driver.fetchval(COUNT_TABLES))
        folder = to / f"guildbank-{now:%Y%m%dT%H%M%SZ}"
        whole = await asyncio.to_thread(_write, settings, folder, manifest, tables, watching)
        facts = {
            "backup": folder.name,
            "bytes": whole.bytes,
            "recipient": recipient.text,
            "parts": [f"{part.name} sha256:{part.sha256}" for part in whole.parts],
        }
        await _record(services, BACKED_UP, facts)
        return Made(folder, whole)
    finally:
        await services.close()


def read_last_backup(settings: Settings) -> datetime | None:
    """Return when the last backup was made, None if none ever was."""
    return asyncio.run(_last_backup(settings))


async def _last_backup(settings: Settings) -> datetime | None:
    services = open_services(settings, application="guildbank cli")
    try:
        async with services.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            found = await search_audit(tx, Sought(kind=BACKED_UP), limit=1)
    finally:
        await services.close()
    return found[0].entry.at if found else None


def _write(
    settings: Settings, folder: Path, manifest: Manifest, tables: int, watching: Watching
) -> Manifest:
    """Write all parts. The files come first: signed checkpoints must not be ahead of the rows."""
    recipient = read_recipient(manifest.recipient)
    key = base64.b64encode(master_key_of(settings).bytes()) + b"\n"
    where = Dumping(database_url(settings), wheel_binaries())
    data = settings.data.absolute()

    def write_key(sink: Sink) -> None:
        recipient.seal(io.BytesIO(key), sink)

    def write_files(sink: Sink) -> None:
        pack_files(data, KEPT_FILES, lambda source: recipient.seal(source, sink))

    def write_database(sink: Sink) -> None:
        dump_database(where, lambda source: recipient.seal(source, sink), watching.step)

    with Draft(folder) as draft:
        watching.stage("files", None)
        draft.add(KEY, write_key, watching.moved)
        draft.add(FILES, write_files, watching.moved)
        watching.stage("database", tables)
        draft.add(DATABASE, write_database, watching.moved)
        return draft.finish(manifest)


async def _record(services: Services, kind: str, facts: Mapping[str, object]) -> None:
    recorder = await services.identity.recorder(None)
    async with services.db.begin(CONTROL_SCHEMA) as tx:
        await recorder.record(tx, HOST, kind, facts)
