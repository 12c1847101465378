"""The page on webhooks is done as it stands, and the game's server is told what it promises."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError
from tests.journeys.stall import Stall, eventually
from tests.servers.guildbank import GuildbankServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(VERIFY,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MAKE_SECRET, SET_SECRET, SAVE, PUBLISH, ADD_SECRET, DROP_SECRET, LIST, ENABLE, REPLAY = COMMANDS
TOLD = ["payments.created", "payments.attempted", "payments.credited"]


class Game:
    """The game's server: it takes what it is sent, or says that it is closed."""

    def __init__(self) -> None:
        self.closed = False
        self.asked: list[tuple[Mapping[str, str], bytes]] = []
        game = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                game.asked.append((dict(self.headers.items()), body))
                said = b"closed" if game.closed else b"thank you"
                self.send_response(503 if game.closed else 200)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}/guildbank"
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hears(self, number: int) -> list[tuple[Mapping[str, str], bytes]]:
        """Wait for so many requests, return and forget them."""
        eventually(lambda: len(self.asked) >= number)
        heard, self.asked = self.asked, []
        assert len(heard) == number
        return heard


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the event as the page's own lines do."""
    known: dict[str, Any] = {"secret": secret, "headers": headers, "body": body}
    exec(VERIFY, known)
    event: dict[str, Any] = known["event"]
    return event


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    private = {"GUILDBANK_EGRESS_PRIVATE": "true"}
    with GuildbankServer(tmp_path_factory.mktemp("told") / "data", variables=private) as server:
        yield server


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    stall = Stall(server)
    yield stall
    stall.close()


@pytest.fixture
def game() -> Iterator[Game]:
    game = Game()
    yield game
    game.close()


class Shell:
    """Somebody who types the page's commands, with the variables that it names."""

    def __init__(self, stall: Stall, server: GuildbankServer, game: Game) -> None:
        key = stall.http.headers["authorization"].removeprefix("Bearer ")
        known = {"GUILDBANK_URL": server.url, "KEY": key, "HOOK": game.url, "no_proxy": "*"}
        self.variables = {**server.environment, **known}

    def types(self, *commands: str, shows: str = "") -> str:
        """Run the commands in one shell; return the last line, or what a variable is then."""
        script = "\necho\n".join([*commands, f'echo "${shows}"' if shows else ""])
        done = subprocess.run(
            ["sh", "-eu", "-c", script], env=self.variables, stdout=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout.strip().splitlines()[-1]


@pytest.fixture
def shell(stall: Stall, server: GuildbankServer, game: Game) -> Shell:
    """A shell in which the page is done as far as its first events."""
    shell = Shell(stall, server, game)
    secret = shell.types(MAKE_SECRET, SET_SECRET, SAVE, PUBLISH, shows="SECRET")
    shell.variables["SECRET"] = secret
    return shell


def test_the_game_is_told_what_becomes_of_a_payment(shell: Shell, stall: Stall, game: Game) -> None:
    payment = stall.buy("instant")
    heard = game.hears(3)
    events = [verified(shell.variables["SECRET"], *one) for one in heard]
    assert [event["type"] for event in events] == TOLD
    assert {event["data"]["payment"] for event in events} == {payment["id"]}
    assert {event["version"] for event in events} == {1}
    known = {
        one["id"].replace("txn_", "evt_"): one
        for one in stall.http.get("/v1/events").json()["items"]
    }
    shown = [known[headers["webhook-id"]] for headers, _ in heard]
    assert [(one["kind"], one["data"]) for one in shown] == [
        (one["type"], one["data"]) for one in events
    ]


def test_a_secret_is_replaced_without_losing_an_event(
    shell: Shell, stall: Stall, game: Game
) -> None:
    old = shell.variables["SECRET"]
    new = shell.types(ADD_SECRET, shows="NEW")
    stall.buy("instant")
    for headers, body in game.hears(3):
        assert verified(old, headers, body) == verified(new, headers, body)
    shell.variables["NEW"] = new
    shell.types(DROP_SECRET)
    stall.buy("instant")
    for headers, body in game.hears(3):
        assert verified(new, headers, body)["version"] == 1
        with pytest.raises(WebhookVerificationError):
            verified(old, headers, body)


def test_what_waits_while_the_game_is_closed_comes_once_the_step_is_enabled(
    shell: Shell, stall: Stall, game: Game
) -> None:
    game.closed = True
    stall.buy("instant")
    eventually(lambda: len(game.asked) >= 2)
    assert {headers["webhook-id"] for headers, _ in game.asked} == {game.asked[0][0]["webhook-id"]}
    assert {body for _, body in game.asked} == {game.asked[0][1]}
    (stands,) = json.loads(shell.types(LIST))["items"]
    assert (stands["step"], stands["waiting"]) == ("tell-game", 3)
    assert stands["problem"] == "Answered 503: closed"
    game.closed = False
    assert json.loads(shell.types(ENABLE)) == {"purpose": "packs", "step": "tell-game"}
    eventually(lambda: not json.loads(shell.types(LIST))["items"][0]["waiting"])
    types = [json.loads(body)["type"] for _, body in game.asked]
    assert types[-3:] == TOLD


def test_what_was_told_of_a_payment_comes_again_as_it_was(
    shell: Shell, stall: Stall, game: Game
) -> None:
    payment = stall.buy("instant")
    first = game.hears(3)
    eventually(lambda: _answers(stall, payment) == ["200 thank you"] * 3)
    shell.variables["PAYMENT"] = payment["id"]
    assert json.loads(shell.types(REPLAY))["events"] == 3
    again = game.hears(3)
    assert [body for _, body in again] == [body for _, body in first]
    assert [one["webhook-id"] for one, _ in again] == [one["webhook-id"] for one, _ in first]


def _answers(stall: Stall, payment: Mapping[str, Any]) -> list[str]:
    told = stall.http.get(f"/v1/payments/{payment['id']}/timeline").json()["items"]
    return [one["facts"]["answer"] for one in told if one["kind"] == "callback.told"]
