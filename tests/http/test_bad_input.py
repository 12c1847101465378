"""Whatever is sent wrong gets a clear 4xx with a code, changes nothing, and breaks nothing."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

BEYOND_JSON = 2**53
WEBHOOK = "/v1/webhooks/demo/sandbox"


@pytest.fixture(scope="module")
def player(server: GuildbankServer) -> str:
    """A player with 100 free coins."""
    with server.client() as client:
        made = client.post("/v1/players", json={"externalId": "careless"})
        player_id = str(made.json()["id"])
        granted = send(client, "/v1/grants", player_id, amount=100)
        assert granted.status_code == 201, granted.text
    return player_id


@pytest.fixture(autouse=True)
def _nothing_changes(server: GuildbankServer, player: str) -> Iterator[None]:
    """Every test here leaves the player's balance and the books as they were."""
    with server.client() as client:
        before = client.get(f"/v1/players/{player}/statement").json()
        yield
        assert client.get(f"/v1/players/{player}/statement").json() == before


def send(client: httpx.Client, path: str, player_id: str, **fields: object) -> httpx.Response:
    """Send a movement of coins with a fresh key, and these fields instead of good ones."""
    command = {"playerId": player_id, "currency": "GEM", "amount": 1, **fields}
    key = {"idempotency-key": f"bad-{time.monotonic_ns()}"}
    return client.post(path, json=command, headers=key)


def raw(client: httpx.Client, body: bytes, media: str = "application/json") -> httpx.Response:
    """Send bytes as a spend."""
    headers = {"content-type": media, "idempotency-key": f"raw-{time.monotonic_ns()}"}
    return client.post("/v1/spends", content=body, headers=headers)


def refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """Hold an answer against RFC 9457 and the code that is expected."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["requestId"] == answer.headers["x-request-id"]
    if field is not None:
        assert problem["field"] == field


@pytest.mark.parametrize("body", [b"{", b"", b'{"amount": 1', b"\xff\xfe", b"nope", b"{'a': 1}"])
def test_malformed_json(client: httpx.Client, body: bytes):
    answer = raw(client, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in ("malformed_json", "body_required")


@pytest.mark.parametrize("amount", ["1", True, None, [1], {"units": 1}, 1.5])
def test_amounts_of_a_wrong_type(client: httpx.Client, player: str, amount: object):
    refused(send(client, "/v1/spends", player, amount=amount), 422, "wrong_type", "amount")


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "amount_not_positive"),
        (-1, "amount_not_positive"),
        (BEYOND_JSON, "out_of_range"),
        (10**30, "out_of_range"),
    ],
)
def test_zero_negative_and_huge_amounts(client: httpx.Client, player: str, amount: int, code: str):
    for path in ("/v1/grants", "/v1/spends", "/v1/holds"):
        refused(send(client, path, player, amount=amount), 422, code, "amount")


def test_an_unknown_field_is_named(client: httpx.Client, player: str):
    refused(send(client, "/v1/spends", player, amuont=5), 422, "unknown_field", "amuont")


def test_a_missing_field_is_named(client: httpx.Client):
    answer = client.post("/v1/players", json={})
    refused(answer, 422, "missing_field", "externalId")


def test_an_unknown_asset(client: httpx.Client, player: str):
    answer = send(client, "/v1/spends", player, currency="RUBLES")
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("unknown_currency", "unknown_asset")


def test_more_than_there_is(client: httpx.Client, player: str):
    refused(send(client, "/v1/spends", player, amount=101), 422, "insufficient_funds")


def test_a_key_used_for_another_command(client: httpx.Client, player: str):
    key = {"idempotency-key": "twice"}
    command = {"playerId": player, "currency": "GEM", "amount": 200}
    assert client.post("/v1/spends", json=command, headers=key).status_code == 422
    command["amount"] = 300
    # A refusal leaves the key free, so this is refused for itself.
    refused(client.post("/v1/spends", json=command, headers=key), 422, "insufficient_funds")


@pytest.mark.parametrize("key", ["", "a" * 256, "two words", "naïve"])
def test_an_unusable_idempotency_key(client: httpx.Client, player: str, key: str):
    command = {"playerId": player, "currency": "GEM", "amount": 1}
    headers = [(b"idempotency-key", key.encode("utf-8"))]
    answer = client.post("/v1/spends", json=command, headers=httpx.Headers(headers))
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"].startswith("idempotency_key_")


def test_no_idempotency_key(client: httpx.Client, player: str):
    command = {"playerId": player, "currency": "GEM", "amount": 1}
    refused(client.post("/v1/spends", json=command), 400, "idempotency_key_required")


def test_another_tenants_objects_do_not_exist(server: GuildbankServer, player: str):
    with server.client(server.credentials.deployment_key) as deployment:
        deployment.post("/v1/tenants", json={"slug": "stranger", "name": "Stranger"})
        scopes = ["players:read", "ledger:read", "wallets:spend", "payments:read", "players:token"]
        wanted = {"name": "spy", "tenant": "stranger", "scopes": scopes}
        token = deployment.post("/v1/keys", json=wanted).json()["token"]
    with server.client(token) as spy:
        refused(spy.get(f"/v1/players/{player}"), 404, "not_found")
        assert spy.get(f"/v1/players/{player}/balances").status_code == 404
        assert spy.get(f"/v1/players/{player}/statement").status_code == 404
        assert spy.post(f"/v1/players/{player}/tokens").status_code == 404
        assert send(spy, "/v1/spends", player).status_code in (404, 422)
        assert spy.get("/v1/players").json()["items"] == []


@pytest.mark.parametrize(
    "token", ["none", "sk_" + "a" * 43, "eyJhbGciOiJub25lIn0.e30.", "x" * 5000]
)
def test_forged_credentials(server: GuildbankServer, token: str):
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.get(f"{server.url}/v1/players", headers=headers, trust_env=False)
    refused(answer, 401, "unauthorized")


def test_a_player_token_that_was_changed(
    server: GuildbankServer, client: httpx.Client, player: str
):
    token = client.post(f"/v1/players/{player}/tokens").json()["token"]
    head, claims, signature = token.split(".")
    forged = f"{head}.{claims[:-2]}AA.{signature}"
    with server.client(forged) as thief:
        refused(thief.get(f"/v1/players/{player}"), 401, "unauthorized")
    with server.client(token) as owner:
        refused(owner.post("/v1/grants", json={}), 403, "forbidden")
        other = client.post("/v1/players", json={"externalId": "neighbour"}).json()["id"]
        refused(owner.get(f"/v1/players/{other}/balances"), 404, "not_found")


def test_no_credentials(server: GuildbankServer):
    answer = httpx.get(f"{server.url}/v1/players", trust_env=False)
    refused(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "t=NOW,v1=" + "0" * 64, "garbage"])
def test_bad_webhook_signatures(server: GuildbankServer, signature: str | None):
    # The name of a test must be the same in every process that collects it.
    signed = signature and signature.replace("NOW", str(int(time.time())))
    headers = {} if signed is None else {"sandbox-signature": signed}
    answer = httpx.post(f"{server.url}{WEBHOOK}", content=b"{}", headers=headers, trust_env=False)
    refused(answer, 400, "bad_signature")


def test_an_old_webhook_sent_again(server: GuildbankServer):
    then = int(time.time()) - 86_400
    mark = hmac.new(b"guess", f"{then}.".encode() + b"{}", hashlib.sha256).hexdigest()
    headers = {"sandbox-signature": f"t={then},v1={mark}"}
    answer = httpx.post(f"{server.url}{WEBHOOK}", content=b"{}", headers=headers, trust_env=False)
    refused(answer, 400, "bad_signature")


def test_webhooks_of_nobody(server: GuildbankServer):
    for path in ("/v1/webhooks/nobody/sandbox", "/v1/webhooks/demo/nothing"):
        answer = httpx.post(f"{server.url}{path}", content=b"{}", trust_env=False)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["code"]


def test_a_body_over_the_limit(client: httpx.Client, player: str):
    refused(send(client, "/v1/spends", player, note="x" * 2_000_000), 413, "body_too_large")


def test_ten_thousand_keys_of_metadata(client: httpx.Client, player: str):
    metadata = {f"key{number}": "value" for number in range(10_000)}
    refused(send(client, "/v1/spends", player, metadata=metadata), 422, "out_of_range", "metadata")


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\x1b[31m", "line\nbreak"])
def test_control_characters(client: httpx.Client, text: str):
    answer = client.post("/v1/players", json={"externalId": text})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "externalId"


def test_nul_bytes_in_metadata_and_paths(client: httpx.Client, player: str):
    answer = send(client, "/v1/spends", player, metadata={"note": "a\x00b"})
    assert answer.status_code == 422, answer.text
    assert client.get("/v1/players/%00").status_code in (400, 404)
    assert client.get("/v1/players", params={"externalId": "\x00"}).status_code == 422


def test_half_a_surrogate(client: httpx.Client):
    body = b'{"externalId": "\\ud800"}'
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/players", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting(client: httpx.Client, opening: bytes):
    answer = raw(client, opening * 100_000)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["code"] in ("malformed_json", "wrong_type", "unknown_field")


def test_another_media_type(client: httpx.Client):
    refused(
        raw(client, b"amount=1", "application/x-www-form-urlencoded"), 415, "unsupported_media_type"
    )


def test_unknown_addresses_methods_and_parameters(client: httpx.Client):
    refused(client.get("/v1/nothing"), 404, "not_found")
    refused(client.delete("/v1/spends"), 405, "method_not_allowed")
    refused(client.get("/v1/players", params={"limt": 5}), 422, "unknown_field", "limt")
    refused(client.get("/v1/players", params={"limit": 0}), 422, "out_of_range", "limit")
    refused(client.get("/v1/players", params={"after": "forged"}), 422, "invalid_value", "after")


@pytest.mark.parametrize("price", ["4.999", "-1", "0", "1e3", "4,99", "NaN", "9" * 40, 4.99])
def test_prices_that_are_no_money(client: httpx.Client, price: object):
    pack = {
        "name": "Odd",
        "currency": "GEM",
        "coins": 10,
        "prices": [{"price": {"amount": price, "currency": "EUR"}}],
    }
    answer = client.post("/v1/packs", json=pack)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"].startswith("prices")


def test_a_duplicated_json_name_is_one_command_or_none(client: httpx.Client, player: str):
    command = json.dumps({"playerId": player, "currency": "GEM"})[:-1]
    answer = raw(client, f'{command}, "amount": 101, "amount": 102}}'.encode())
    assert 400 <= answer.status_code < 500, answer.text
