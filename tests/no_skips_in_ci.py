"""Turns skipped tests into failures where CI=true, so that a green run there ran everything.

Loaded by `-p` in pyproject.toml. Elsewhere skips are only listed, with their reasons, by `-ra`.
"""

import os
from collections.abc import Iterator

import pytest


def skips_are_failures() -> bool:
    """Say whether this run must not skip: the environment has CI set to a true word."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Rewrite the report of a skipped test; an expected failure stays what it is."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and skips_are_failures():
        report.outcome = "failed"
        report.longrepr = f"skipped where CI=true: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Rewrite the report of a module that skips itself while it is collected."""
    report = yield
    if report.skipped and skips_are_failures():
        report.outcome = "failed"
        report.longrepr = f"skipped where CI=true: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    """Return the reason out of pytest's (path, line, reason)."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
