"""Reads a provider's report from a CSV file, in two passes and a bounded memory.

The first pass looks at every line, so that a file with a broken one is refused before anything of
it is kept; the second hands the lines over.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from guildbank.app.verify import NoTenant
from guildbank.app.wiring import open_services
from guildbank.infra.acting import HOST
from guildbank.infra.config import Settings
from guildbank.kernel import Refusal
from guildbank.payments.contracts.reports import Reconciliation
from guildbank.payments.report_file import BadReport, Layout, period_of, read_lines
from guildbank.payments.usecases.reconcile import Period
from guildbank.payments.usecases.take_report import take_report
from guildbank.plugin_api import Settlement

Progress = Callable[[int], None]
"""Called with the bytes of the file that were read so far, by both passes together."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file and what it is a report of; without times it is of the days that its lines span."""

    tenant: str
    provider: str
    file: Path
    layout: Layout
    since: datetime | None = None
    until: datetime | None = None


class Taken(msgspec.Struct, frozen=True):
    """What came of a file: the run, and how many lines it has."""

    run: Reconciliation
    lines: int


def reconcile_file(settings: Settings, wanted: Wanted, progress: Progress) -> Taken | Refusal:
    """Bring a report; the same file again, in the same layout, is the same run.

    Raises BadReport, NoTenant and what `open_services` does. Refusals are those of `take_report`.
    """
    return asyncio.run(_reconcile(settings, wanted, progress))


async def _reconcile(settings: Settings, wanted: Wanted, progress: Progress) -> Taken | Refusal:
    digest = hashlib.sha256(_options(wanted))
    size = wanted.file.stat().st_size
    found = period_of(read_lines(_raw(wanted.file, digest.update, progress), wanted.layout))
    if found is None:
        raise BadReport("the file has no line below its column names.")
    count, first, last = found
    period = Period(wanted.provider, wanted.since or first, wanted.until or last)
    services = open_services(settings, application="guildbank reconcile")
    try:
        tenant = await services.directory.by_slug(wanted.tenant)
        if tenant is None:
            raise NoTenant(f"There is no tenant {wanted.tenant!r}.")
        again = hashlib.sha256(_options(wanted))
        raw = _raw(wanted.file, again.update, lambda done: progress(size + done))
        key = f"file:{digest.hexdigest()}"
        lines = while_unchanged(
            read_lines(raw, wanted.layout), lambda: again.digest() == digest.digest()
        )
        run = await take_report(services.payments, tenant, HOST, key, period, lines)
    finally:
        await services.close()
    return run if isinstance(run, Refusal) else Taken(run, count)


def while_unchanged(
    lines: Iterator[Settlement], unchanged: Callable[[], bool]
) -> Iterator[Settlement]:
    """Yield the lines; raises BadReport at their end where the file is no more what was checked."""
    yield from lines
    if not unchanged():
        raise BadReport("the file was changed while it was read; bring it again.")


def _options(wanted: Wanted) -> bytes:
    """Return all but the file by which its lines could mean something else."""
    said = (wanted.provider, wanted.layout, wanted.since, wanted.until)
    return msgspec.json.encode(said, order="deterministic")


def _raw(file: Path, seen: Callable[[bytes], object], progress: Progress) -> Iterator[bytes]:
    done = 0
    with file.open("rb") as lines:
        for line in lines:
            seen(line)
            done += len(line)
            progress(done)
            yield line
