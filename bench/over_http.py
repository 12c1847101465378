"""HTTP, one operation a request: speed and waiting time, against a transaction a request."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

from bench.load import Told
from bench.rowlocks import make_peer
from bench.servers import SERVER_POOL, Server, memory_mb, send, serve
from bench.sheet import Figure, Sheet
from bench.town import Town

CONNECTIONS = (16, 64, 256)
PLACES = ("spread", "hot")
ROUNDS = 7
SECONDS = 1.5
PEER, ROWS = "peer", "rows"
SIDES = ("1", "2", PEER)
"""Our server with one worker and with two, and the peer with one."""
ROWS_AT = 64
"""Where a ledger with row locks is measured too."""


@dataclass
class Point:
    """The rounds of one side at one place and number of connections."""

    told: list[Told] = field(default_factory=list)

    @property
    def rps(self) -> list[float]:
        """Requests a second, by round."""
        return [one.operations / one.seconds for one in self.told]

    @property
    def p50_ms(self) -> float:
        """The median over rounds."""
        return median(one.p50_ms for one in self.told)

    @property
    def p99_ms(self) -> float:
        """The median over rounds."""
        return median(one.p99_ms for one in self.told)


Points = dict[tuple[str, int, str], Point]


async def measure(town: Town, sheet: Sheet) -> None:
    """Start both servers and the peer, and load them in turn, round by round."""
    points: Points = {}
    await make_peer(town)
    async with AsyncExitStack() as stack:
        servers = {
            "1": await stack.enter_async_context(serve(town, 1)),
            "2": await stack.enter_async_context(serve(town, 2)),
            PEER: await stack.enter_async_context(serve(town, 1, "bench.singly")),
            ROWS: await stack.enter_async_context(serve(town, 1, "bench.by_rows")),
        }
        idle = memory_mb(servers["1"].workers()[0])
        for place in PLACES:
            for connections in CONNECTIONS:
                await _place(town, servers, place, connections, points)
        loaded = [memory_mb(pid) for pid in servers["2"].workers()]
        alone = memory_mb(servers["1"].workers()[0])
    sheet.keep({f"http.{key}": value for key, value in _figures(points).items()})
    sheet.put(
        **{
            "http.server_pool_size": SERVER_POOL,
            "memory.worker_mb": max(alone, *loaded),
            "memory.worker_idle_mb": idle,
        }
    )
    _show(points, sheet)
    for place in PLACES:
        peer, ours = points[place, ROWS_AT, ROWS], points[place, ROWS_AT, "1"]
        sheet.say(
            f"Row locks behind the same server, {place}, {ROWS_AT} connections: "
            f"{_cell(peer)}; over it: {_ratio(ours, peer):.1f}"
        )
    sheet.say(f"Memory of a worker (PSS): {idle:.0f} MB before, {max(alone, *loaded):.0f} MB after")


async def _place(
    town: Town, servers: dict[str, Server], place: str, connections: int, points: Points
) -> None:
    """Measure all sides in turn, each round beginning with another; the first does not count."""
    players = town.players if place == "spread" else town.players[:1]
    sides = (*SIDES, ROWS) if connections == ROWS_AT else SIDES
    await town.checkpoint()
    for number in range(ROUNDS + 1):
        turn = number % len(sides)
        for side in (*sides[turn:], *sides[:turn]):
            told = await send(town, servers[side], players, connections, SECONDS if number else 0.5)
            if number:
                points.setdefault((place, connections, side), Point()).told.append(told)


def _figures(points: Points) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for (place, connections, side), point in points.items():
        name = f"{place}.{connections}.{side}"
        figures[f"rps.{name}"] = median(point.rps)
        figures[f"p50_ms.{name}"] = point.p50_ms
        figures[f"p99_ms.{name}"] = point.p99_ms
    for place in PLACES:
        for connections in CONNECTIONS:
            one, two, peer = (points[place, connections, side] for side in SIDES)
            name = f"{place}.{connections}"
            figures[f"peer_ratio.{name}"] = _ratio(one, peer)
            figures[f"two_workers_over_one.{name}"] = _ratio(two, one)
            figures[f"p99_over_p50.{name}"] = one.p99_ms / one.p50_ms
        rows = points[place, ROWS_AT, ROWS]
        figures[f"rowlock_ratio.{place}.{ROWS_AT}"] = _ratio(points[place, ROWS_AT, "1"], rows)
    # The short names are those of spread load, the common case.
    for name in ("two_workers_over_one", "p99_over_p50"):
        figures[f"{name}.64"] = figures[f"{name}.spread.64"]
    return figures


def _ratio(above: Point, below: Point) -> float:
    """Compare round with round: what disturbs the machine disturbs neighbours alike."""
    return median(a / b for a, b in zip(above.rps, below.rps, strict=True))


def _show(points: Points, sheet: Sheet) -> None:
    rows = []
    for place in PLACES:
        for connections in CONNECTIONS:
            one, two, peer = (points[place, connections, side] for side in SIDES)
            rows.append(
                [
                    place,
                    str(connections),
                    *(_cell(point) for point in (one, two, peer)),
                    f"{_ratio(one, peer):.1f}",
                    f"{_ratio(two, one):.2f}",
                    f"{one.p99_ms / one.p50_ms:.2f}",
                ]
            )
    sheet.show(
        "HTTP, one spend a request: requests a second (p50, p99 in ms)",
        ["players", "connections", "1 worker", "2 workers", "peer, 1 worker", "over peer",
         "2 over 1", "p99/p50"],
        rows,
    )  # fmt: skip


def _cell(point: Point) -> str:
    return f"{median(point.rps):,.0f} ({point.p50_ms:.0f}, {point.p99_ms:.0f})"
