"""The page on writing a middleware leads to one that works, and it is the one in the examples."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from guildbank.plugin_api.conformance import CALLBACK_CHECKS, GATE_CHECKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "write-a-middleware.md").read_text()
BIN = Path(sys.executable).parent
STEP = re.compile(r"(?:`([\w/.-]+)`:\n\n)?^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Author:
    """Somebody at a shell, with an environment of their own in which Guildbank is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        environment, programs = folder / "environment", folder / "programs"
        python = environment / "bin" / "python"
        options = ["--quiet", "--offline", "--python", sys.executable]
        subprocess.run([BIN / "uv", "venv", *options, environment], check=True)
        (found,) = environment.glob("lib/python*/site-packages")
        house = sysconfig.get_path("purelib")
        (found / "house.pth").write_text(f"import site; site.addsitedir({house!r})\n")
        # Nothing is fetched: what a plugin needs is there, and so is what builds it.
        offline = f"--offline --no-deps --no-build-isolation --python '{python}'"
        programs.mkdir()
        for name, command in {
            "guildbank": f"'{python}' -m guildbank.app.cli \"$@\"",
            "pytest": f"'{python}' -m pytest -p no:cacheprovider \"$@\"",
            "pip": f"'{BIN}/uv' pip \"$@\" {offline}",
        }.items():
            (programs / name).write_text(f"#!/bin/sh\nexec {command}\n")
            (programs / name).chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(self, commands: str) -> "subprocess.CompletedProcess[str]":
        """Run shell commands and return how they ended and what they said."""
        return subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Author, list[str]]:
    """Go through the page: each command is run, each file written where the page says."""
    author, heard = Author(tmp_path_factory.mktemp("author")), list[str]()
    for place, language, text in STEP.findall(PAGE):
        if language == "sh":
            done = author.run(text)
            assert done.returncode == 0, f"{text}\n{done.stdout}"
            heard.append(done.stdout)
        elif place:
            assert (author.folder / place).is_file()
            (author.folder / place).write_text(text)
    return author, heard


def test_each_step_of_the_page_does_what_it_says(said: tuple[Author, list[str]]) -> None:
    _, (begun, tried, tested) = said
    assert "Wrote the middleware night-guard into night-guard." in begun
    assert "FAILED" not in begun + tried
    assert re.search(r"passed +│ sound_settings_have_no_problem", tried)
    assert "3 passed" in tested


def test_a_time_zone_that_is_none_is_told_as_the_page_says(said: tuple[Author, list[str]]) -> None:
    author, _ = said
    night = "--setting from_hour=22 --setting until_hour=6"
    refused = author.run(
        f"guildbank plugin test night-guard --setting time_zone=Europe/Atlantis {night}"
    )
    assert refused.returncode == 1
    sentence = "settings.time_zone: No such time zone is known."
    assert sentence in refused.stdout
    assert f"`{sentence}`" in PAGE


def test_the_plugin_of_the_page_is_the_one_of_the_examples() -> None:
    shown = {place: text for place, language, text in STEP.findall(PAGE) if place}
    plugin = "night-guard/src/guildbank_night_guard/plugin.py"
    assert shown[plugin] == (ROOT / "examples" / plugin).read_text()


def test_the_page_names_every_check() -> None:
    for check in (*GATE_CHECKS, *CALLBACK_CHECKS):
        assert f"`{getattr(check, '__name__', '')}`" in PAGE
