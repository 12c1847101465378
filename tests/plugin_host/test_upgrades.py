"""A newer version of an installed plugin takes the older one's place while both are called."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.plugin_host.apart import context_of, gate_in, put_in
from tests.plugin_host.built import GATE, plugin_wheel

from guildbank.plugin_api import HttpAnswer, Slot
from guildbank.plugin_api.conformance import PURCHASE
from guildbank.plugin_host import Plugins
from guildbank.plugin_host.apart import House, Walls, find_installed, folder_of, join_installed
from guildbank.plugin_host.apart import remove_installed as remove

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

SAYS = """
    async def before_provider(self, context, purchase):
        if context.settings.get("word") == "slow":
            await context.http.send("GET", "https://peer.example/")
        return Annotated(annotations={{"by": "{version}"}})
"""
PROVIDER = """
    async def create_payment(self, context, request):
        return Outcome(status=OutcomeStatus.PENDING)

    fetch_payment = cancel_payment = refund = fetch_refund = create_payment
    read_webhook = test_connection = create_payment
"""


async def put_version(tmp_path: Path, version: str, body: str = SAYS, **about: str) -> Any:
    wheel = plugin_wheel(tmp_path, body.format(version=version), version=version, **about)
    return await put_in(tmp_path / "data", wheel)


async def asked(plugin: Any, **settings: Any) -> str:
    said = await plugin.before_provider(context_of(**settings), PURCHASE)
    return str(said.annotations["by"])


def running(house: House, plugin: Any) -> int:
    """Return how many processes of a version there are."""
    places = [place for (one, _), place in house._places.items() if one is plugin]
    return sum(place.process is not None and place.process.ended is None for place in places)


class SlowPeer:
    """A peer that answers when the test lets it."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def send(self, *_: Any, **__: Any) -> Any:
        self.asked.set()
        await self.go.wait()
        return HttpAnswer(status=200, headers={}, body=b"")


async def test_the_new_one_answers_while_the_old_one_ends_what_it_is_at(tmp_path: Path):
    assert await put_version(tmp_path, "1.0.0") is None
    plugins, peer = Plugins(), SlowPeer()
    house = join_installed(plugins, tmp_path / "data")
    old = gate_in(plugins)
    slow = msgspec.structs.replace(context_of(word="slow"), http=peer)
    under_way = asyncio.create_task(old.before_provider(slow, PURCHASE))
    await peer.asked.wait()
    assert await put_version(tmp_path, "1.1.0") is None
    assert await plugins.look_again()
    new = gate_in(plugins)
    assert new is not old
    # Its process was begun before it was called, since the old one's runs.
    assert running(house, new) == 1
    assert await asked(new) == "1.1.0"
    assert running(house, old) == 1
    peer.go.set()
    assert (await under_way).annotations == {"by": "1.0.0"}
    await asyncio.wait_for(asyncio.gather(*house._leaving), 5)
    assert running(house, old) == 0
    assert not await plugins.look_again()
    await plugins.close()


async def test_only_a_newer_version_of_the_same_slot_takes_its_place(tmp_path: Path):
    assert await put_version(tmp_path, "1.10.0") is None
    older = await put_version(tmp_path, "1.9.0")
    scorer = """
    async def score(self, context, purchase):
        return Scored(points=0)
"""
    elsewhere = await put_version(tmp_path, "2.0.0", scorer, slot="SCORER")
    assert older.code == "plugin_not_newer"
    assert "1.10.0 is installed" in older.detail
    assert elsewhere.code == "plugin_id_taken"
    assert len(find_installed(folder_of(tmp_path / "data"))) == 1


async def test_an_older_version_stays_for_payments_that_only_it_reads(tmp_path: Path):
    about = {"slot": "PROVIDER"}
    first = await put_version(tmp_path, "1.0.0", PROVIDER, **about)
    second = await put_version(tmp_path, "2.0.0", PROVIDER, more="state_version=2,", **about)
    reads = "state_version=3, reads_states=frozenset({2}),"
    third = await put_version(tmp_path, "3.0.0", PROVIDER, more=reads, **about)
    assert [first, second, third] == [None, None, None]
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")

    def by(*states: int) -> str | None:
        found = plugins.reader("fence", states)
        return None if found is None else found.manifest.version

    assert plugins.provider("fence") is plugins.reader("fence", ())
    assert [by(), by(3), by(2), by(2, 3), by(1), by(1, 2), by(4)] == [
        "3.0.0", "3.0.0", "3.0.0", "3.0.0", "1.0.0", None, None,
    ]  # fmt: skip
    assert [one.version for one in plugins.manifests()] == ["3.0.0"]
    assert [one.older for one in plugins.reports] == [False, True, True]


async def test_without_its_newest_version_the_one_before_answers_again(tmp_path: Path):
    assert await put_version(tmp_path, "1.0.0") is None
    assert await put_version(tmp_path, "1.1.0") is None
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")
    assert await asked(gate_in(plugins)) == "1.1.0"
    newest, before = find_installed(folder_of(tmp_path / "data"))
    remove([newest])
    assert await plugins.look_again()
    assert await asked(gate_in(plugins)) == "1.0.0"
    remove([before])
    assert await plugins.look_again()
    assert gate_in(plugins) is None
    await plugins.close()


async def test_where_the_newest_version_was_changed_no_older_one_takes_its_place(tmp_path: Path):
    assert await put_version(tmp_path, "1.0.0") is None
    assert await put_version(tmp_path, "1.1.0") is None
    changed = folder_of(tmp_path / "data") / "fence@1.1.0" / "files" / "fence_plugin.py"
    changed.write_text(changed.read_text() + "\nx = 1\n")
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")
    assert gate_in(plugins) is None
    assert [one.problem is None for one in plugins.reports] == [False, False]


async def test_what_ships_with_guildbank_is_never_replaced(tmp_path: Path):
    assert await put_version(tmp_path, "1.0.0", GATE.replace("{", "{{").replace("}", "}}")) is None

    class Shipped:
        manifest = find_installed(folder_of(tmp_path / "data"))[0].installed.manifest  # type: ignore[union-attr]

        async def before_provider(self, *_: Any) -> None:
            raise AssertionError("nobody asks it here")

    shipped = Shipped()
    plugins = Plugins([("fence", shipped)])
    join_installed(plugins, tmp_path / "data")
    assert plugins.at(Slot.MIDDLEWARE, "fence") is shipped
    assert "another plugin has the id" in (plugins.reports[1].problem or "")
