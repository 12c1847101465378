"""The servers of the tests that come from npm are installed once, and not missed without Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the script and one server, in a folder with a space."""
    folder = tmp_path / "my checkout"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/test-servers", folder / "scripts")
    server = folder / "tests/servers/one"
    server.mkdir(parents=True)
    (server / "package.json").write_text("{}")
    (server / "package-lock.json").write_text("{}")
    return folder


def run(checkout: Path, *, node: str) -> "subprocess.CompletedProcess[str]":
    """Run the script where Node is one that runs this shell text, and npm one that takes notes."""
    programs = checkout / "bin"
    programs.mkdir(exist_ok=True)
    npm = 'mkdir -p node_modules && echo "$@" >> ../../../calls'
    for name, script in (("node", node), ("npm", npm)):
        file = programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return subprocess.run(
        [checkout / "scripts/test-servers"],
        env={"PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def calls(checkout: Path) -> list[str]:
    noted = checkout / "calls"
    return noted.read_text().splitlines() if noted.exists() else []


def test_without_a_recent_node_it_says_what_is_missing_and_goes_on(checkout: Path):
    told = run(checkout, node="exit 1")
    assert told.returncode == 0
    assert "no Node 20 with npm here: tests that need one are skipped" in told.stderr
    assert calls(checkout) == []


def test_what_is_installed_is_not_installed_again_until_its_lock_changes(checkout: Path):
    for _ in range(2):
        assert run(checkout, node="exit 0").returncode == 0
    assert len(calls(checkout)) == 1
    assert calls(checkout)[0].startswith("ci --ignore-scripts")
    (checkout / "tests/servers/one/package-lock.json").write_text('{"a": 1}')
    assert run(checkout, node="exit 0").returncode == 0
    assert len(calls(checkout)) == 2
