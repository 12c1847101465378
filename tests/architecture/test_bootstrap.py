"""The bootstrap says what is missing on a bare machine, and installs it where it may."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT

VENV_PACKAGE = "python{}.{}-venv".format(*sys.version_info[:2])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what the bootstrap reads, in a folder with a space."""
    folder = tmp_path / "my checkout"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/bootstrap", folder / "scripts")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    plugin = folder / "plugins/sandbox"
    plugin.mkdir(parents=True)
    shutil.copy(ROOT / "plugins/sandbox/pyproject.toml", plugin)
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    """Put a shell script into a folder for the PATH."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def bootstrap(
    checkout: Path, first: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run the bootstrap with the programs of `first` before those of the system."""
    return subprocess.run(
        [checkout / "scripts/bootstrap"],
        env={"PATH": f"{first}{os.pathsep}/usr/bin{os.pathsep}/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def python_without_pip(folder: Path) -> Path:
    """A Python like Debian's: it makes environments, and has neither ensurepip nor pip."""
    lacks = 'case "$*" in *ensurepip*|*"-m pip"*) exit 1;; esac'
    return program(folder, "python", f'{lacks}\nexec "{sys.executable}" "$@"')


def test_a_python_that_does_not_run_is_refused_by_name(checkout: Path, tmp_path: Path):
    answer = bootstrap(checkout, tmp_path, PYTHON="/usr/bin/python9")
    assert answer.returncode == 1
    assert "PYTHON=/usr/bin/python9 does not run or is not 3.11 to 3.14." in answer.stderr


def test_without_any_fit_python_the_advice_says_what_to_do(checkout: Path, tmp_path: Path):
    names = ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15)))
    for name in names:
        program(tmp_path / "bin", name, "exit 1")
    answer = bootstrap(checkout, tmp_path / "bin")
    assert answer.returncode == 1
    assert "no Python from 3.11 to 3.14 found" in answer.stderr
    assert "PYTHON=" in answer.stderr


def test_an_ordinary_user_without_ensurepip_is_told_which_package(checkout: Path, tmp_path: Path):
    python = python_without_pip(tmp_path / "bin")
    program(tmp_path / "bin", "apt-get", "echo called >&2; exit 1")
    program(tmp_path / "bin", "id", "echo 1000")
    answer = bootstrap(checkout, tmp_path / "bin", PYTHON=str(python))
    assert answer.returncode == 1
    advice = f"As root, run: apt-get update && apt-get install {VENV_PACKAGE}\n"
    assert answer.stderr.endswith(advice)
    assert "called" not in answer.stderr


def test_a_pip_that_cannot_fill_another_environment_counts_as_none(checkout: Path, tmp_path: Path):
    lacks = 'case "$*" in *ensurepip*|*"-m pip --python"*) exit 2;; "-m pip"*) exit 0;; esac'
    python = program(tmp_path / "bin", "python", f'{lacks}\nexec "{sys.executable}" "$@"')
    program(tmp_path / "bin", "id", "echo 1000")
    program(tmp_path / "bin", "apt-get", "exit 1")
    answer = bootstrap(checkout, tmp_path / "bin", PYTHON=str(python))
    assert answer.returncode == 1
    assert f"apt-get install {VENV_PACKAGE}" in answer.stderr


def test_root_without_ensurepip_gets_the_package_installed(checkout: Path, tmp_path: Path):
    python = python_without_pip(tmp_path / "bin")
    program(tmp_path / "bin", "apt-get", f'echo "$@" >> "{tmp_path}/calls"')
    program(tmp_path / "bin", "id", "echo 0")
    bootstrap(checkout, tmp_path / "bin", PYTHON=str(python))
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update.split()[0] == "update"
    assert install.split()[0] == "install"
    assert install.split()[-1] == VENV_PACKAGE


def test_a_lock_without_uv_is_refused(checkout: Path, tmp_path: Path):
    locked = checkout / "requirements.lock"
    locked.write_text(locked.read_text().replace("\nuv==", "\nother=="))
    answer = bootstrap(checkout, tmp_path, PYTHON=sys.executable)
    assert answer.returncode == 1
    assert "requirements.lock does not pin uv." in answer.stderr
