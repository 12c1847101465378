"""What a player waits for while one caller sends thousands of operations in a loop."""

import asyncio
from statistics import median

from bench.load import Told
from bench.servers import send, serve
from bench.sheet import Figure, Sheet
from bench.town import Town

CONNECTIONS = (64, 16)
OPERATIONS = 2_000
ROUNDS = 3
SECONDS = 3.0


async def measure(town: Town, sheet: Sheet) -> None:
    """Load a server of one worker with single spends, in turn without and with a bulk caller."""
    figures: dict[str, Figure] = {"bulk.operations_a_call": OPERATIONS}
    rows = []
    async with serve(town, 1) as server:
        await send(town, server, town.players, 1, 1.0, bulk=OPERATIONS)
        alone = await send(town, server, town.players, 1, SECONDS, bulk=OPERATIONS)
        figures["bulk.ops_per_second.alone"] = alone.operations / alone.seconds
        for connections in CONNECTIONS:
            await town.checkpoint()
            quiet: list[Told] = []
            busy: list[Told] = []
            bulk: list[Told] = []
            for number in range(ROUNDS + 1):
                seconds = SECONDS if number else 0.5
                one = await send(town, server, town.players, connections, seconds)
                with_bulk, caller = await asyncio.gather(
                    send(town, server, town.players, connections, seconds),
                    send(town, server, town.players, 1, seconds, bulk=OPERATIONS),
                )
                if number:
                    quiet.append(one)
                    busy.append(with_bulk)
                    bulk.append(caller)
            ratio = median(b.p99_ms / q.p99_ms for q, b in zip(quiet, busy, strict=True))
            figures[f"bulk.interactive_p99_ratio.{connections}"] = ratio
            figures[f"bulk.interactive_p99_ms.{connections}"] = _p99(busy)
            figures[f"bulk.ops_per_second.{connections}"] = _speed(bulk)
            rows.append(
                [
                    str(connections),
                    f"{_speed(quiet):,.0f} ({_p99(quiet):.0f})",
                    f"{_speed(busy):,.0f} ({_p99(busy):.0f})",
                    f"{ratio:.2f}",
                    f"{_speed(bulk):,.0f}",
                ]
            )
    figures["bulk.interactive_p99_ratio"] = max(
        figures[f"bulk.interactive_p99_ratio.{connections}"] for connections in CONNECTIONS
    )
    figures["bulk.ops_per_second"] = figures["bulk.ops_per_second.64"]
    sheet.keep(figures)
    sheet.show(
        f"Single spends a second (p99 in ms) beside a caller of {OPERATIONS:,} at a time",
        ["connections", "without", "with", "p99 with / without", "bulk operations a second"],
        rows,
    )


def _speed(told: list[Told]) -> float:
    return median(one.operations / one.seconds for one in told)


def _p99(told: list[Told]) -> float:
    return median(one.p99_ms for one in told)
