"""The project reads the same on every machine: no path of one, no registry, no silent skip."""

import ast
import re

from tests.architecture.tree import Source, sample, sources, texts

# Spelled so that this file is no finding of its own rule.
MACHINE_FOLDERS = ("work", "root", "home", "tmp", "opt", "Users")
REGISTRIES = (r"pypi\.org", r"pythonhosted\.org", r"registry\.npmjs\.org")
MACHINE_PATH = re.compile(rf"(?<![\w.}}-])/({'|'.join(MACHINE_FOLDERS)})/[\w.]")
REGISTRY = re.compile("|".join(REGISTRIES))


def local_words(path: str, text: str) -> list[str]:
    """Return a sentence for each line that holds a path of one machine or a registry's host."""
    return [
        f"{path}:{number} says {found.group(0)!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for found in (MACHINE_PATH.search(line), REGISTRY.search(line))
        if found
    ]


def unexplained_skips(source: Source) -> list[str]:
    """Return a sentence for each skip or expected failure that does not say why."""
    found = []
    for node in ast.walk(source.syntax):
        if not isinstance(node, ast.expr):
            continue
        name = _dotted(node.func if isinstance(node, ast.Call) else node)
        if name == "pytest.skip" and isinstance(node, ast.Call):
            explained = bool(node.args or node.keywords)
        elif re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", name):
            explained = isinstance(node, ast.Call) and any(
                keyword.arg == "reason"
                and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
                for keyword in node.keywords
            )
            explained = explained or id(node) in _called_names(source.syntax)
        else:
            continue
        if not explained:
            found.append(f"{source.path}:{node.lineno} {name} gives no reason")
    return found


def _called_names(syntax: ast.AST) -> set[int]:
    """A mark that is called is judged as a call, not a second time as a name."""
    return {id(node.func) for node in ast.walk(syntax) if isinstance(node, ast.Call)}


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_no_file_names_a_machines_folder_or_a_registry():
    assert not [finding for path, text in texts() for finding in local_words(path, text)]


def test_every_skip_says_why():
    assert not [finding for source in sources() for finding in unexplained_skips(source)]


def test_local_words_are_found():
    for folder in MACHINE_FOLDERS:
        assert local_words("a.py", f'DATA = "/{folder}/x"'), folder
    for host in REGISTRIES:
        assert local_words("a.lock", f"--index-url https://{host}/simple".replace("\\", "")), host
    assert not local_words("a.md", "GET /v1/players, src/guildbank/home/page, ../root/x")


def test_an_unexplained_skip_is_found():
    for code in (
        "pytest.skip()",
        "@pytest.mark.skip\ndef test_a(): ...",
        "@pytest.mark.skipif(True)\ndef test_a(): ...",
        "@pytest.mark.xfail(reason='')\ndef test_a(): ...",
    ):
        assert unexplained_skips(sample(code)), code
    for code in (
        "pytest.skip('no Chromium here')",
        "@pytest.mark.skipif(True, reason='needs two users')\ndef test_a(): ...",
    ):
        assert not unexplained_skips(sample(code)), code
