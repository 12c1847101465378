"""Time comes from the clock that tests can set, and only the command line prints."""

import ast

from tests.architecture.tree import PACKAGE, Source, product, sample

CLOCK = f"{PACKAGE}/kernel/clock.py"
COMMAND_LINE = f"{PACKAGE}/app/cli"
FOREIGN_SERVERS = (
    "plugins/sandbox/src/guildbank_sandbox/server/",
    "plugins/lab/src/guildbank_lab/",
)
"""They play companies out in the world, in processes of their own: with own clock and console."""
READS_THE_DATE = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


def dates_read(source: Source) -> list[str]:
    """Return a sentence for each reading of the machine's date outside the clock."""
    if source.path == CLOCK:
        return []
    found = []
    for node in ast.walk(source.syntax):
        if isinstance(node, ast.Attribute):
            base = node.value
            owner = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if (owner, node.attr) in READS_THE_DATE:
                found.append(f"{source.path}:{node.lineno} {owner}.{node.attr}: take a Clock")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            taken = {alias.name for alias in node.names} & {"time", "time_ns"}
            found += [f"{source.path}:{node.lineno} time.{name}: take a Clock" for name in taken]
    return found


def prints(source: Source) -> list[str]:
    """Return a sentence for each print outside the command line."""
    if source.path.startswith(COMMAND_LINE):
        return []
    return [
        f"{source.path}:{node.lineno} prints: log it, or return it to the command line"
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"print", "pprint"}
    ]


def _ours() -> list[Source]:
    return [source for source in product() if not source.path.startswith(FOREIGN_SERVERS)]


def test_only_the_clock_reads_the_date():
    assert not [finding for source in _ours() for finding in dates_read(source)]


def test_only_the_command_line_prints():
    assert not [finding for source in _ours() for finding in prints(source)]


def test_a_read_date_is_found():
    for code in (
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "Column('at', default=datetime.now)",
        "at = time.time()",
        "from time import time",
    ):
        assert dates_read(sample(code)), code
    assert not dates_read(sample("at = clock.now()"))
    assert not dates_read(sample("from time import monotonic"))
    assert not dates_read(sample("at = datetime.now(UTC)", CLOCK))


def test_a_print_is_found():
    assert prints(sample("print(balance)"))
    assert not prints(sample("console.print(balance)"))
    assert not prints(sample("print(balance)", f"{COMMAND_LINE}/keys.py"))
