"""The files that the architecture tests read: all of the project's own, none that tasks make."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "src/guildbank"

ROOMS = (
    "store",
    "payments",
    "wallets",
    "ledger",
    "pipelines",
    "identity",
    "approvals",
    "notify",
    "journal",
    "tenancy",
)
"""The rooms with a floor plan, upper ones first."""

_TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".sh",
    ".sql",
    ".html",
    ".css",
    ".js",
    ".mjs",
    ".json",
    ".yml",
}
_TEXT_NAMES = {
    "Makefile",
    "bootstrap",
    "test-servers",
    "run",
    ".importlinter",
    ".gitignore",
    "requirements.lock",
}


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the root with forward slashes, its text and its syntax."""

    path: str
    text: str
    syntax: ast.Module = field(repr=False)

    @property
    def room(self) -> str | None:
        """Return the package under src/guildbank that the file lies in, if any."""
        parts = self.path.split("/")
        return parts[2] if self.path.startswith(f"{PACKAGE}/") and len(parts) > 3 else None


def sample(text: str, path: str = f"{PACKAGE}/ledger/sample.py") -> Source:
    """Return a source for a check to be tried on."""
    return Source(path, text, ast.parse(text))


@cache
def paths() -> tuple[str, ...]:
    """Return the paths of all files that belong to the project and exist, sorted.

    Git knows them: committed ones and new ones that are not ignored. An unpacked archive
    has no git; there, everything outside hidden and built folders counts.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        names = set(listed.stdout.decode().split("\0")) - {""}
    except (OSError, subprocess.CalledProcessError):
        names = set(_walk(ROOT))
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _walk(folder: Path) -> Iterator[str]:
    made = {"build", "dist", "node_modules", "__pycache__"}
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name not in made and (not entry.name.startswith(".") or entry.name == ".ci"):
                yield from _walk(entry)
        else:
            yield entry.relative_to(ROOT).as_posix()


@cache
def sources() -> tuple[Source, ...]:
    """Return all Python files of the project."""
    found = []
    for path in paths():
        if path.endswith(".py"):
            text = (ROOT / path).read_text()
            found.append(Source(path, text, ast.parse(text, path)))
    return tuple(found)


def product() -> Iterator[Source]:
    """Yield the Python files that are shipped: the package and the plugins, without tests."""
    for source in sources():
        if source.path.startswith("src/") or (
            source.path.startswith("plugins/") and "/src/" in source.path
        ):
            yield source


def texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of every text file of the project."""
    for path in paths():
        file = ROOT / path
        if file.suffix in _TEXT_SUFFIXES or file.name in _TEXT_NAMES:
            yield path, file.read_text()


def documents() -> Iterator[tuple[str, str]]:
    """Yield path and text of every Markdown page."""
    return ((path, text) for path, text in texts() if path.endswith(".md"))


def docstrings(syntax: ast.AST) -> set[int]:
    """Return the identities of the nodes that are docstrings or bare string statements."""
    return {id(node.value) for node in ast.walk(syntax) if isinstance(node, ast.Expr)}


def strings(syntax: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and value of each string that the program uses; `{}` stands for a placeholder."""
    silent = docstrings(syntax)
    inside: set[int] = set()
    for node in ast.walk(syntax):
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                inside.add(id(part))
                parts.append(str(part.value) if isinstance(part, ast.Constant) else "{}")
            if id(node) not in silent:
                yield node.lineno, "".join(parts)
        elif id(node) in silent | inside:
            continue
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
