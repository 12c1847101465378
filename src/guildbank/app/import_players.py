"""Reads players from a CSV file and brings them along, in one pass and a bounded memory."""

import asyncio
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from guildbank.app.verify import NoTenant
from guildbank.app.wiring import Services, open_services
from guildbank.identity.usecases.players.import_players import AT_ONCE, ImportLine, import_players
from guildbank.infra.config import Settings
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

COLUMNS = tuple(msgspec.structs.fields(ImportLine))
NAMES = tuple(column.encode_name for column in COLUMNS)
MAX_CELL = 1_024
Progress = Callable[[int], None]
"""Called with the bytes of the file that were read so far."""


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


@dataclass
class Report:
    """What became of the lines; `refused` by problem code."""

    taken: int = 0
    again: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Line:
    number: int
    read: ImportLine | Refusal


def import_file(
    settings: Settings, slug: str, file: Path, refused: Path, progress: Progress
) -> Report:
    """Bring the players of the file along; `refused` gets a line for each that was not taken.

    Columns are those of NAMES, in any order. Raises BadFile, NoTenant and what `open_services`
    does. What was taken until then is taken, and is known again at the next run.
    """
    return asyncio.run(_import(settings, slug, file, refused, progress))


async def _import(
    settings: Settings, slug: str, file: Path, refused: Path, progress: Progress
) -> Report:
    services = open_services(settings, application="guildbank import")
    try:
        tenant = await services.directory.by_slug(slug)
        if tenant is None:
            raise NoTenant(f"There is no tenant {slug!r}.")
        return await _all(services, tenant, file, refused, progress)
    finally:
        await services.close()


async def _all(
    services: Services, tenant: TenantRef, file: Path, refused: Path, progress: Progress
) -> Report:
    report, pending = Report(), list[_Line]()
    with refused.open("w", encoding="utf-8", newline="") as bad:
        writer = csv.writer(bad)
        writer.writerow(("line", "field", "code", "detail"))

        async def flush() -> None:
            outcomes = await _take(services, tenant, pending)
            for line, outcome in zip(pending, outcomes, strict=True):
                if isinstance(outcome, Refusal):
                    report.refused[outcome.code] += 1
                    writer.writerow((line.number, outcome.field, outcome.code, outcome.detail))
                elif outcome:
                    report.again += 1
                else:
                    report.taken += 1
            pending.clear()

        for line in _lines(file, progress):
            pending.append(line)
            if len(pending) == AT_ONCE:
                await flush()
        await flush()
    return report


async def _take(services: Services, tenant: TenantRef, lines: list[_Line]) -> list[Refusal | bool]:
    """Return for each line its refusal, or whether it was taken by an earlier run."""
    good = [line.read for line in lines if isinstance(line.read, ImportLine)]
    outcomes = iter(await import_players(services.identity, tenant, good))
    found: list[Refusal | bool] = []
    for line in lines:
        outcome = line.read if isinstance(line.read, Refusal) else next(outcomes)
        found.append(outcome if isinstance(outcome, Refusal) else outcome.again)
    return found


def _lines(file: Path, progress: Progress) -> Iterator[_Line]:
    csv.field_size_limit(MAX_CELL)
    with file.open("rb") as raw:

        def decoded() -> Iterator[str]:
            for number, line in enumerate(raw, start=1):
                if len(line) > MAX_CELL * len(NAMES):
                    raise BadFile(f"{file}, line {number}: longer than a line can be.")
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise BadFile(f"{file}, line {number}: not UTF-8. Save it as UTF-8.") from None

        rows = csv.DictReader(decoded(), strict=True)
        try:
            unknown = [name for name in rows.fieldnames or () if name not in NAMES]
            if unknown or not rows.fieldnames:
                raise BadFile(
                    f"{file}: the first line names the columns, of {', '.join(NAMES)}; "
                    f"it has {', '.join(unknown) or 'none'}."
                )
            for row in rows:
                yield _Line(rows.line_num, _read(row))
                progress(raw.tell())
        except csv.Error as error:
            raise BadFile(f"{file}, line {rows.line_num}: {error}.") from None


def _read(row: dict[str | None, str | None]) -> ImportLine | Refusal:
    if None in row:
        return Refusal(code="invalid_value", detail="The line has more cells than columns.")
    filled = {name: cell for name, cell in row.items() if cell}
    try:
        return msgspec.convert(filled, ImportLine, strict=False)
    except msgspec.ValidationError as error:
        detail, _, where = str(error).partition(" - at `$.")
        return Refusal(code="invalid_value", detail=f"{detail}.", field=where.rstrip("`") or None)
