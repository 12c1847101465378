"""Files and functions stay small enough to be read in one sitting."""

import ast
from collections.abc import Iterator
from pathlib import PurePath
from statistics import median, quantiles

import pytest
from tests.architecture.tree import Source, sample, sources, texts

FILE_LINES = 400
FUNCTION_LINES = 60
CODE = {".py", ".sh", ".sql", ".html", ".js", ".css"}
FROZEN = "src/guildbank/infra/migrations/versions/"
"""Schemas that the freeze command wrote: a record of what was, which nobody edits."""


def long_files(files: Iterator[tuple[str, str]]) -> list[str]:
    """Return a sentence for each code file of more than 400 lines."""
    return [
        f"{path} has {count} lines: split it by what it does (at most {FILE_LINES})"
        for path, text in files
        if PurePath(path).suffix in CODE
        and not (path.startswith(FROZEN) and path.endswith(".sql"))
        and (count := text.count("\n")) > FILE_LINES
    ]


def long_functions(source: Source) -> list[str]:
    """Return a sentence for each function of 60 lines or more, its docstring counted."""
    return [
        f"{source.path}:{node.lineno} {node.name} has {length} lines (under {FUNCTION_LINES})"
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) >= FUNCTION_LINES
    ]


def test_no_file_is_longer_than_400_lines():
    assert not long_files(texts())


def test_no_function_reaches_60_lines():
    assert not [finding for source in sources() for finding in long_functions(source)]


def test_half_of_the_files_are_short_and_nine_of_ten_are_moderate(
    capsys: pytest.CaptureFixture[str],
):
    shipped = [s.text.count("\n") for s in sources() if not s.path.startswith("tests/")]
    ninetieth = quantiles(shipped, n=10)[-1]
    with capsys.disabled():
        print(f"\n  {len(shipped)} files, median {median(shipped):.0f} lines, p90 {ninetieth:.0f}")
    assert ninetieth < 300


def test_a_long_file_is_found():
    assert long_files(iter([("a.py", "x\n" * 401)]))
    assert not long_files(iter([("a.py", "x\n" * 400), ("a.md", "x\n" * 401)]))


def test_a_long_function_is_found():
    long = "def f():\n" + "    pass\n" * 59
    assert long_functions(sample(long))
    assert long_functions(sample("async " + long))
    assert not long_functions(sample("def f():\n" + "    pass\n" * 58))
