"""Says into how many processes `-n auto` shares a run out.

A third of the run is waiting, for time-outs and for processes to start, so a process more than
there are cores keeps these busy. Each has servers of its own, hence the limit.
"""

import os

import pytest

_MOST = 4


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes."""
    return min((os.cpu_count() or 1) + 1, _MOST)
