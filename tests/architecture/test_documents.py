"""What the pages promise is there: commands run, links lead somewhere, decisions give reasons."""

import posixpath
import re
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath

from tests.architecture.documents import anchors, commands, links, sections
from tests.architecture.test_ownership import table_names
from tests.architecture.tree import PACKAGE, ROOMS, ROOT, documents, sources
from typer.testing import CliRunner

from guildbank.app.cli import app
from guildbank.app.rooms import all_rooms, obstacles_of

DECISION = ["Context", "Decision", "Consequences", "Alternatives"]
DECISIONS = "docs/decisions/"


@cache
def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"(?m)^([a-z][\w-]*):", (ROOT / "Makefile").read_text()))


@cache
def is_cli_command(*words: str) -> bool:
    """Ask the command line whether it knows `guildbank WORDS`."""
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def unknown_commands(
    path: str, text: str, known: Callable[..., bool] = is_cli_command
) -> list[str]:
    """Return a sentence for each command of a page that does not exist."""
    found = []
    for program, *arguments in commands(text):
        words = [word for word in arguments if re.fullmatch(r"[a-z][a-z-]*", word)]
        shown = " ".join([program, *arguments])
        if program == "make":
            exists = set(words) <= make_targets()
        elif program == "guildbank":
            leading = arguments[:2] if len(words) > 1 and arguments[:2] == words[:2] else words[:1]
            exists = known(*leading)
        else:
            exists = (ROOT / program).exists()
        if not exists:
            found.append(f"{path} shows `{shown}`, which does not exist")
    return found


def dead_links(path: str, text: str, pages: dict[str, str]) -> list[str]:
    """Return a sentence for each relative link that leads to no file or no heading."""
    found = []
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        folder = PurePosixPath(path).parent.as_posix()
        place = posixpath.normpath(posixpath.join(folder, target)) if target else path
        if not (ROOT / place).exists() and place not in pages:
            found.append(f"{path} links to {link}, which is not there")
        elif anchor and anchor not in anchors(pages.get(place, "")):
            found.append(f"{path} links to {link}, whose heading is not there")
    return found


def unreasoned(path: str, text: str) -> list[str]:
    """Return a sentence when a decision lacks a number, a title or one of its four sections."""
    found = []
    if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.removeprefix(DECISIONS)):
        found.append(f"{path} is not named like 0001-what-was-decided.md")
    if not text.startswith("# "):
        found.append(f"{path} has no title")
    written = sections(text)
    if list(written) != DECISION or not all(len(body) > 40 for body in written.values()):
        found.append(f"{path} must have the sections {', '.join(DECISION)}, each with a text")
    return found


def test_every_command_that_a_page_shows_exists():
    assert not [finding for path, text in documents() for finding in unknown_commands(path, text)]


def test_every_link_leads_somewhere():
    pages = dict(documents())
    assert not [
        finding for path, text in pages.items() for finding in dead_links(path, text, pages)
    ]


def test_every_decision_gives_context_consequences_and_alternatives():
    decisions = [(path, text) for path, text in documents() if path.startswith(DECISIONS)]
    assert decisions
    assert not [finding for path, text in decisions for finding in unreasoned(path, text)]
    numbers = [int(path.removeprefix(DECISIONS)[:4]) for path, _ in decisions]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_room_has_a_page_that_names_its_tables():
    for room in ROOMS:
        page = ROOT / PACKAGE / room / "README.md"
        assert page.exists(), f"{room} has no README.md: tables owned, laws kept, who may call"
        mine = [source for source in sources() if source.room == room]
        for name in {name for source in mine for _, name in table_names(source)}:
            assert name in page.read_text(), f"{room}/README.md does not name its table {name}"


def test_the_page_on_privacy_names_all_that_an_erasure_waits_for():
    page = (ROOT / "docs/privacy.md").read_text()
    unnamed = [one.name for one in obstacles_of(all_rooms()) if f"| `{one.name}` |" not in page]
    assert not unnamed, unnamed


def test_an_unknown_command_is_found():
    def known(*words: str) -> bool:
        return words in {("up",), ("key",), ("key", "create")}

    assert unknown_commands("a.md", "Run `make everything`.", known)
    assert unknown_commands("a.md", "```sh\n$ CI=true make tset\n```\n", known)
    assert unknown_commands("a.md", "```sh\nexamples/second_purchase.sh\n```\n", known)
    assert unknown_commands("a.md", "`guildbank down`", known)
    assert unknown_commands("a.md", "`guildbank key forge`", known)
    assert not unknown_commands("a.md", "`make up ARGS='--port 8081'` or `make test`", known)
    assert not unknown_commands("a.md", "`guildbank up --port 80` `guildbank key create x`", known)


def test_a_dead_link_is_found():
    pages = {"docs/a.md": "# One heading: here\n"}
    assert dead_links("docs/b.md", "[x](c.md)", pages)
    assert dead_links("docs/b.md", "[x](a.md#two)", pages)
    assert not dead_links("docs/b.md", "[x](a.md#one-heading-here) [y](../Makefile)", pages)


def test_an_unreasoned_decision_is_found():
    body = "Words that say enough to be a reason for someone else.\n"
    whole = "# T\n" + "".join(f"## {title}\n{body}" for title in DECISION)
    assert not unreasoned(f"{DECISIONS}0001-a.md", whole)
    assert unreasoned(f"{DECISIONS}0001-a.md", whole.replace("Alternatives", "Notes"))
    assert unreasoned(f"{DECISIONS}a.md", whole)
