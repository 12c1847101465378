"""Shares a run out, where `-n auto` asks for it: into how many processes, and in which order.

Half of the run are processes that start and pages that are shown, and keep the cores busy; the
other half are waits. They lie in folders of their own, so files are taken in an order that mixes
them, and by one process more than there are cores.
"""

import os
from zlib import crc32

import pytest

_MOST = 4
"""Each process has servers of its own."""


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes."""
    return min((os.cpu_count() or 1) + 1, _MOST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix the files, in all processes alike; the tests of one keep their order."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, str]:
    file = item.nodeid.partition("::")[0]
    return crc32(file.encode()), file
