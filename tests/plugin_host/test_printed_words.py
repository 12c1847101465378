"""What an installed plugin prints is logged, and no secret that it was given stands in it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.plugin_host.apart import context_of, plugin_of

from guildbank.plugin_api.conformance import PURCHASE
from guildbank.plugin_host import Walls

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    async def before_provider(self, context, purchase):
        word, quiet = context.settings["word"], context.settings["plain"]
        if quiet == "thread":
            def fails():
                raise RuntimeError("no list for " + word)
            thread = threading.Thread(target=fails)
            thread.start()
            thread.join()
        elif quiet == "halves":
            os.write(2, ("the key is " + word[:9]).encode())
            await asyncio.sleep(0.3)
            os.write(2, (word[9:] + " and that is all\\n").encode())
        elif quiet == "endless":
            os.write(2, b"x" * 12_000 + word.encode() + b"y" * 12_000 + b"\\n")
        os.write(2, ("done with " + quiet + "\\n").encode())
        return Annotated()
"""
KEY = "sk_printed_0123456789"
ABOUT = {
    "more": 'timeout_seconds=5, secret_fields=frozenset({"word"}),',
    "properties": '"word": {"type": "string"}, "plain": {"type": "string"}',
}


async def printed(plugin: Any, plain: str) -> str:
    """Return what is logged of what the plugin prints in one call."""
    with capture_logs() as lines:
        await plugin.before_provider(context_of(word=KEY, plain=plain), PURCHASE)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            said = "".join(line["words"] for line in lines if line["event"] == "plugin_said")
            if f"done with {plain}" in said:
                return said
            await asyncio.sleep(0.05)
    raise AssertionError(f"it was not logged: {lines}")


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ("thread", "RuntimeError: no list for ***"),
        ("halves", "the key is *** and that is all"),
        ("endless", "xxx***yyy"),
    ],
    ids=["an exception of a thread", "in halves", "in a line without end"],
)
async def test_what_it_prints_is_logged_without_its_secret(
    tmp_path: Path, plain: str, words: str
) -> None:
    async with plugin_of(tmp_path, BODY, **ABOUT) as plugin:
        said = await printed(plugin, plain)
    assert words in said
    assert KEY not in said
