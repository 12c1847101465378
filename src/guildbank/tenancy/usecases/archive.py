"""Write all that a tenant is to one file: a CSV for each table, and a manifest that counts them."""

import asyncio
import base64
import os
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from guildbank.infra.database import Tx
from guildbank.infra.migrations import head as revision
from guildbank.tenancy import store
from guildbank.tenancy.contracts import JournalHead, Tenant

FORMAT = 1
_PATIENCE_SECONDS = 24 * 3600


class ArchiveBroken(Exception):
    """The archive does not hold what was copied into it; nothing is deleted."""


async def write_archive(
    tx: Tx, folder: Path, tenant: Tenant, data_key: bytes, head: JournalHead, now: datetime
) -> Path:
    """Copy every table of the transaction's schema to a zip of mode 0600, synced to the disk.

    The manifest has the rows of each table, the journal's head, and the tenant's data key as the
    master key wrapped it, without which sealed payloads stay closed. Raises OSError or
    ArchiveBroken, and then leaves no file.
    """
    names = await store.tables_of(tx, tenant.ref.schema)
    # Writers outside the journal wait until the schema is gone; so the copies are of one moment.
    quoted = ", ".join(f'"{name}"' for name in names)
    await tx.driver.execute(f"LOCK TABLE {quoted} IN SHARE MODE")
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{tenant.ref.slug}-{stamp}.zip"
    draft = path.with_suffix(".part")
    await asyncio.to_thread(_make_folder, folder)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            counts = await _copy_tables(tx, file, names)
            manifest = _manifest(tenant, data_key, head, counts, stamp)
            await asyncio.to_thread(_finish, file, manifest, counts)
        await asyncio.to_thread(_publish, draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return path


async def _copy_tables(tx: Tx, file: IO[bytes], names: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            with archive.open(f"{name}.csv", "w", force_zip64=True) as member:
                status = await tx.driver.copy_from_query(
                    f'SELECT * FROM "{name}"',  # noqa: S608 - a name from the catalogue
                    output=_off_loop(member),
                    format="csv",
                    header=True,
                    timeout=_PATIENCE_SECONDS,
                )
            counts[name] = int(status.removeprefix("COPY "))
    return counts


def _off_loop(member: IO[bytes]) -> Callable[[bytes], Awaitable[None]]:
    """Compress in a thread: other requests go on meanwhile."""

    async def write(chunk: bytes) -> None:
        await asyncio.to_thread(member.write, chunk)

    return write


def _manifest(
    tenant: Tenant, data_key: bytes, head: JournalHead, counts: dict[str, int], stamp: str
) -> bytes:
    facts = {
        "format": FORMAT,
        "archivedAt": stamp,
        "tenant": msgspec.to_builtins(tenant),
        "dataKey": base64.b64encode(data_key).decode(),
        "revision": revision(),
        "journal": {"seq": head.seq, "hash": head.hash.hex()},
        "rows": counts,
    }
    return msgspec.json.format(msgspec.json.encode(facts), indent=2)


def _finish(file: IO[bytes], manifest: bytes, counts: dict[str, int]) -> None:
    """Add the manifest, bring all to the disk, and read it back before anything is dropped."""
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", manifest)
    file.flush()
    os.fsync(file.fileno())
    with zipfile.ZipFile(file) as archive:
        damaged = archive.testzip()
        expected = {f"{name}.csv" for name in counts} | {"manifest.json"}
        if damaged is not None or set(archive.namelist()) != expected:
            raise ArchiveBroken(f"the archive is damaged at {damaged or 'its directory'}")


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """Give the file its name for good."""
    draft.rename(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
