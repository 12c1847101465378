"""Who builds a game lets events happen, and hears of them on a server of their own."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from standardwebhooks import Webhook
from tests.servers.guildbank import GUILDBANK, GuildbankServer, environment

from guildbank.app.client import Client
from guildbank.app.triggers import TRIGGERS, trigger

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "try-webhooks.md").read_text()
LISTEN, TRIGGER, LIST = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:3000/guildbank"
SECRET = "whsec_" + "c2VjcmV0IG9mIGEgZ2FtZSBpbiB0aGUgbWFraW5n"
REFUSED = "payments.declined"
PATIENCE_SECONDS = 90


class Game(ThreadingHTTPServer):
    """The server of a game in the making: it verifies what comes, and does not take one kind."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[dict[str, object]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/guildbank"


class _Taking(BaseHTTPRequestHandler):
    server: Game

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        event = Webhook(SECRET).verify(body, {name.lower(): v for name, v in self.headers.items()})
        self.server.taken.append({"id": self.headers["webhook-id"], **event})
        self.send_response(500 if event["type"] == REFUSED else 204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    folder = tmp_path_factory.mktemp("events") / "data"
    private = {"GUILDBANK_EGRESS_PRIVATE": "true"}
    with GuildbankServer(folder, variables=private) as running:
        yield running


@pytest.fixture
def game() -> Iterator[Game]:
    with Game() as game:
        thread = Thread(target=game.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield game
        game.shutdown()
        thread.join()


def test_every_event_of_a_payment_but_the_slow_ones_can_be_let_happen(
    server: GuildbankServer, game: Game, tmp_path: Path
) -> None:
    log = tmp_path / "listen"
    with log.open("wb") as out:
        listening = subprocess.Popen(
            [*GUILDBANK, *LISTEN.replace(ADDRESS, game.url).split()[1:]],
            stdout=out, stderr=subprocess.STDOUT,
            env=environment(**{**server.environment, "WEBHOOK_SECRET": SECRET}),
        )  # fmt: skip
    _until(lambda: "Waiting for events" in log.read_text())
    kinds = server.run(*LIST.split()[1:]).stdout.split()
    assert kinds == list(TRIGGERS)
    ended = server.run(*TRIGGER.split()[1:])
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^payments.credited happened as txn_\w+, of payment pay_\w+\.$", ended.stdout)
    demo = server.credentials.demo
    assert demo is not None

    def happens(kind: str) -> str:
        with Client(server.url, demo.secret_key) as client:
            return str(trigger(client, kind)["id"])

    with ThreadPoolExecutor(4) as pool:
        happened = dict(zip(kinds, pool.map(happens, kinds), strict=True))
    _until(lambda: all(_told(game, kind, id_) for kind, id_ in happened.items()))
    listening.send_signal(signal.SIGINT)
    assert listening.wait(timeout=30) == 0
    shown = log.read_text()
    for kind in TRIGGERS:
        lines = {one.rsplit("  ", 1)[1] for one in shown.splitlines() if f"  {kind}  " in one}
        (line,) = lines
        assert line == ("500 Internal Server Error" if kind == REFUSED else "204 No Content")
    with server.client() as shop:
        proof = shop.get("/v1/proof").json()
    assert proof["ok"], proof


def test_what_is_posted_is_what_the_webhook_of_a_pipeline_posts(
    server: GuildbankServer, game: Game
) -> None:
    """The same bytes, so that a game is built against what it will get."""
    hook = {"id": "tell-game", "plugin": "webhook", "settings": {"url": game.url}}
    with server.client() as shop:
        shop.put(
            "/v1/pipelines/packs/secrets/tell-game",
            json={"slot": "callbacks", **{k: hook[k] for k in ("plugin", "settings")},
                  "secrets": {"secrets": SECRET}},
        ).raise_for_status()  # fmt: skip
        saved = shop.post("/v1/pipelines/packs/revisions", json={"stages": {"callbacks": [hook]}})
        number = saved.raise_for_status().json()["revision"]
        shop.post(
            "/v1/pipelines/packs/publish", json={"revision": number, "over": number - 1}
        ).raise_for_status()
    listening = subprocess.Popen(
        [*GUILDBANK, "listen", f"--forward-to={game.url}", f"--secret={SECRET}",
         "--events=payments.credited", "--json"],
        stdout=subprocess.PIPE, text=True, env=environment(**server.environment),
    )  # fmt: skip
    assert listening.stdout is not None
    assert "Waiting" in listening.stdout.readline()
    assert server.run("trigger", "payments.credited").returncode == 0
    shown = json.loads(listening.stdout.readline())
    credited = "payments.credited"

    def both() -> bool:
        return [one["type"] for one in game.taken].count(credited) == 2

    _until(both)
    listening.send_signal(signal.SIGINT)
    assert listening.wait(timeout=30) == 0
    listening.stdout.close()
    one, other = [told for told in game.taken if told["type"] == credited]
    assert one == other
    assert shown["id"].removeprefix("txn_") == str(one["id"]).removeprefix("evt_")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trigger", "payments.expired"], "no event that can be triggered"),
        (["listen", "--forward-to=localhost:3000"], "begins with http:// or https://"),
        (["listen", "--secret=hunter2"], "begins with whsec_"),
        (["listen", "--key=sk_nobody"], "unauthorized"),
    ],
)
def test_what_cannot_be_done_is_said(server: GuildbankServer, words: list[str], said: str) -> None:
    ended = server.run(*words)
    assert ended.returncode == 1
    assert said in ended.stderr


def _told(game: Game, kind: str, id_: str) -> bool:
    same = id_.replace("txn_", "evt_")
    return any(one["type"] == kind and one["id"] == same for one in game.taken)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
