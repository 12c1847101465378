"""A file says first why it exists, and no name stands for "whatever did not fit elsewhere"."""

import ast
import re

from tests.architecture.tree import Source, paths, sample, sources

DRAWERS = re.compile(r"^_*(utils?|helpers?|managers?|common|misc|shared)$")
DRAWER_CLASSES = re.compile(r"(Utils?|Helpers?|Manager|Common|Misc)$")


def missing_opening(source: Source) -> list[str]:
    """Return a sentence when the file does not open with a docstring that ends a sentence."""
    opening = ast.get_docstring(source.syntax)
    if not opening:
        return [f"{source.path} does not open with a docstring"]
    first = opening.split("\n\n")[0].strip()
    if not first.endswith((".", "?", "!")) or len(first) < 20:
        return [f"{source.path} opens with {first!r}, which is no sentence"]
    return []


def drawer_paths(names: tuple[str, ...]) -> list[str]:
    """Return a sentence for each path with a part that is a drawer's name."""
    return [
        f"{path}: {part} says nothing of what is in it"
        for path in names
        for part in path.split("/")
        if DRAWERS.match(part.split(".")[0])
    ]


def drawer_classes(source: Source) -> list[str]:
    """Return a sentence for each class that is named like a drawer."""
    return [
        f"{source.path}:{node.lineno} class {node.name} says nothing of what it does"
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.ClassDef) and DRAWER_CLASSES.search(node.name)
    ]


def test_every_python_file_opens_with_a_sentence():
    assert not [finding for source in sources() for finding in missing_opening(source)]


def test_no_file_or_folder_is_a_drawer():
    assert not drawer_paths(paths())


def test_no_class_is_a_drawer():
    assert not [finding for source in sources() for finding in drawer_classes(source)]


def test_a_missing_opening_is_found():
    assert missing_opening(sample("import os\n"))
    assert missing_opening(sample('"""Ledger"""\n'))
    assert not missing_opening(sample('"""Posts transfers as one atomic act."""\n'))


def test_a_drawer_is_found():
    assert drawer_paths(("src/guildbank/ledger/utils.py",))
    assert drawer_paths(("src/guildbank/common/money.py",))
    assert not drawer_paths(("src/guildbank/ledger/post.py", "docs/commons.md"))
    assert drawer_classes(sample("class WalletManager: ..."))
    assert not drawer_classes(sample("class Wallet: ..."))
