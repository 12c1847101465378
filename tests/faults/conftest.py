"""Counts of the fault tests, told at the end of every run."""

from collections import Counter
from collections.abc import Iterator

import pytest

TALLY = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture(scope="session")
def tallies(pytestconfig: pytest.Config) -> dict[str, Counter[str]]:
    """A counter for each kind of fault, printed in the summary."""
    return pytestconfig.stash.setdefault(TALLY, {})


@pytest.fixture
def tally(tallies: dict[str, Counter[str]], request: pytest.FixtureRequest) -> Counter[str]:
    """The counter of this module's kind of fault."""
    title = str(getattr(request.module, "TITLE"))  # noqa: B009 - a module has no such type
    return tallies.setdefault(title, Counter())


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Iterator[None]:
    for title, counter in config.stash.get(TALLY, {}).items():
        terminalreporter.section(f"faults: {title}")
        for name, number in counter.items():
            terminalreporter.line(f"{number:7} {name}")
    yield
