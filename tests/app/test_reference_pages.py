"""The pages list what the program has: each setting and default, each scope, and real options."""

from pathlib import Path

from tests.architecture.documents import commands
from typer.main import get_command

from guildbank.app.cli import app
from guildbank.app.rooms import BUILT_IN_ROLES, all_rooms, scopes_of
from guildbank.app.who_can_do_what import who_can_do_what
from guildbank.infra.config import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without backticks."""
    text = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def written(default: object) -> str:
    """Return a default as the page writes it."""
    if default in (None, ()):
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def unknown_options(words: list[str]) -> set[str]:
    """Return the options in a command line that its command does not have."""
    command = get_command(app)
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command = inner
    known = {"--help", *(option for one in command.params for option in one.opts)}
    return {word.partition("=")[0] for word in words if word.startswith("--")} - known


def test_the_page_for_operators_lists_every_setting_with_its_default():
    shown = {name: (variable, default) for name, variable, default, _ in
             rows("docs/operate.md", "Settings")}  # fmt: skip
    assert shown == {
        name: (f"{PREFIX}{name.upper()}", written(field.default))
        for name, field in Settings.model_fields.items()
    }


def test_the_page_of_scopes_says_what_the_rooms_declare():
    shown = [tuple(row) for row in rows("docs/keys-and-scopes.md", "Scopes")]
    assert shown == sorted(scopes_of(all_rooms()).items())


def test_the_page_of_permissions_is_the_one_that_the_code_prints():
    page = (ROOT / "docs/who-can-do-what.md").read_text(encoding="utf-8")
    advice = "write it anew: .venv/bin/guildbank permissions > docs/who-can-do-what.md"
    assert page == who_can_do_what(), advice


def test_every_permission_opens_something_and_is_held_by_who_it_is_declared_for():
    page = who_can_do_what()
    for room in all_rooms():
        for name in {**room.scopes, **room.permissions}:
            (line, *_) = [row for row in page.splitlines() if row.startswith(f"| `{name}` ")]
            *_, roles, opens = line.strip("| ").split(" | ")
            held = room.held_by.get(name, ())
            assert roles.split(", ") == [
                role for role in BUILT_IN_ROLES if role in ("owner", "admin", *held)
            ]
            assert " /v1/" in opens, name


def test_rooms_name_roles_and_permissions_that_there_are():
    for room in all_rooms():
        own = {**room.scopes, **room.permissions}
        assert set(room.held_by) <= set(own), room.name
        assert set(room.of_deployment) <= set(own), room.name
        for roles in room.held_by.values():
            assert set(roles) <= set(BUILT_IN_ROLES) - {"owner", "admin"}, room.name


def test_every_option_that_a_page_shows_exists():
    for page in PAGES:
        for program, *words in commands(page.read_text(encoding="utf-8")):
            if program == "guildbank":
                assert not unknown_options(words), f"{page.name}: guildbank {' '.join(words)}"


def test_an_option_that_does_not_exist_is_found():
    assert unknown_options(["key", "create", "--name", "a", "--colour", "b"]) == {"--colour"}
    assert not unknown_options(["key", "create", "--name", "a", "--all-scopes"])
