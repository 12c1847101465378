"""Stopping loses nothing that was answered, and a killed database comes back by itself."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
from tests.servers.guildbank import GuildbankServer

from guildbank.infra.postgres import Cluster

CALLERS = 4


def grant(client: httpx.Client, player: str, key: str) -> httpx.Response:
    """Give the player one coin."""
    command = {"playerId": player, "currency": "GEM", "amount": 1}
    return client.post("/v1/grants", json=command, headers={"idempotency-key": key})


def free_coins(client: httpx.Client, player: str) -> int:
    """Return the player's free coins."""
    found = client.get(f"/v1/players/{player}/balances").json()["balances"]
    return int(found[0]["free"])


class Callers:
    """Threads that grant one coin after the other until the server is gone."""

    def __init__(self, server: GuildbankServer, player: str) -> None:
        self.granted = 0
        self.begun = 0
        self._server, self._player = server, player
        self._count = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for all of them."""
        for thread in self._threads:
            thread.join()

    def _call(self, caller: int) -> None:
        with self._server.client() as client:
            for number in range(100_000):
                with self._count:
                    self.begun += 1
                try:
                    answer = grant(client, self._player, f"{caller}-{number}")
                except httpx.TransportError:
                    return
                assert answer.status_code in (201, 503), answer.text
                with self._count:
                    self.granted += answer.status_code == 201


def test_what_was_answered_before_ctrl_c_is_there_after_the_next_start(tmp_path: Path):
    server = GuildbankServer(tmp_path / "data", "--workers=2")
    with server:
        with server.client() as client:
            player = client.post("/v1/players", json={"externalId": "busy"}).json()["id"]
        callers = Callers(server, player)
        time.sleep(2)
        assert server.stop(signal.SIGINT) == 0
        callers.join()
        assert "killed" not in server.said()
    with server, server.client() as client:
        # Each caller may have had one request on its way that nobody answered.
        assert callers.granted <= free_coins(client, player) <= callers.granted + CALLERS
        assert callers.granted > 0
        before = free_coins(client, player)
        kill_the_database(server)
        deadline = time.monotonic() + 60
        key = "after the crash".replace(" ", "-")
        while grant(client, player, key).status_code != 201:
            assert time.monotonic() < deadline, server.said()
            time.sleep(0.2)
        assert free_coins(client, player) == before + 1
    assert server.run("ledger", "verify").returncode == 0


def kill_the_database(server: GuildbankServer) -> None:
    """End PostgreSQL without a word."""
    pid = Cluster(server.folder / "postgres").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
