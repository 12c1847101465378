"""A plugin made by `guildbank plugin new` passes its own tests and its contract as it is."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from guildbank.app.scaffold import SETTINGS, CannotMake, Kind, make

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]


class Made(NamedTuple):
    """New plugins in `folder`, installed into `target` and into nothing else."""

    folder: Path
    target: Path


def run(
    *words: object, cwd: Path, target: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program of the environment, which also finds what is installed in the target."""
    first, *rest = map(str, words)
    environment = {**os.environ, "COLUMNS": "200"}
    if target is not None:
        environment["PYTHONPATH"] = str(target)
    return subprocess.run(
        [BIN / first, *rest], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def name_of(kind: Kind) -> str:
    return f"my-own_{kind}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder, target = tmp_path_factory.mktemp("new"), tmp_path_factory.mktemp("target")
    for kind in Kind:
        wrote = run("guildbank", "plugin", "new", name_of(kind), "--slot", kind, cwd=folder)
        assert wrote.returncode == 0, wrote.stderr
        assert f"guildbank plugin test {name_of(kind)}" in wrote.stdout
    options = ["--offline", "--no-deps", "--no-build-isolation", "--python", sys.executable]
    plugins = [folder / name_of(kind) for kind in Kind]
    installed = run("uv", "pip", "install", *options, "--target", target, *plugins, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    return Made(folder, target)


@pytest.mark.parametrize("kind", Kind)
def test_a_new_plugin_passes_its_own_tests(made: Made, kind: Kind) -> None:
    place = made.folder / name_of(kind)
    tested = run("python", "-m", "pytest", "-p", "no:cacheprovider", cwd=place, target=made.target)
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout


@pytest.mark.parametrize("kind", Kind)
def test_a_new_plugin_is_found_and_keeps_its_contract(made: Made, kind: Kind) -> None:
    settings = [word for one in SETTINGS.get(kind, ()) for word in ("--setting", one)]
    words = ["guildbank", "plugin", "test", name_of(kind), *settings]
    tried = run(*words, cwd=made.folder, target=made.target)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "FAILED" not in tried.stdout
    assert "the_manifest_is_well_formed" in tried.stdout


def test_new_plugins_have_the_house_format_and_types(made: Made) -> None:
    names = [f"guildbank_my_own_{kind}" for kind in Kind]
    ours = f"lint.isort.known-first-party={['guildbank', *names]!r}".replace("'", '"')
    house = ["--no-cache", "--config", ROOT / "pyproject.toml"]
    for words in (
        ["ruff", "check", *house, "--config", ours, "--ignore", "S101,D103,D101,D102,D104", "."],
        ["ruff", "format", "--check", *house, "."],
        ["mypy", "--strict", "--cache-dir", os.devnull, *(f"-p{name}" for name in names)],
    ):
        checked = run(*words, cwd=made.folder, target=made.target)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("My-Own", "'My-Own' is no plugin id"),
        ("x", "'x' is no plugin id"),
        ("../up", "'../up' is no plugin id"),
        ("ends-", "'ends-' is no plugin id"),
        ("x" * 64, "is no plugin id"),
        ("night_guard", "A plugin 'night_guard' is installed already."),
        ("is-there", "is-there exists already."),
        ("leads-nowhere", "leads-nowhere exists already."),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_written(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "is-there").mkdir()
    (tmp_path / "leads-nowhere").symlink_to("nowhere")
    with pytest.raises(CannotMake, match=re.escape(sentence)):
        make(name, Kind.ENTRY, tmp_path, {"night-guard"})
    assert {path.name for path in tmp_path.rglob("*")} == {"is-there", "leads-nowhere"}


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotMake, match=r"There is no folder .*elsewhere\. Make it"):
        make("mine", Kind.ENTRY, tmp_path / "elsewhere", ())
    with pytest.raises(CannotMake, match=r"/proc/mine could not be written: No such file"):
        make("mine", Kind.ENTRY, Path("/proc"), ())
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_why_it_wrote_nothing(tmp_path: Path) -> None:
    refused = run("guildbank", "plugin", "new", "stripe", "--slot", "provider", cwd=tmp_path)
    assert refused.returncode == 1
    assert "A plugin 'stripe' is installed already. Choose another name." in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_has_the_templates(tmp_path: Path) -> None:
    options = ["--offline", "--no-build-isolation", "--python", sys.executable, "--quiet"]
    built = run("uv", "build", "--wheel", *options, "--out-dir", tmp_path, ROOT, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if name.endswith(".template")}
    templates = (ROOT / "src/guildbank/app/scaffold/templates").rglob("*.template")
    assert packed == {path.relative_to(ROOT / "src").as_posix() for path in templates}
