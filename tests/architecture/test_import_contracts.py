"""The import contracts cover every room and module that exists, and they catch a wrong import."""

import ast
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from tests.architecture.tree import PACKAGE, ROOMS, ROOT, Source, paths, sample, sources

PREFIX = "importlinter:contract:"
FLOOR = {"room", "http", "jobs", "subscribers", "usecases", "store", "tables", "rules", "contracts"}


def contracts() -> ConfigParser:
    """Return the contracts as they are written."""
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def packages() -> set[str]:
    """Return the packages under src/guildbank."""
    return {s.room for s in sources() if s.path.startswith(f"{PACKAGE}/") and s.room}


def listed(contract: str, field: str) -> set[str]:
    """Return the lines of a contract's field."""
    return set(contracts()[f"{PREFIX}{contract}"][field].split())


def own_door(source: Source) -> list[str]:
    """Return a sentence for each import of a room's own door from inside: a knot in the making."""
    door = f"guildbank.{source.room}"
    return [
        f"{source.path}:{node.lineno} imports its own door: import the module"
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.ImportFrom) and node.module == door
        if source.room in ROOMS and source.path != f"{PACKAGE}/{source.room}/__init__.py"
        if not all(_is_module(source.room, alias.name) for alias in node.names)
    ]


def _is_module(room: str, name: str) -> bool:
    folder = ROOT / PACKAGE / room
    return (folder / f"{name}.py").exists() or (folder / name).is_dir()


def test_every_room_has_a_floor_plan_and_a_door():
    rooms = packages() - {"app", "plugin_host", "infra", "plugin_api", "kernel"}
    assert set(ROOMS) == rooms
    assert listed("floor-plan", "containers") == {f"guildbank.{room}" for room in rooms}
    for room in rooms:
        assert listed(f"door-{room}", "protected_modules") == {f"guildbank.{room}.*"}


def test_every_plugin_is_held_off_every_room():
    forbidden = {f"guildbank.{package}" for package in packages() - {"kernel", "plugin_api"}}
    assert listed("plugins", "forbidden_modules") == forbidden
    plugins = {
        path.split("/")[3] for path in paths() if "/src/" in path and path.startswith("plugins/")
    }
    assert plugins
    assert plugins <= listed("plugins", "source_modules")


def test_pure_modules_with_names_of_their_own_are_held_to_purity():
    for room in ROOMS:
        modules = {
            source.path.split("/")[3].removesuffix(".py")
            for source in sources()
            if source.path.startswith(f"{PACKAGE}/{room}/")
        }
        for module in modules - FLOOR - {"__init__"}:
            name = f"guildbank.{room}.{module}"
            impure = module in contracts()[f"{PREFIX}floor-plan"]["layers"].split("(rules)")[0]
            assert impure or name in listed("pure", "source_modules"), name


def test_no_module_imports_its_own_door():
    assert not [finding for source in sources() for finding in own_door(source)]


def test_an_import_of_the_own_door_is_found():
    assert own_door(sample("from guildbank.ledger import post"))
    assert not own_door(sample("from guildbank.ledger import lots"))
    assert not own_door(sample("from guildbank.ledger.rules import decide"))
    assert not own_door(sample("from guildbank.journal import append"))


def test_the_contracts_catch_an_import_upwards_and_one_behind_a_door(tmp_path: Path):
    """The real configuration judges a tiny house with two wrong imports."""
    for room in (*ROOMS, "app", "plugin_host", "infra", "plugin_api", "kernel"):
        (tmp_path / "guildbank" / room).mkdir(parents=True)
        (tmp_path / "guildbank" / room / "__init__.py").touch()
    (tmp_path / "guildbank" / "__init__.py").touch()
    for plugin in listed("plugins", "source_modules"):
        (tmp_path / plugin).mkdir()
        (tmp_path / plugin / "__init__.py").touch()
    (tmp_path / "guildbank/ledger/rules.py").write_text("import sqlalchemy\n")
    (tmp_path / "guildbank/journal/rules.py").write_text("import guildbank.ledger\n")
    (tmp_path / "guildbank/wallets/rules.py").write_text("import guildbank.ledger.rules\n")
    (tmp_path / "guildbank/store/drawer.py").write_text("")
    (tmp_path / "guildbank_sandbox/reach.py").write_text("import guildbank.infra\n")
    _keep_only(tmp_path / ".importlinter", {"rooms", "floor-plan", "door-ledger", "plugins"})
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 1, linted.stderr
    assert "Contracts: 0 kept, 4 broken." in linted.stdout, linted.stdout


def _keep_only(file: Path, kept: set[str]) -> None:
    parser = contracts()
    for section in parser.sections():
        if section.startswith(PREFIX) and section.removeprefix(PREFIX) not in kept:
            parser.remove_section(section)
    with file.open("w") as opened:
        parser.write(opened)


def reaches_past_plugins(source: Source) -> list[str]:
    """Return a sentence for each import of Guildbank that a plugin may not make."""
    return [
        f"{source.path}:{node.lineno} imports {node.module}"
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.ImportFrom)
        and re.match(r"guildbank(\.|$)", node.module or "")
        and not re.match(r"guildbank\.(plugin_api|kernel)(\.|$)", node.module or "")
    ]


def test_examples_show_nothing_that_a_plugin_may_not_do():
    examples = [source for source in sources() if source.path.startswith("examples/")]
    assert examples
    assert not [finding for source in examples for finding in reaches_past_plugins(source)]


def test_a_plugin_that_reaches_too_far_is_found():
    assert reaches_past_plugins(sample("from guildbank.payments import buy"))
    assert reaches_past_plugins(sample("from guildbank import wallets"))
    assert not reaches_past_plugins(sample("from guildbank.plugin_api import Veto"))
    assert not reaches_past_plugins(sample("from guildbank_night_guard.plugin import PLUGIN"))
