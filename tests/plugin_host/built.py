"""Wheels of small plugins, written by tests as an author's build tool writes them."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

HEAD = """
import asyncio, ctypes, os, signal, socket, sys, threading, time
from guildbank.plugin_api import *
from guildbank.plugin_api.conformance import GateRehearsal, PURCHASE


class One:
    manifest = Manifest(
        id="{id}", version="{version}", slot=Slot.{slot}, title="A plugin of tests", {more}
        settings_schema={{
            "type": "object", "additionalProperties": False,
            "properties": {{{properties}}},
        }},
    )
"""
GATE = """
    async def before_provider(self, context, purchase):
        return Annotated(annotations={"word": str(context.settings.get("word", "none"))})
"""


WORD = '"word": {"type": "string"}'


def plugin_code(
    body: str,
    *,
    id_: str = "fence",
    slot: str = "MIDDLEWARE",
    more: str = "",
    version: str = "1.0.0",
    properties: str = WORD,
) -> str:
    """Return a module with a plugin whose methods are `body`."""
    head = HEAD.format(id=id_, slot=slot, more=more, version=version, properties=properties)
    return head + body + "\n\nPLUGIN = One()\n"


def build_wheel(
    folder: Path,
    files: Mapping[str, str | bytes],
    *,
    name: str = "fence",
    points: str = "fence = fence_plugin:PLUGIN",
    requires: tuple[str, ...] = (),
) -> Path:
    """Write a wheel with these files, its metadata and its record of hashes."""
    info = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    whole: dict[str, str | bytes] = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if points:
        whole[f"{info}/entry_points.txt"] = f"[guildbank.plugins]\n{points}\n"
    record = "".join(_line(path, content) for path, content in whole.items())
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name_, content in whole.items():
            file.writestr(name_, content)
        file.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def _line(path: str, content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(raw)}\n"


def plugin_wheel(folder: Path, body: str = GATE, **about: str) -> Path:
    """Write the wheel of one plugin in one module."""
    return build_wheel(folder, {"fence_plugin.py": plugin_code(body, **about)})
