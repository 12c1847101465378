"""Reads Markdown pages: their commands, their links and their headings."""

import re
import shlex
from collections.abc import Iterator

_FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"(?m)^#{1,6}\s+(.+?)\s*$")
_PROGRAMS = ("make ", "guildbank ", "./", "examples/", "scripts/", ".ci/")


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each shell command that a page shows, in a block or in a line.

    Only programs of ours count: make, guildbank and scripts by path. Variables set in front and a
    prompt are left out, and so is what follows a `#`.
    """
    shown = [
        line
        for language, block in _FENCE.findall(text)
        if language in {"sh", "bash", "console"}
        for line in block.replace("\\\n", " ").splitlines()
    ]
    shown += _SPAN.findall(_FENCE.sub("", text))
    for line in shown:
        bare = re.sub(r"^\$\s+", "", line.strip())
        bare = re.sub(r"^(\w+=\S*\s+)+", "", bare).removeprefix(".venv/bin/")
        if bare.startswith(_PROGRAMS):
            try:
                yield shlex.split(bare.replace("...", ""), comments=True)
            except ValueError:
                yield [bare]


def links(text: str) -> Iterator[str]:
    """Yield the target of each link outside code blocks."""
    yield from _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def sections(text: str) -> dict[str, str]:
    """Return title and body of each second-level section, in order."""
    parts = re.split(r"(?m)^## +(.+?) *$", text)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}
