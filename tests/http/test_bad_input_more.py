"""Every route that moves value, and batches, refuse wrong input as clearly as a single spend."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

BATCH = "/v1/operations:batch"
MOVES = ("grant", "spend", "hold", "capture", "reversal", "posting", "batch", "purchase")
BAD_AMOUNTS: tuple[object, ...] = (
    0,
    -1,
    -(2**63),
    1.5,
    1e300,
    2**53,
    2**63,
    2**64,
    10**400,
    "1",
    True,
    [1],
    {},
)
BAD_MONEY = ("0", "0.00", "-1", "1.999", "1e3", "1,00", "NaN", "9" * 40, "", " 1", 1, 1.5, None)
MOST_OPERATIONS = 8_000
VALUE_CODES = (
    "amount_not_positive",
    "invalid_value",
    "missing_field",
    "out_of_range",
    "wrong_type",
)


class Owner:
    """A player with coins, a hold and a grant, so that every route has something to refuse."""

    def __init__(self, client: httpx.Client) -> None:
        made = client.post("/v1/players", json={"externalId": f"owner-{secrets.token_hex(4)}"})
        self.id = str(made.json()["id"])
        granted = self.send(client, "/v1/grants", {**self.move, "amount": 100})
        self.grant = str(granted["transactionId"])
        self.hold = str(self.send(client, "/v1/holds", {**self.move, "amount": 10})["holdId"])
        packs = client.get("/v1/packs").json()["items"]
        self.pack = next(str(pack["id"]) for pack in packs if pack["openAmount"])
        bought = self.send(client, "/v1/payments", {**self.order, "coins": 20})
        self.payment = str(bought["id"])

    @property
    def move(self) -> dict[str, Any]:
        return {"playerId": self.id, "currency": "GEM"}

    @property
    def order(self) -> dict[str, Any]:
        order = {"playerId": self.id, "packId": self.pack, "currency": "EUR"}
        return {**order, "provider": "sandbox"}

    @staticmethod
    def send(client: httpx.Client, path: str, body: object) -> dict[str, Any]:
        answer = client.post(path, json=body, headers=fresh())
        assert answer.status_code in (201, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def calls(self, amount: object) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return, by name, path and body of every call that moves this amount."""
        leg = {"from": {"house": "issue"}, "to": {"playerId": self.id, "bucket": "free"}}
        moved = {**self.move, "amount": amount}
        operation = {"verb": "spend", "key": secrets.token_hex(8), **moved}
        money = {"amount": amount, "currency": "EUR"}
        return {
            "grant": ("/v1/grants", moved),
            "spend": ("/v1/spends", moved),
            "hold": ("/v1/holds", moved),
            "capture": (f"/v1/holds/{self.hold}/capture", {"amount": amount}),
            "reversal": ("/v1/reversals", {"transactionId": self.grant, "amount": amount}),
            "posting": ("/v1/postings", {"legs": [{**leg, "currency": "GEM", "amount": amount}]}),
            "batch": (BATCH, {"mode": "each", "operations": [operation]}),
            "purchase": ("/v1/payments", {**self.order, "coins": amount}),
            "refund": (f"/v1/payments/{self.payment}/refunds", {"amount": money}),
        }


def fresh() -> dict[str, str]:
    return {"idempotency-key": secrets.token_hex(8)}


@pytest.fixture(scope="module")
def owner(server: GuildbankServer) -> Owner:
    """The player whose books every refusal leaves alone."""
    with server.client() as client:
        return Owner(client)


@pytest.fixture(autouse=True)
def _nothing_changes(server: GuildbankServer, owner: Owner) -> Iterator[None]:
    """Every test here leaves the player's coins, holds and payments as they were."""
    reads = ("/statement", "/balances")

    def look(client: httpx.Client) -> list[object]:
        found = [client.get(f"/v1/players/{owner.id}{read}").json() for read in reads]
        found[1].pop("seq")
        payments = client.get("/v1/payments", params={"playerId": owner.id}).json()
        return [*found, payments, client.get(f"/v1/holds/{owner.hold}").json()]

    with server.client() as client:
        before = look(client)
        yield
        assert look(client) == before


def refused(
    answer: httpx.Response, status: int | tuple[int, ...], code: str | tuple[str, ...]
) -> dict[str, Any]:
    """Hold an answer against RFC 9457, and return the problem."""
    statuses = status if isinstance(status, tuple) else (status,)
    codes = code if isinstance(code, tuple) else (code,)
    assert answer.status_code in statuses, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] in codes, problem
    assert problem["detail"]
    assert len(answer.content) < 4_000
    return problem


def operations(owner: Owner, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return good spends of one coin with these changes; a value of ... leaves the field out."""
    made = []
    for change in changes:
        good = {"verb": "spend", "key": secrets.token_hex(8), **owner.move, "amount": 1}
        made.append({name: one for name, one in {**good, **change}.items() if one is not ...})
    return made


def batch(client: httpx.Client, found: object, mode: object = "each") -> httpx.Response:
    return client.post(BATCH, json={"mode": mode, "operations": found})


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=lambda amount: str(amount)[:12])
@pytest.mark.parametrize("name", MOVES)
def test_amounts_that_are_none(client: httpx.Client, owner: Owner, name: str, amount: object):
    path, body = owner.calls(amount)[name]
    problem = refused(client.post(path, json=body, headers=fresh()), 422, VALUE_CODES)
    assert problem["field"].split(".")[-1] in ("amount", "coins")


@pytest.mark.parametrize("amount", BAD_MONEY, ids=lambda amount: str(amount)[:12])
def test_money_that_is_none(client: httpx.Client, owner: Owner, amount: object):
    path, body = owner.calls(amount)["refund"]
    problem = refused(client.post(path, json=body, headers=fresh()), 422, VALUE_CODES)
    assert problem["field"] == "amount.amount"


@pytest.mark.parametrize("name", ["grant", "spend", "hold", "posting"])
def test_ten_thousand_keys_of_metadata_anywhere(client: httpx.Client, owner: Owner, name: str):
    path, body = owner.calls(1)[name]
    body["metadata"] = {f"key{number}": "value" for number in range(10_000)}
    problem = refused(client.post(path, json=body, headers=fresh()), 422, "out_of_range")
    assert problem["field"] == "metadata"


@pytest.mark.parametrize("name", ["grant", "spend", "hold", "posting"])
@pytest.mark.parametrize(
    "metadata",
    [
        {"a": "\x00"},
        {"a\x00": "b"},
        {"": "b"},
        {"a": 1},
        {"a": {"b": "c"}},
        {"a": "x" * 501},
        [],
        "a",
    ],
)
def test_metadata_that_is_none(client: httpx.Client, owner: Owner, name: str, metadata: object):
    path, body = owner.calls(1)[name]
    answer = client.post(path, json={**body, "metadata": metadata}, headers=fresh())
    refused(answer, 422, VALUE_CODES)


@pytest.mark.parametrize("name", MOVES)
def test_depths_in_any_field(client: httpx.Client, owner: Owner, name: str):
    path, body = owner.calls(1)[name]
    for field in body:
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            deep = opening * 20_000 + "1" + closing * 20_000
            text = json.dumps({**body, field: "HERE"}).replace('"HERE"', deep)
            headers = {**fresh(), "content-type": "application/json"}
            answer = client.post(path, content=text, headers=headers)
            refused(answer, (400, 422), ("malformed_json", *VALUE_CODES))


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"verb": "steal"}, "invalid_value", "verb"),
        ({"verb": ...}, "missing_field", "verb"),
        ({"key": ...}, "missing_field", "key"),
        ({"key": ""}, "out_of_range", "key"),
        ({"key": "two words"}, "invalid_value", "key"),
        ({"key": "nul\x00"}, "invalid_value", "key"),
        ({"key": "x" * 256}, "out_of_range", "key"),
        ({"playerId": ...}, "missing_field", "playerId"),
        ({"currency": ...}, "missing_field", "currency"),
        ({"amount": ...}, "missing_field", "amount"),
        ({"amount": None}, "missing_field", "amount"),
        ({"holdId": "hold_x"}, "unknown_field", "holdId"),
        ({"expiresInSeconds": 60}, "unknown_field", "expiresInSeconds"),
        ({"coins": 5}, "unknown_field", "coins"),
        ({"verb": "capture"}, "unknown_field", "playerId"),
        ({"verb": "capture", "playerId": ..., "currency": ...}, "missing_field", "holdId"),
        ({"verb": "hold", "expiresInSeconds": 0}, "out_of_range", "expiresInSeconds"),
        ({"verb": "reverse", "currency": ...}, "missing_field", "transactionId"),
        ({"metadata": {f"k{n}": "v" for n in range(10_000)}}, "out_of_range", "metadata"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_one_wrong_operation_and_none_of_the_batch_is_done(
    client: httpx.Client, owner: Owner, change: dict[str, Any], code: str, field: str
):
    answer = batch(client, operations(owner, {}, change, {}))
    problem = refused(answer, 422, code)
    assert problem["field"].startswith("operations.1")
    assert problem["field"].endswith(field)


def test_a_batch_of_wrong_shape(client: httpx.Client, owner: Owner):
    good = operations(owner, {})
    shapes: list[object] = [[], None, {}, "spend", 7, [None], [[]], ["spend"], [*good, 5]]
    for found in shapes:
        refused(batch(client, found), 422, VALUE_CODES)
    for mode in ("some", "", None, 1, "EACH"):
        refused(batch(client, good, mode), 422, VALUE_CODES)
    refused(client.post(BATCH, json={"operations": good}), 422, "missing_field")
    refused(client.post(BATCH, json={"mode": "each"}), 422, "missing_field")
    refused(client.post(BATCH, json=good), 422, "wrong_type")


def test_more_operations_than_a_batch_takes(client: httpx.Client, owner: Owner):
    small = {"verb": "release", "holdId": "hold_x"}
    many = [{**small, "key": f"k{number}"} for number in range(MOST_OPERATIONS + 1)]
    assert refused(batch(client, many), 422, "out_of_range")["field"] == "operations"
    answer = batch(client, many[1:])
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["done"] == 0
    assert {one["code"] for one in answer.json()["outcomes"]} == {"unknown_hold"}
    assert refused(batch(client, many[:1_001], "all"), 422, "out_of_range")["field"] == "operations"


def test_a_batch_of_too_many_bytes(client: httpx.Client, owner: Owner):
    fat = {"metadata": {f"k{number}": "x" * 500 for number in range(50)}}
    refused(batch(client, operations(owner, *[fat] * 200)), 413, "body_too_large")


def test_keys_given_twice_in_a_batch_are_the_same_command_or_refused(client: httpx.Client):
    other = str(client.post("/v1/players", json={"externalId": "twin"}).json()["id"])
    key = secrets.token_hex(8)
    grant = {"verb": "grant", "key": key, "playerId": other, "currency": "GEM", "amount": 5}
    # A key belongs to its verb: the same one for a spend is another operation.
    spend = {**grant, "verb": "spend", "amount": 2}
    found = batch(client, [grant, grant, {**grant, "amount": 6}, spend]).json()["outcomes"]
    assert [one["code"] for one in found] == [None, None, "key_reused", None]
    assert found[0]["transaction"] == found[1]["transaction"]
    again = batch(client, [grant, spend, grant], "all").json()["outcomes"]
    assert [one["transaction"] for one in again] == [found[n]["transaction"] for n in (0, 3, 0)]
    changed = batch(client, [{**spend, "key": "unused"}, {**grant, "amount": 7}], "all").json()
    assert [one["code"] for one in changed["outcomes"]] == ["batch_refused", "key_reused"]
    balance = client.get(f"/v1/players/{other}/balances").json()["balances"][0]
    assert balance["total"] == 3
