"""Whoever ends may finish and let go, in that order and in time; who does not is left or killed."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.pipelines.gates import Gate
from tests.plugin_host.apart import context_of, gate_in, put_in
from tests.plugin_host.built import plugin_wheel
from tests.plugin_host.test_upgrades import SlowPeer, running

from guildbank.plugin_api import Closes, Drains
from guildbank.plugin_api.conformance import PURCHASE
from guildbank.plugin_host import Plugins, Walls
from guildbank.plugin_host import parting as by_us
from guildbank.plugin_host.apart import House, find_installed, folder_of, isolated, join_installed
from guildbank.plugin_host.apart import remove_installed as remove

walled = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")


class Ending(Gate):
    """A gate that notes how it ends, in a list that it shares with the test."""

    def __init__(self, id_: str, told: list[str], **does: Any) -> None:
        super().__init__(id_)
        self._told, self._does = told, does

    async def drain(self) -> None:
        await self._end("drain")

    async def close(self) -> None:
        await self._end("close")

    async def _end(self, verb: str) -> None:
        self._told.append(f"{self.manifest.id} {verb}")
        does = self._does.get(verb)
        if isinstance(does, BaseException):
            raise does
        while does == "hangs":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # Once more: one that does not even hear that it is given up.
                does = None
                await asyncio.Event().wait()


async def test_at_the_end_each_drains_and_then_closes() -> None:
    told: list[str] = []
    plugin = Ending("one", told)
    assert isinstance(plugin, Drains)
    assert isinstance(plugin, Closes)
    await Plugins([("one", plugin), ("plain", Gate("plain"))]).close()
    assert told == ["one drain", "one close"]


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (ValueError("the key is quiet-token-1"), "ValueError"),
        (SystemExit(3), "RuntimeError"),
        ("hangs", "it was not done within 0.2 seconds"),
    ],
    ids=["raises", "exits", "hangs"],
)
async def test_one_that_ends_badly_is_left_and_logged_without_its_words(
    does: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_us, "PARTING", (("drain", 0.2), ("close", 0.2)))
    told: list[str] = []
    bad, good = Ending("bad", told, drain=does, close=does), Ending("good", told)
    with capture_logs() as logs:
        await asyncio.wait_for(Plugins([("bad", bad), ("good", good)]).close(), 5)
    assert sorted(told) == ["bad close", "bad drain", "good close", "good drain"]
    failed = [(one["event"], one["plugin"], one["error"]) for one in logs]
    assert failed == [("plugin_drain_failed", "bad", said), ("plugin_close_failed", "bad", said)]


TELLS = """
    async def before_provider(self, context, purchase):
        if context.settings.get("word") == "slow":
            await context.http.send("GET", "https://peer.example/")
        return Annotated()

    async def drain(self):
        print("{version} drains", file=sys.stderr, flush=True)
        {drain}

    async def close(self):
        print("{version} closes", file=sys.stderr, flush=True)
        {close}
"""


async def put(
    folder: Path,
    version: str = "1.0.0",
    *,
    drain: str = "pass",
    close: str = "pass",
    more: str = "",
) -> None:
    body = TELLS.format(version=version, drain=drain, close=close)
    refused = await put_in(folder / "data", plugin_wheel(folder, body, version=version, more=more))
    assert refused is None, refused


async def begun(folder: Path, **settings: Any) -> tuple[Plugins, House, Any]:
    plugins = Plugins()
    house = join_installed(plugins, folder / "data")
    plugin = gate_in(plugins)
    await plugin.before_provider(context_of(**settings), PURCHASE)
    return plugins, house, plugin


async def left(house: House) -> None:
    await asyncio.wait_for(asyncio.gather(*house._leaving), 20)


def words(logs: list[Any]) -> str:
    return "".join(one["words"] for one in logs if one["event"] == "plugin_said")


def failures(logs: list[Any]) -> list[tuple[str, str]]:
    return [(one["event"], one["error"]) for one in logs if "_failed" in one["event"]]


@walled
async def test_behind_the_wall_one_that_is_replaced_finishes_its_calls_drains_and_closes(
    tmp_path: Path,
) -> None:
    await put(tmp_path)
    peer = SlowPeer()
    with capture_logs() as logs:
        plugins, house, old = await begun(tmp_path)
        slow = msgspec.structs.replace(context_of(word="slow"), http=peer)
        under_way = asyncio.create_task(old.before_provider(slow, PURCHASE))
        await peer.asked.wait()
        await put(tmp_path, "1.1.0")
        assert await plugins.look_again()
        await asyncio.sleep(0.3)
        assert "drains" not in words(logs)
        peer.go.set()
        await under_way
        await left(house)
        assert running(house, old) == 0
        assert words(logs) == "1.0.0 drains\n1.0.0 closes\n"
        await plugins.close()
    assert words(logs) == "1.0.0 drains\n1.0.0 closes\n1.1.0 drains\n1.1.0 closes\n"
    assert not failures(logs)


@walled
async def test_behind_the_wall_one_that_is_removed_drains_and_closes(tmp_path: Path) -> None:
    await put(tmp_path)
    with capture_logs() as logs:
        plugins, house, plugin = await begun(tmp_path)
        remove(find_installed(folder_of(tmp_path / "data")))
        assert await plugins.look_again()
        await left(house)
    assert words(logs) == "1.0.0 drains\n1.0.0 closes\n"
    assert running(house, plugin) == 0


@walled
async def test_behind_the_wall_one_that_nobody_calls_any_more_drains_and_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(tmp_path)
    with capture_logs() as logs:
        plugins, house, plugin = await begun(tmp_path)
        await plugins.look_again()
        assert running(house, plugin) == 1
        monkeypatch.setattr(isolated, "IDLE_SECONDS", 0.0)
        await plugins.look_again()
        await left(house)
        assert running(house, plugin) == 0
        await plugins.close()
    assert words(logs) == "1.0.0 drains\n1.0.0 closes\n"


@walled
@pytest.mark.parametrize(
    ("does", "said"),
    [
        ('raise ValueError("no peer for quiet-token-1")', "PluginFailed: no peer for ***"),
        ("await asyncio.sleep(60)", "it was not done within 0.5 seconds"),
        ("time.sleep(60)", "it was not done within 0.5 seconds"),
    ],
    ids=["raises", "hangs", "spins"],
)
async def test_behind_the_wall_one_that_ends_badly_is_ended_and_logged_without_secrets(
    does: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "PARTING", (("drain", 0.5), ("close", 0.5)))
    await put(tmp_path, drain=does, more='secret_fields=frozenset({"word"}),')
    with capture_logs() as logs:
        plugins, house, plugin = await begun(tmp_path, word="quiet-token-1")
        (place,) = house._places.values()
        process = place.process
        await asyncio.wait_for(plugins.close(), 10)
    assert failures(logs)[0] == ("plugin_drain_failed", said)
    assert "quiet-token-1" not in str(logs)
    assert process is not None
    assert process.ended is not None
    assert running(house, plugin) == 0


@walled
async def test_a_call_that_never_ends_does_not_keep_the_server_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "AT_END_SECONDS", 0.2)
    await put(tmp_path)
    plugins, _, plugin = await begun(tmp_path)
    peer = SlowPeer()
    slow = msgspec.structs.replace(context_of(word="slow"), http=peer)
    under_way = asyncio.create_task(plugin.before_provider(slow, PURCHASE))
    await peer.asked.wait()
    await asyncio.wait_for(plugins.close(), 10)
    with pytest.raises(Exception, match="the server ends"):
        await under_way
