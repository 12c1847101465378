"""Tells the counts of the fault tests at the end of every run, also of one in several processes.

Loaded by `-p` in pyproject.toml: the process that only shares out a run loads no conftest of ours.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

TALLY = pytest.StashKey[dict[str, Counter[str]]]()
_SENT = "faults"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the counts to the process that shares out the run, if there is one."""
    sent: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if sent is not None:
        counts = session.config.stash.get(TALLY, {})
        sent[_SENT] = {title: dict(tally) for title, tally in counts.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts of a process that has ended; one that crashed has sent none."""
    tallies = node.config.stash.setdefault(TALLY, {})
    for title, counts in getattr(node, "workeroutput", {}).get(_SENT, {}).items():
        tallies.setdefault(title, Counter()).update(counts)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Iterator[None]:
    for title, counter in config.stash.get(TALLY, {}).items():
        terminalreporter.section(f"faults: {title}")
        for name, number in counter.items():
            terminalreporter.line(f"{number:7} {name}")
    yield
