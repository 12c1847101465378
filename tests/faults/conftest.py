"""Counters of the fault tests, told at the end of every run."""

from collections import Counter

import pytest
from tests.faults.tally import TALLY


@pytest.fixture(scope="session")
def tallies(pytestconfig: pytest.Config) -> dict[str, Counter[str]]:
    """A counter for each kind of fault, printed in the summary."""
    return pytestconfig.stash.setdefault(TALLY, {})


@pytest.fixture
def tally(tallies: dict[str, Counter[str]], request: pytest.FixtureRequest) -> Counter[str]:
    """The counter of this module's kind of fault."""
    title = str(getattr(request.module, "TITLE"))  # noqa: B009 - a module has no such type
    return tallies.setdefault(title, Counter())
