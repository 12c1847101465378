"""The page on writing a middleware leads to one that works, and it is the one in the examples."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.journeys.stall import Stall
from tests.servers.guildbank import GuildbankServer

from guildbank.plugin_api.conformance import (
    CALLBACK_CHECKS,
    CHARGE_CHECKS,
    GATE_CHECKS,
    OPERATION_CHECKS,
    SCORER_CHECKS,
)

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

    def run(self, commands: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run shell commands and return how they ended and what they said."""
        return subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=self.folder,
            env={**self._environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def works(self, commands: str, **variables: str) -> str:
        """Run commands that work; return what they said."""
        done = self.run(commands, **variables)
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Author, list[str]]:
    """Go through the page until the plugin is done: run each command, write each file it shows."""
    author, said = Author(tmp_path_factory.mktemp("author")), list[str]()
    for place, language, text in STEP.findall(PAGE):
        if language == "sh" and "$GUILDBANK_URL" not in text:
            said.append(author.works(text))
        elif place:
            assert (author.folder / place).is_file()
            (author.folder / place).write_text(text)
    return author, said


@pytest.fixture(scope="module")
def server(
    written: tuple[Author, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuildbankServer]:
    """A deployment in which the author's plugin is installed."""
    target = tmp_path_factory.mktemp("installed")
    written[0].works(f"pip install --target '{target}' ./night-guard")
    data = tmp_path_factory.mktemp("nights") / "data"
    with GuildbankServer(data, variables={"PYTHONPATH": str(target)}) as server:
        yield server


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    """A tenant of its own that sells a pack."""
    stall = Stall(server)
    yield stall
    stall.close()


def test_each_step_of_the_page_does_what_it_says(written: tuple[Author, list[str]]) -> None:
    _, (begun, tried, tested) = written
    assert "Wrote the middleware night-guard into night-guard." in begun
    assert "FAILED" not in begun + tried
    assert re.search(r"passed +│ sound_settings_have_no_problem", tried)
    assert "3 passed" in tested


def test_the_last_step_of_the_page_turns_it_on(
    written: tuple[Author, list[str]], server: GuildbankServer
) -> None:
    author, _ = written
    demo = server.credentials.demo
    assert demo is not None
    (turned_on,) = [text for _, language, text in STEP.findall(PAGE) if "$GUILDBANK_URL" in text]
    variables = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    assert '"published":1' in author.works(turned_on, **variables)


def test_no_provider_hears_of_what_is_bought_at_night(stall: Stall) -> None:
    hour = datetime.now(UTC).hour
    # It is night for all but the hour that was.
    settings = {"time_zone": "UTC", "from_hour": hour, "until_hour": (hour + 23) % 24}
    night = {"id": "night", "plugin": "night-guard", "settings": settings}
    assert stall.buy("instant")["state"] == "credited"
    stall.post("/v1/pipelines/packs/revisions", {"stages": {"before": [night]}})
    stall.post("/v1/pipelines/packs/publish", {"revision": 1})
    refused = stall.buy("instant")
    assert (refused["state"], refused["problem"]) == ("failed", "purchase_vetoed")
    assert refused["attempts"] == []


def test_a_time_zone_that_is_none_is_told_as_the_page_says(
    written: tuple[Author, list[str]],
) -> None:
    author, _ = written
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
    checks = (*GATE_CHECKS, *OPERATION_CHECKS, *CHARGE_CHECKS, *SCORER_CHECKS, *CALLBACK_CHECKS)
    for check in checks:
        assert f"`{getattr(check, '__name__', '')}`" in PAGE
