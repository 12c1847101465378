"""Turns skipped tests into failures where CI=true, so that a green run there ran everything.

Loaded by `-p` in pyproject.toml. Elsewhere skips are only listed, with their reasons, by `-ra`.
"""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

ReportT = TypeVar("ReportT", pytest.TestReport, pytest.CollectReport)


def skips_are_failures() -> bool:
    """Say whether this run must not skip: the environment has CI set to a true word."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def without_skip(report: ReportT) -> ReportT:
    """Make a skip a failure that gives its reason; an expected failure stays what it is."""
    if report.skipped and not hasattr(report, "wasxfail") and skips_are_failures():
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else where
        report.outcome = "failed"
        report.longrepr = f"skipped where CI=true: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each test."""
    return without_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge each module, which may skip itself while it is collected."""
    return without_skip((yield))
