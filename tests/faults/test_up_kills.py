"""The processes of a running `guildbank up` are killed under load; it heals and loses nothing."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer
from tests.servers.serving import children_of

from guildbank.infra.postgres import Cluster

TITLE = "real kill -9 under `guildbank up`"
SEED = 20261122
CALLERS = 6
PLAYERS = 3
COINS = 1_000_000
KILLS = ("http worker", "database", "job worker", "http worker", "job worker", "database")
BETWEEN_KILLS = 60
"""So many spends are answered before the next kill: the load is well under way again."""
HEAL_SECONDS = 40
Spend = tuple[str, str, int]
"""Key, player and amount."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuildbankServer]:
    """A deployment of our own to break, with two processes that answer."""
    with GuildbankServer(tmp_path / "data", "--workers=2") as running:
        yield running


def send(client: httpx.Client, spend: Spend) -> httpx.Response:
    key, player, amount = spend
    command = {"playerId": player, "currency": "GEM", "amount": amount}
    return client.post("/v1/spends", json=command, headers={"idempotency-key": key})


@dataclass
class Load:
    """Callers that spend without a pause longer than a person's blink, until told to stop."""

    server: GuildbankServer
    players: Sequence[str]
    answered: dict[str, object] = field(default_factory=dict)
    """The answer to each key that got one."""
    sent: list[Spend] = field(default_factory=list)
    busy: int = 0
    broken: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def call(self, caller: int) -> None:
        """Spend one after the other; an unanswered spend is left for later."""
        dice = random.Random(SEED + caller)
        with self.server.client() as client:
            number = 0
            while not self._over.wait(dice.random() * 0.03):
                number += 1
                spend = (f"{caller}-{number}", dice.choice(self.players), dice.randint(1, 3))
                self.sent.append(spend)
                try:
                    answer = send(client, spend)
                except httpx.TransportError:
                    self.broken += 1
                    continue
                assert answer.status_code in (201, 503), answer.text
                if answer.status_code == 201:
                    self.answered[spend[0]] = answer.json()
                else:
                    self.busy += 1

    def stop(self) -> None:
        """Let every caller end its last call."""
        self._over.set()


def until(happened: Callable[[], object], what: str, server: GuildbankServer) -> None:
    """Wait until it is true; what the server said is shown when it never is."""
    deadline = time.monotonic() + HEAL_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what} in vain:\n{server.said()}"
        time.sleep(0.05)


def under(pid: int, module: str) -> int | None:
    """Return the descendant of a process that runs a module."""
    for child in children_of(pid):
        words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        found = child if module.encode() in words else under(child, module)
        if found is not None:
            return found
    return None


def victims(server: GuildbankServer, what: str) -> frozenset[int]:
    """Return the processes of a kind that run now, none while they are being replaced."""
    with suppress(FileNotFoundError, ProcessLookupError):
        if what == "database":
            pid = Cluster(server.folder / "postgres").pid
        elif what == "job worker":
            pid = under(server.pid, "guildbank.app.worker")
        else:
            parent = under(server.pid, "guildbank.app.serving")
            return frozenset(children_of(parent) if parent is not None else ())
        return frozenset({pid} if pid is not None else ())
    return frozenset()


def kill_one(server: GuildbankServer, what: str, dice: random.Random) -> None:
    """Kill a process and wait for another in its place."""
    wanted = 2 if what == "http worker" else 1
    until(lambda: len(victims(server, what)) == wanted, f"waited for the {what}", server)
    before = victims(server, what)
    dead = dice.choice(sorted(before))
    os.kill(dead, signal.SIGKILL)

    def replaced() -> bool:
        now = victims(server, what)
        return len(now) == wanted and dead not in now

    until(replaced, f"waited for another {what}", server)


def balance(client: httpx.Client, player: str) -> int:
    found = client.get(f"/v1/players/{player}/balances").json()["balances"]
    return int(found[0]["total"])


def furnish(client: httpx.Client) -> list[str]:
    """Add players with coins to spend."""
    players = []
    for number in range(PLAYERS):
        made = client.post("/v1/players", json={"externalId": f"player-{number}"})
        players.append(str(made.json()["id"]))
        command = {"playerId": players[-1], "currency": "GEM", "amount": COINS}
        keyed = {"idempotency-key": f"coins-{number}"}
        assert client.post("/v1/grants", json=command, headers=keyed).status_code == 201
    return players


def send_again(server: GuildbankServer, load: Load) -> dict[str, object]:
    """Send every spend again under its key; return all answers."""

    def retry(spends: Sequence[Spend]) -> list[tuple[str, object]]:
        answers = []
        with server.client() as client:
            for spend in spends:
                answer = send(client, spend)
                assert answer.status_code == 201, answer.text
                answers.append((spend[0], answer.json()))
        return answers

    with ThreadPoolExecutor(CALLERS) as pool:
        shares = pool.map(retry, [load.sent[first::CALLERS] for first in range(CALLERS)])
        return dict(answer for share in shares for answer in share)


@pytest.mark.timeout(180)
def test_up_heals_by_itself_and_every_answered_spend_is_there_once(
    server: GuildbankServer, tally: Counter[str]
):
    dice = random.Random(SEED)
    with server.client() as client:
        load = Load(server, furnish(client))
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(load.call, caller) for caller in range(CALLERS)]
        try:
            for what in KILLS:
                enough = len(load.answered) + BETWEEN_KILLS
                until(lambda enough=enough: len(load.answered) >= enough, "waited", server)  # type: ignore[misc]
                kill_one(server, what, dice)
                tally[f"{what} processes killed"] += 1
            enough = len(load.answered) + BETWEEN_KILLS
            until(lambda: len(load.answered) >= enough, "waited", server)
        finally:
            load.stop()
        for call in calls:
            call.result()
    with server.client() as client:
        spent_before = PLAYERS * COINS - sum(balance(client, one) for one in load.players)
        answers = send_again(server, load)
        changed = [key for key, answer in load.answered.items() if answers[key] != answer]
        assert changed == []
        for player in load.players:
            spent = sum(amount for _, owner, amount in load.sent if owner == player)
            assert balance(client, player) == COINS - spent
        assert client.get("/v1/proof").json()["ok"] is True
    certain = sum(amount for key, _, amount in load.sent if key in load.answered)
    assert certain <= spent_before <= sum(amount for _, _, amount in load.sent)
    for check in ("verify", "proof"):
        told = server.run("ledger", check)
        assert told.returncode == 0, told.stdout + told.stderr
    tally["spends answered under load"] += len(load.answered)
    tally["spends told to come again"] += load.busy
    tally["spends whose connection broke"] += load.broken
    tally["spends lost"] += 0
    tally["spends doubled"] += 0
