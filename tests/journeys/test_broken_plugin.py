"""Whoever runs the host gets rid of a plugin that breaks, with what the command line offers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.journeys.stall import Stall, done, eventually, refused
from tests.plugin_host.built import GATE, plugin_wheel
from tests.servers.guildbank import GuildbankServer

from guildbank.plugin_host import Walls

WITH_FENCE: dict[str, object] = {"stages": {"before": [{"id": "fence", "plugin": "fence"}]}}


HANGS = f"    async def start(self, context):\n        time.sleep(3600)\n{GATE}"
"""A gate that hangs before it can be asked anything."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuildbankServer]:
    with GuildbankServer(tmp_path / "data") as running:
        yield running


def publish_fence(stall: Stall) -> None:
    number = stall.post("/v1/pipelines/packs/revisions", WITH_FENCE)["revision"]
    stall.post("/v1/pipelines/packs/publish", {"revision": number})


def tries(stall: Stall) -> httpx.Response:
    """Try to buy, and return what is answered."""
    order = {"playerId": stall.player, "packId": stall.pack, "currency": "EUR"}
    more = {"provider": "sandbox", "returnUrl": "https://game.example/", "method": "instant"}
    return stall.send("/v1/payments", {**order, **more})


def starts_again(server: GuildbankServer, *options: str) -> None:
    server.stop()
    server._options = options
    server.start()


@pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")
def test_an_upgrade_that_breaks_is_switched_off_from_outside(
    server: GuildbankServer, tmp_path: Path
) -> None:
    def install(version: str, body: str) -> None:
        wheel = plugin_wheel(tmp_path, body, version=version, more="timeout_seconds=2,")
        made = server.run("plugin", "install", str(wheel))
        assert made.returncode == 0, made.stderr

    install("1.0.0", GATE)
    with closing(Stall(server)) as stall:
        eventually(lambda: "fence" in {one["id"] for one in plugins(stall)})
        publish_fence(stall)
        stall.bought()
        install("1.0.1", HANGS)
        eventually(lambda: refused_for_the_fence(stall))
        assert stall.move("grants", 1).status_code == 201, server.said()
        # It is there when the server starts again, and the server starts all the same.
        starts_again(server)
        assert refused_for_the_fence(stall)
        starts_again(server, "--safe")
        said = " ".join(server.said().split())
        assert "safe mode: only plugins that come with Guildbank run" in said
        assert refused_for_the_fence(stall)
        # Taken away at once it would be missed, and the command says by whom.
        kept = server.run("plugin", "remove", "fence")
        assert kept.returncode == 1
        assert f"revision 1 of packs of tenant {stall.slug}" in " ".join(kept.stderr.split())
        stall.post("/v1/pipelines/packs/publish", {"revision": 0})
        stall.bought()
        gone = server.run("plugin", "remove", "fence")
        assert gone.returncode == 0, gone.stderr
        eventually(lambda: "fence" not in {one["id"] for one in plugins(stall)})
        # How many were sold before the upgrade was taken up is a matter of seconds.
        assert done(stall.http.get("/v1/proof"))["ok"] is True


def plugins(stall: Stall) -> list[dict[str, str]]:
    found: list[dict[str, str]] = done(stall.http.get("/v1/plugins"))["items"]
    return found


def refused_for_the_fence(stall: Stall) -> bool:
    """Try to buy; say whether it was refused, and no money was asked for."""
    answer = tries(stall)
    if answer.status_code == 503:
        return refused(answer)[1] == "pipeline_unavailable"
    payment = done(answer)
    return (payment["state"], payment["problem"]) == ("failed", "gate_unavailable")


def in_environment(folder: Path, code: str) -> str:
    """Put a plugin into a folder of Python's path as pip does; return the path."""
    info = folder / "acme_fence-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme_fence.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-fence\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[guildbank.plugins]\nfence = acme_fence:PLUGIN\n")
    return str(folder)


def test_a_plugin_in_the_environment_that_ends_every_process_is_left_out_in_safe_mode(
    tmp_path: Path,
) -> None:
    path = in_environment(tmp_path / "site", "import os\nos._exit(3)\n")
    server = GuildbankServer(tmp_path / "data", variables={"PYTHONPATH": path})
    with pytest.raises(RuntimeError) as failed:
        server.start()
    said = " ".join(str(failed.value).split())
    assert "A plugin may be why: fence (pip: acme-fence)" in said
    assert "`guildbank up --safe` starts without them" in said
    server._options = ("--safe",)
    with server:
        with closing(Stall(server)) as stall:
            stall.bought()
        tried = server.run("plugin", "remove", "fence", PYTHONPATH=path, GUILDBANK_SAFE="true")
        assert tried.returncode == 1
        assert "`pip uninstall acme-fence` takes it away" in " ".join(tried.stderr.split())
