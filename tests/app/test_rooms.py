"""A process serves the rooms it is told to, and those left out take nobody down with them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer, free_ports
from tests.servers.serving import Serving

WITHOUT_PAYMENTS = ("identity", "journal", "ledger", "store", "wallets")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment with the demo tenant, whose database the other servers share."""
    with GuildbankServer(tmp_path_factory.mktemp("rooms") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def lean(server: GuildbankServer) -> Iterator[Serving]:
    """A server of every room of the demo's daily life but payments."""
    with Serving(server, *WITHOUT_PAYMENTS) as running:
        yield running


def player_with_coins(client: httpx.Client, name: str, coins: int) -> str:
    """Add a player with free coins and return its id."""
    player = str(client.post("/v1/players", json={"externalId": name}).json()["id"])
    assert move(client, "grants", player, coins, f"{name}-coins").status_code == 201
    return player


def move(client: httpx.Client, path: str, player: str, amount: int, key: str) -> httpx.Response:
    command = {"playerId": player, "currency": "GEM", "amount": amount}
    return client.post(f"/v1/{path}", json=command, headers={"idempotency-key": key})


def missing(answer: httpx.Response) -> None:
    """Hold an answer against what an address gets that nobody serves."""
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def buy(client: httpx.Client, player: str, key: str) -> httpx.Response:
    """Buy the first pack with the method that pays at once."""
    pack = client.get("/v1/packs").json()["items"][0]["id"]
    order = {"playerId": player, "packId": pack, "currency": "EUR", "provider": "sandbox"}
    body = {**order, "method": "instant"}
    return client.post("/v1/payments", json=body, headers={"idempotency-key": key})


def test_only_the_named_rooms_have_routes(server: GuildbankServer, lean: Serving):
    with server.client() as whole, lean.client() as client:
        for path in ("/v1/packs", "/v1/players", "/v1/currencies", "/v1/proof"):
            assert client.get(path).status_code == whole.get(path).status_code == 200, path
        for path in ("/v1/payments", "/v1/providers/sandbox", "/v1/plugins"):
            assert whole.get(path).status_code == 200, path
            missing(client.get(path))
        missing(client.post("/v1/payments", json={}, headers={"idempotency-key": "nobody"}))
        missing(client.post("/v1/webhooks/demo/sandbox", content=b"{}"))
        missing(client.get("/v1/tenants"))
        written = client.get("/openapi.json").json()["paths"]
        assert "/v1/spends" in written
        assert not [path for path in written if path.startswith(("/v1/payments", "/v1/tenants"))]


def test_one_room_alone_still_knows_who_calls(server: GuildbankServer):
    with server.client() as whole:
        player = player_with_coins(whole, "loner", 5)
    with Serving(server, "wallets") as alone, alone.client() as client:
        assert move(client, "spends", player, 2, "loner-1").json()["balance"] == 3
        missing(client.get(f"/v1/players/{player}"))
        refused = httpx.post(f"{alone.url}/v1/spends", json={}, trust_env=False)
        assert refused.status_code == 401, refused.text


def test_a_room_that_does_not_exist_is_refused_with_those_that_do(server: GuildbankServer):
    told = server.run("serve", "--rooms=wallets,casino", f"--port={free_ports()}")
    assert told.returncode == 1
    assert "there is no room 'casino'" in told.stderr
    assert "wallets" in told.stderr


def test_a_second_server_leaves_the_counters_of_the_first_alone(server: GuildbankServer):
    with server.client() as client:
        client.get("/v1/currencies")
        asked = 'route="/v1/currencies"'
        assert asked in client.get("/metrics").text
        with Serving(server, "wallets"):
            assert asked in client.get("/metrics").text


def test_one_key_is_one_spend_whichever_server_is_asked(server: GuildbankServer, lean: Serving):
    with server.client() as whole, lean.client() as client:
        player = player_with_coins(whole, "traveller", 10)
        first = move(client, "spends", player, 4, "traveller-1")
        assert first.status_code == 201, first.text
        again = move(whole, "spends", player, 4, "traveller-1")
        assert again.json() == first.json()


def test_payments_are_killed_and_spends_go_on(server: GuildbankServer, lean: Serving):
    """The game goes on without its cashier, and the cashier comes back to the same books."""
    with lean.client() as client:
        player = player_with_coins(client, "undisturbed", 20)
        with Serving(server) as cashier, cashier.client() as till:
            assert buy(till, player, "undisturbed-1").status_code == 201
            spent(client, player, 1)
            kill_whole(cashier)
            with pytest.raises(httpx.TransportError):
                till.get("/v1/payments")
            spent(client, player, 2)
        spent(client, player, 3)
        with Serving(server) as cashier, cashier.client() as till:
            bought = buy(till, player, "undisturbed-1").json()
            deadline = time.monotonic() + 30
            while bought["state"] != "credited":
                assert time.monotonic() < deadline, bought
                time.sleep(0.2)
                bought = till.get(f"/v1/payments/{bought['id']}").json()
            listed = till.get("/v1/payments", params={"playerId": player}).json()["items"]
            assert [one["id"] for one in listed] == [bought["id"]]
        balance = client.get(f"/v1/players/{player}/balances").json()["balances"][0]
        assert balance["total"] == 20 + 110 - 1 - 2 - 3
        assert client.get("/v1/proof").json()["ok"] is True


def spent(client: httpx.Client, player: str, amount: int) -> None:
    answer = move(client, "spends", player, amount, f"{player}-{amount}")
    assert answer.status_code == 201, answer.text


def kill_whole(serving: Serving) -> None:
    """Kill a server's parent and its workers without a word."""
    workers = serving.worker_pids()
    assert workers
    assert serving.stop(signal.SIGKILL) < 0
    for pid in workers:
        # One that noticed the death of its parent may be gone already.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
