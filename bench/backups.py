"""A sealed backup, and loading its database, against PostgreSQL's own programs alone."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.sheet import Sheet
from bench.town import Town, new_folder
from guildbank.app.backups import DATABASE, make_backup, set_recipient
from guildbank.infra.backups import (
    Dumping,
    Opener,
    dump_database,
    load_database,
    new_recovery_key,
    open_part,
)
from guildbank.infra.backups.contracts import Sink, Source
from guildbank.infra.config import Settings
from guildbank.infra.postgres.binaries import wheel_binaries

ROUNDS = 3
MEGABYTE = 1_000_000


class Unwatched:
    """Nobody looks on."""

    def stage(self, name: str, total: int | None) -> None:
        """Draw nothing."""

    def step(self, steps: int = 1) -> None:
        """Draw nothing."""

    def moved(self, size: int) -> None:
        """Draw nothing."""


async def measure(town: Town, sheet: Sheet) -> None:
    """Back up and load the filled database, in turn with a plain dump and its loading."""
    settings = Settings(data=town.data, demo=False)
    secret, recipient = new_recovery_key()
    await set_recipient(settings, recipient.text)
    folder = new_folder()
    try:
        await _measure(town, sheet, settings, Opener(secret), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(
    town: Town, sheet: Sheet, settings: Settings, opener: Opener, folder: Path
) -> None:
    where = Dumping(town.cluster.url(), wheel_binaries())
    plain = folder / "plain.dump"
    times: dict[str, list[float]] = {"dump": [], "backup": [], "load": [], "restore": []}
    for number in range(ROUNDS):
        await town.checkpoint()
        times["dump"].append(await _timed(partial(_dump, where, plain)))
        began = perf_counter()
        made = await make_backup(settings, folder / f"{number}", Unwatched())
        times["backup"].append(perf_counter() - began)

        unseal = partial(_unseal, made.folder, opener)
        for name, give in (("load", partial(_copy, plain)), ("restore", unseal)):
            url = town.cluster.create_database(f"{name}_{number}")
            target = Dumping(url, where.programs)
            times[name].append(await _timed(partial(load_database, target, give, whole=False)))
    size = int(_size(town)) / MEGABYTE
    seconds = {name: median(found) for name, found in times.items()}
    sheet.put(
        **{
            "backups.database_mb": size,
            "backups.mb_per_second": size / seconds["backup"],
            "backups.restore_mb_per_second": size / seconds["restore"],
            "backups.over_pg_dump": _ratio(times, "backup", "dump"),
            "backups.restore_over_pg_restore": _ratio(times, "restore", "load"),
        }
    )
    sheet.show(
        f"A database of {size:,.0f} MB",
        ["what", "seconds", "over PostgreSQL's own program"],
        [
            ["pg_dump to a file", f"{seconds['dump']:.2f}", ""],
            [
                "a sealed backup",
                f"{seconds['backup']:.2f}",
                f"{_ratio(times, 'backup', 'dump'):.2f}",
            ],
            ["pg_restore of that file", f"{seconds['load']:.2f}", ""],
            [
                "the database of a backup",
                f"{seconds['restore']:.2f}",
                f"{_ratio(times, 'restore', 'load'):.2f}",
            ],
        ],
    )


def _ratio(times: dict[str, list[float]], one: str, other: str) -> float:
    return median(a / b for a, b in zip(times[one], times[other], strict=True))


async def _timed(work: Callable[[], None]) -> float:
    began = perf_counter()
    await asyncio.to_thread(work)
    return perf_counter() - began


def _dump(where: Dumping, to: Path) -> None:
    with to.open("wb") as file:

        def take(source: Source) -> None:
            while chunk := source.read(1 << 20):
                file.write(chunk)

        dump_database(where, take, lambda: None)


def _unseal(backup: Path, opener: Opener, sink: Sink) -> None:
    with open_part(backup, DATABASE) as source:
        opener.open(source, sink, DATABASE)


def _copy(plain: Path, sink: Sink) -> None:
    with plain.open("rb") as file:
        while chunk := file.read(1 << 20):
            sink.write(chunk)


def _size(town: Town) -> str:
    return subprocess.run(
        [
            town.cluster.binary("psql"), "--no-psqlrc", "-At",
            "-c", "SELECT pg_database_size(current_database())", town.cluster.url(),
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
