"""A run with CI=true that skips anything is red, and says what it skipped and why."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT

TESTS = """
import pytest

def test_that_needs_a_browser():
    pytest.skip("no browser here")

@pytest.mark.xfail(reason="a known limit", strict=True)
def test_that_is_known_to_fail():
    assert False
"""
MODULE = 'import pytest\npytest.skip("no second user here", allow_module_level=True)\n'


def run(folder: Path, ci: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a folder with the plugin loaded."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "tests.no_skips_in_ci", str(folder)],
        cwd=folder,
        env={
            **os.environ,
            "CI": ci,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_skips_fail_where_everything_must_run(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(TESTS)
    (tmp_path / "test_two.py").write_text(MODULE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    strict, lenient = run(tmp_path, "true"), run(tmp_path, "")
    assert strict.returncode != 0
    assert "skipped where CI=true" in strict.stdout
    assert "no second user here" in strict.stdout
    assert lenient.returncode == 0, lenient.stdout
    assert "no browser here" in lenient.stdout


def test_a_skipped_test_alone_fails_and_an_expected_failure_does_not(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    strict = run(tmp_path, "true")
    assert strict.returncode == 1
    assert "1 failed, 1 xfailed" in strict.stdout
