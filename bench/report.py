"""`python -m bench.report`: writes docs/performance.md from build/bench.json, and nothing by hand.

Every number on the page is a figure of the last `make bench`; the words around them say what was
compared with what.
"""

import sys
from pathlib import Path

from bench.sheet import FILE, Figure, read_figures

PAGE = Path("docs/performance.md")
BATCHES = (1, 20, 100, 200, 1_000, 8_000)
CONNECTIONS = (16, 64, 256)
AIMS: dict[str, tuple[str, float]] = {
    **{f"journal.copy_ratio.{size}": (">=", 0.5) for size in BATCHES if size <= 1_000},
    "journal.rowlock_ratio.hot": (">=", 25),
    "http.peer_ratio.hot.64": (">=", 5),
    **{
        f"http.two_workers_over_one.{place}.{connections}": (">=", 1)
        for place in ("spread", "hot")
        for connections in CONNECTIONS
    },
    "http.p99_over_p50.64": ("<", 3),
    "bulk.interactive_p99_ratio": ("<=", 2),
    **{
        f"access.{check}_share": ("<=", 0.15)
        for check in ("key.warm", "token.warm", "permission.warm", "key.cold", "token.cold")
    },
    "access.spend_p99_ratio": ("<=", 2),
    "purchases.own_over_posting.alone": ("<=", 3),
    "purchases.publish_to_effect_ms": ("<", 2_000),
}
"""What the project aims at; the page says for each whether the last run met it."""

INTRODUCTION = """\
# How fast Guildbank is

`make bench` made every number on this page, and `python -m bench.report` wrote the page from
`build/bench.json`. Read ratios before numbers: a ratio compares two things that ran in turn
(A B A B ...) within the same minutes on the same machine, and is the median over rounds; a number
alone says as much about the machine as about Guildbank. The load, the server and the database
share the machine's cores. Nothing here is asserted by a test.
"""

CEILINGS = """\
## What it is compared with

- **COPY**: the very rows that the journal wrote (entries, keys, transfers, batch rows with their
  digests, and the changed accounts' totals) are read back and copied by the same driver into
  tables with the same partitions, indexes and contents, in transactions of the same size. It
  decides nothing, reads nothing, locks nothing and hashes nothing, on one connection. A
  changed account is an update for the journal and a new row for COPY, so two indexes of that one
  table are not unique.
- **Row locks**: 16 writers, each with a connection and a transaction an operation that does all
  that the journal does for it: lock the row that every spend on the hot account waits for, read
  keys, rules and accounts, decide, write, commit. Same statements, same pool, same durability.
- **The lean ledger with row locks**: 16 writers again, each operation updates the player's row,
  inserts the key, updates the hot account's row (as late as can be), inserts entry and transfer,
  and commits. Same tables and durability; no hash chain, no wallet rules, no reading of rules or
  keys: the least that could be called a ledger.
- **The HTTP peer**: `guildbank serve` itself with one change: a request commits alone, in a
  transaction of its own, instead of joining a batch. Same server, routes, pool and statements.
- **Row locks behind the same server**: the same routes over the lean ledger.
- **Two workers over one**, **with over without** a bulk caller: Guildbank against itself.

A *hot* load is for one player, *spread* is over all of them; the house's account is hot in both.
"""

END = """\
## How to read it

- The journal commits one batch at a time, so its speed grows with what a commit holds. Sizes are
  exact: three callers keep the queue filled with calls of that many operations. Over HTTP a batch
  is as large as the wait for the one before was long.
- Pages are written whole to the log at their first change after a checkpoint, which the unmeasured
  round takes upon itself. The phase of the checkpoint:
  {phase}.
- p50 and p99 are what the client waited for, with one request in flight on each connection.
- Memory is the proportional set size of a worker process.
"""


def page(figures: dict[str, Figure]) -> str:
    """Return the whole page."""
    parts = [
        INTRODUCTION,
        _measured_on(figures),
        _aims(figures),
        _journal(figures),
        _http(figures),
        _access(figures),
        _purchases(figures),
        _hooks(figures),
        _backups(figures),
        _rest(figures),
        CEILINGS,
        END.format(phase=figures["checkpoint.phase"]),
    ]
    return "\n".join(parts)


def _measured_on(figures: dict[str, Figure]) -> str:
    settings = "; ".join(
        f"{name} {figures[f'postgres.{name}']}"
        for name in ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers",
                     "max_wal_size")
    )  # fmt: skip
    return (
        f"Measured on: {figures['machine.cpu']}, {figures['machine.cores']} cores, "
        f"{figures['machine.memory_mb']} MB, Linux {figures['machine.kernel']}, Python "
        f"{figures['machine.python']}, load {figures['machine.load_before']} before the run; "
        f"PostgreSQL {figures['postgres.server_version']} ({settings}); pool of "
        f"{figures['pool.size']} connections for the journal, {figures['http.server_pool_size']} "
        f"a worker over HTTP; {figures['players']} players.\n"
    )


def _aims(figures: dict[str, Figure]) -> str:
    rows = []
    for key, (sign, aim) in AIMS.items():
        found = float(figures[key])
        met = {">=": found >= aim, "<": found < aim, "<=": found <= aim}[sign]
        rows.append([f"`{key}`", f"{sign} {aim:g}", f"{found:g}", "yes" if met else "no"])
    return "## Aims\n\n" + _table(["figure", "aim", "found", "met"], rows)


def _journal(figures: dict[str, Figure]) -> str:
    rows = [
        [
            f"{size:,}",
            _number(figures[f"journal.ops_per_second.{size}"]),
            _number(figures[f"journal.copy_ops_per_second.{size}"]),
            _number(figures[f"journal.copy_ratio.{size}"]),
        ]
        for size in BATCHES
    ]
    heading = ["operations in a commit", "journal, a second", "COPY, a second", "ratio"]
    return (
        "## The journal from Python\n\n"
        + _table(heading, rows)
        + "\nOn one hot account:\n\n"
        + _table(
            ["peer", "peer, a second", "commits of 1,000", "as many single callers"],
            [
                _against(figures, "with row locks", "rowlock"),
                _against(figures, "with row locks, lean", "lean_rowlock"),
            ],
        )
    )


def _against(figures: dict[str, Figure], name: str, key: str) -> list[str]:
    ratios = [_number(figures[f"journal.{key}_ratio.{kind}"]) for kind in ("hot", "equal_callers")]
    return [
        name,
        _number(figures[f"journal.{key}_ops_per_second.hot"]),
        *(f"{ratio} times the peer" for ratio in ratios),
    ]


def _http(figures: dict[str, Figure]) -> str:
    rows = []
    for place in ("spread", "hot"):
        for connections in CONNECTIONS:
            name = f"{place}.{connections}"
            cells = [_cell(figures, f"{name}.{side}") for side in ("1", "2", "peer")]
            ratios = [
                _number(figures[f"http.{kind}.{name}"])
                for kind in ("peer_ratio", "two_workers_over_one", "p99_over_p50")
            ]
            rows.append([place, str(connections), *cells, *ratios])
    heading = ["players", "connections", "1 worker", "2 workers", "peer, 1 worker", "over peer",
               "2 over 1", "p99/p50"]  # fmt: skip
    return (
        "## HTTP, one spend a request\n\nRequests a second, with p50 and p99 in ms.\n\n"
        + _table(heading, rows)
        + "\nThe lean ledger behind the same server, 64 connections: "
        + "; ".join(
            f"{place} {_cell(figures, f'{place}.64.rows')}, and Guildbank does "
            f"{_number(figures[f'http.rowlock_ratio.{place}.64'])} times that"
            for place in ("spread", "hot")
        )
        + ".\n"
    )


def _cell(figures: dict[str, Figure], name: str) -> str:
    rps, p50, p99 = (
        _number(figures[f"http.{kind}.{name}"]) for kind in ("rps", "p50_ms", "p99_ms")
    )
    return f"{rps} ({p50}, {p99})"


def _access(figures: dict[str, Figure]) -> str:
    rows = [
        [
            name,
            *(
                _number(figures.get(f"access.{check}.{column}", ""))
                for column in ("warm_us", "warm_share", "cold_us", "cold_share")
            ),
        ]
        for check, name in (
            ("key", "a secret key"),
            ("token", "a player's token"),
            ("permission", "a scope"),
        )
    ]
    heading = ["check of", "warm, us", "share of a request", "cold, us", "share of a request"]
    return (
        "## Knowing who calls\n\n"
        "Warm: against the CPU time of a whole spend of 64 connections, "
        f"{_number(figures['access.request_cpu_us'])} us. Cold, when the caller was not seen of "
        "late: against the time that a spend takes alone on one connection, "
        f"{_number(figures['access.request_alone_us'])} us.\n\n"
        + _table(heading, rows)
        + f"\n{figures['access.logins_at_once']} sign-ins at a time, of one worker: "
        f"{_number(figures['access.logins_per_second'])} a second (p99 "
        f"{_number(figures['access.login_p99_ms'])} ms); spends beside them wait "
        f"{_number(figures['access.spend_p99_ratio'])} times as long at p99. Importing "
        f"{_number(figures['access.imported'])} players takes "
        f"{_number(figures['access.import_seconds'])} s.\n"
    )


def _purchases(figures: dict[str, Figure]) -> str:
    sides = (
        ("purchase", "a purchase, from intent to credited"),
        ("call", "its provider's own call, by itself"),
        ("posting", "a single spend"),
    )
    kinds = ("per_second", "p50_ms", "p99_ms")
    rows = [
        [said, connections]
        + [_number(figures[f"purchases.{side}.{kind}.{name}"]) for kind in kinds]
        for name, connections in (
            ("at_once", str(figures["purchases.connections"])),
            ("alone", "1"),
        )
        for side, said in sides
    ]
    found = {
        name: _number(figures[f"purchases.{name}"])
        for name in (
            "over_floor.at_once", "own_over_posting.alone", "own_over_posting.at_once",
            "asked_ms.alone", "middleware_us", "webhooks.per_second", "webhooks.p99_ms",
            "publish_to_effect_ms",
        )
    }  # fmt: skip
    return (
        "## Purchases\n\n"
        "The provider is the lab's Stripe in a process of its own, on the same cores, paid by card "
        "through Stripe's library; no step is published.\n\n"
        + _table(["what", "connections", "a second", "p50 ms", "p99 ms"], rows)
        + f"\nPurchases reach {found['over_floor.at_once']} of the provider's own calls. Without "
        f"the time from its request to the provider until the answer, {found['asked_ms.alone']} "
        f"ms, a purchase alone takes {found['own_over_posting.alone']} times a spend alone, and "
        f"one of many at once {found['own_over_posting.at_once']} times. A further step "
        f"of a pipeline costs {found['middleware_us']} us. Webhooks "
        f"are taken in at {found['webhooks.per_second']} a second (p99 "
        f"{found['webhooks.p99_ms']} ms). "
        "From publishing a revision until each of four workers shows it: at most "
        f"{found['publish_to_effect_ms']} ms; purchases run it from the commit on.\n"
    )


def _hooks(figures: dict[str, Figure]) -> str:
    rows = [
        [words, *(_number(figures[f"hooks.{key}.{lane}"]) for lane in ("single", "bulk"))]
        for words, key in (
            ("no hooks, over code that knows none", "none_over_unaware"),
            ("one rule in CEL, over no hooks", "rule_over_none"),
        )
    ]
    return (
        "## Hooks on operations\n\nSpends a second from Python, as ratios: 64 callers, and one of "
        "2,000 at a time. The look by which a tenant without hooks is known takes "
        f"{_number(figures['hooks.look_ns'])} ns.\n\n"
        + _table(["a tenant with", "64 callers", "2,000 at a time"], rows)
    )


def _backups(figures: dict[str, Figure]) -> str:
    rows = [
        [
            "a sealed backup",
            "`pg_dump` to a file",
            _number(figures["backups.mb_per_second"]),
            _number(figures["backups.over_pg_dump"]),
        ],
        [
            "the database of a backup",
            "`pg_restore` of that file",
            _number(figures["backups.restore_mb_per_second"]),
            _number(figures["backups.restore_over_pg_restore"]),
        ],
    ]
    heading = ["what", "peer", "MB of the database a second", "seconds over those of the peer"]
    return (
        f"## Backups\n\nOf a database of {_number(figures['backups.database_mb'])} MB.\n\n"
        + _table(heading, rows)
    )


def _rest(figures: dict[str, Figure]) -> str:
    bulk = [
        [
            str(connections),
            _number(figures[f"bulk.interactive_p99_ratio.{connections}"]),
            _number(figures[f"bulk.interactive_p99_ms.{connections}"]),
            _number(figures[f"bulk.ops_per_second.{connections}"]),
        ]
        for connections in (16, 64)
    ]
    waits = [
        ["memory of a worker after load, MB", _number(figures["memory.worker_mb"])],
        ["`guildbank up` on an existing folder, s", _number(figures["start.existing_seconds"])],
        ["`guildbank up` on an empty folder, s", _number(figures["start.fresh_seconds"])],
        ["a new tenant, s", _number(figures["start.tenant_seconds"])],
        [
            "`make up` in a fresh clone to the first purchase credited, s (warm package cache)",
            _number(figures["start.first_purchase_seconds"]),
        ],
    ]
    heading = ["connections", "p99 with / without", "p99 with, ms", "bulk operations a second"]
    return (
        "## Single spends beside a bulk caller\n\n"
        f"One caller sends {figures['bulk.operations_a_call']} operations a call, in a loop.\n\n"
        + _table(heading, bulk)
        + "\n## Memory and starts\n\n"
        + _table(["what", "found"], waits)
    )


def _number(value: Figure) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if value != "" else ""


def _table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Write the page; returns an exit code."""
    figures = read_figures()
    try:
        text = page(figures)
    except KeyError as missing:
        sys.stderr.write(f"bench.report: {FILE} has no {missing}; run make bench first\n")
        return 1
    PAGE.write_text(text)
    sys.stdout.write(f"{PAGE} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
