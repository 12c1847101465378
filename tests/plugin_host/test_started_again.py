"""A plugin that is made ready again tells no step what it was given for another one."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from tests.plugin_host.apart import Peer, context_of, plugin_of

from guildbank.plugin_api import HttpAnswer, Method, NoAnswer
from guildbank.plugin_api.conformance import PURCHASE
from guildbank.plugin_host import Walls
from guildbank.plugin_host.apart import PluginFailed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    async def start(self, context):
        word = context.settings["word"]
        try:
            await context.http.send("GET", "https://peer.example/")
        except Exception as error:
            raise RuntimeError(f"no list for {word}") from error

    async def before_provider(self, context, purchase):
        os._exit(3)
"""
SECRET = 'timeout_seconds=2, secret_fields=frozenset({"word"}),'


class Leaving(Peer):
    """A peer that goes away."""

    away = False

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        if self.away:
            raise NoAnswer("nobody answers")
        return await super().send(method, url, headers=headers, body=body)


async def test_another_step_is_not_told_what_one_was_started_with(tmp_path: Path) -> None:
    peer = Leaving()
    one, other = context_of(word="the-first-one-s"), context_of(word="the-other-s")
    async with plugin_of(tmp_path, BODY, more=SECRET) as plugin:
        await plugin.start(msgspec.structs.replace(one, http=peer))
        with pytest.raises(PluginFailed, match="was ended"):
            await plugin.before_provider(other, PURCHASE)
        peer.away = True
        await asyncio.sleep(1)
        with pytest.raises(PluginFailed) as told:
            await plugin.before_provider(other, PURCHASE)
    assert str(told.value) == "no list for ***"
