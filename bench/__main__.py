"""`python -m bench [names...]`: runs the parts named, or all of them, and writes the figures."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import perf_counter

import uvloop

from bench import access, backups, bulk, hooks, journal, over_http, process, purchases
from bench.machine import database_facts, machine_facts
from bench.sheet import FILE, Sheet
from bench.town import PLAYERS, POOL_SIZE, Town, open_town

CHECKPOINT = "CHECKPOINT before each measured part, then one unmeasured round of each side"
ON_TOWN: dict[str, Callable[[Town, Sheet], Awaitable[None]]] = {
    "journal": journal.measure,
    "http": over_http.measure,
    "bulk": bulk.measure,
    "access": access.measure,
    "purchases": purchases.measure,
    "hooks": hooks.measure,
    "backups": backups.measure,
}
"""Parts that measure on the filled database."""
ALONE = {"process": process.measure}
"""Parts that start what they measure."""


async def _run(names: list[str], sheet: Sheet) -> None:
    async with AsyncExitStack() as stack:
        town: Town | None = None
        for name in names:
            began = perf_counter()
            if name in ALONE:
                await ALONE[name](sheet)
                sheet.say(f"{name} took {perf_counter() - began:.0f} s\n")
                continue
            if town is None:
                sheet.say(f"Filling a database with {PLAYERS:,} players ...")
                town = await stack.enter_async_context(open_town())
                _head(sheet, await database_facts(town.cluster.url()))
            await ON_TOWN[name](town, sheet)
            sheet.say(f"{name} took {perf_counter() - began:.0f} s\n")


def _head(sheet: Sheet, facts: dict[str, str | int | float]) -> None:
    """Say what every figure below stands on."""
    facts = {
        **machine_facts(), **facts,
        "pool.size": POOL_SIZE, "players": PLAYERS, "checkpoint.phase": CHECKPOINT,
    }  # fmt: skip
    sheet.keep(facts)
    sheet.show("Measured on", ["what", "is"], [[key, str(value)] for key, value in facts.items()])


def main() -> int:
    """Run the parts that the arguments name; returns an exit code."""
    known = [*ON_TOWN, *ALONE]
    names = sys.argv[1:] or known
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"bench: no part {unknown[0]!r}; the parts are {', '.join(known)}\n")
        return 2
    began = perf_counter()
    sheet = Sheet(fresh=not sys.argv[1:])
    uvloop.run(_run(names, sheet))
    sheet.say(f"{FILE} written, {perf_counter() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
