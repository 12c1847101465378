"""A player's whole way over the fixed endpoints: register, sign in, buy, look, sign out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

PASSWORD = "three lamps sing at dawn"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    folder: Path = tmp_path_factory.mktemp("accounts") / "data"
    with GuildbankServer(folder) as running:
        yield running


@pytest.fixture(scope="module")
def web(server: GuildbankServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


def came(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("under", ["", "/v1"])
def test_a_player_registers_buys_and_sees_what_was_bought(web: httpx.Client, under: str) -> None:
    name = f"hero{under.strip('/')}"
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    made = came(web.post(f"{under}/account/register", json=body), 201)
    assert made["message"] == "User registered successfully"
    handle = {"username": name, "password": PASSWORD}
    tokens = came(web.post(f"{under}/account/login", json=handle))
    assert (tokens["message"], tokens["userId"]) == ("Login successful", made["userId"])
    web.headers["authorization"] = f"Bearer {tokens['token']}"
    try:
        own = came(web.get(f"{under}/account/currency"))
        assert (own["userId"], own["currencyBalance"]) == (made["userId"], 0)
        buy = {"amount": 100, "paymentMethod": "sandbox:instant"}
        bought = came(web.post(f"{under}/account/buy-currency", json=buy))
        assert bought["message"] == "Currency purchased successfully"
        assert bought["newBalance"] == 110
        assert bought["payment"]["amount"] == {"amount": "4.99", "currency": "EUR"}
        any_number = came(web.post(f"{under}/wallet/buy", json={**buy, "amount": 35}))
        assert any_number["newBalance"] == 145
        profile = came(web.get(f"{under}/profile"))
        assert (profile["username"], profile["balance"]) == (name, 145)
        held = came(web.get(f"{under}/wallet/balance"))["balances"]
        assert [(one["currency"], one["total"]) for one in held] == [("GEM", 145)]
        lines = came(web.get(f"{under}/wallet/transactions"))["items"]
        assert [(one["kind"], one["amount"]) for one in lines] == [
            ("payments.credited", 35),
            ("payments.credited", 10),
            ("payments.credited", 100),
        ]
        assert all(one["transactionId"] and one["at"] for one in lines)
        assert web.post(f"{under}/logout").status_code == 204
        assert came(web.get(f"{under}/profile"), 401)["code"] == "session_ended"
    finally:
        del web.headers["authorization"]


@pytest.fixture
def signed_in(web: httpx.Client) -> Iterator[httpx.Client]:
    """A client of a player who has just signed in."""
    body = {"username": f"buyer{next(_NUMBERS)}", "password": PASSWORD}
    came(web.post("/register", json=body), 201)
    token = came(web.post("/login", json=body))["token"]
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=web.base_url, headers=headers, timeout=30, trust_env=False) as own:
        yield own


_NUMBERS = iter(range(100))


def test_a_hosted_checkout_answers_202_with_what_to_do_next(signed_in: httpx.Client) -> None:
    buy = {"amount": 100, "paymentMethod": "sandbox"}
    waiting = came(signed_in.post("/account/buy-currency", json=buy), 202)
    assert waiting["newBalance"] == 0
    assert waiting["nextAction"]["kind"] == "redirect"
    assert "/checkout/" in waiting["nextAction"]["url"]
    payment = came(signed_in.get(f"/v1/payments/{waiting['paymentId']}"))
    assert payment["state"] == "requires_action"


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"amount": 7}, 422, "amount_not_sold", "amount"),
        ({"amount": 0}, 422, "amount_not_positive", "amount"),
        ({"amount": "100"}, 422, "wrong_type", "amount"),
        ({"amount": 100.5}, 422, "wrong_type", "amount"),
        ({"paymentMethod": "sandbox:instant_decline"}, 402, "payment_declined", "paymentMethod"),
        ({"paymentMethod": "nobody"}, 422, "unknown_provider", "paymentMethod"),
        ({"paymentMethod": "Sand Box"}, 422, "invalid_value", "paymentMethod"),
        ({"price": "0.01"}, 422, "unknown_field", "price"),
    ],
)
def test_what_cannot_be_bought_is_named_and_changes_nothing(
    signed_in: httpx.Client, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    buy = {"amount": 100, "paymentMethod": "sandbox:instant", **change}
    found = came(signed_in.post("/account/buy-currency", json=buy), status)
    assert (found["code"], found["field"]) == (code, field)
    assert came(signed_in.get("/account/currency"))["currencyBalance"] == 0


def test_the_same_key_buys_once_and_another_wish_under_it_is_refused(
    signed_in: httpx.Client,
) -> None:
    buy = {"amount": 100, "paymentMethod": "sandbox:instant"}
    key = {"idempotency-key": "my-only-key"}
    answers = [came(signed_in.post("/wallet/buy", json=buy, headers=key)) for _ in range(3)]
    assert len({answer["paymentId"] for answer in answers}) == 1
    assert [answer["newBalance"] for answer in answers] == [110, 110, 110]
    other = {**buy, "amount": 50}
    assert came(signed_in.post("/wallet/buy", json=other, headers=key), 409)["code"] == "key_reused"


def test_a_purchase_is_replayed_although_its_pack_is_gone(
    server: GuildbankServer, signed_in: httpx.Client
) -> None:
    pack = {
        "name": "Gone tomorrow",
        "currency": "GEM",
        "coins": 17,
        "prices": [{"price": {"amount": "0.99", "currency": "EUR"}}],
    }
    buy = {"amount": 17, "paymentMethod": "sandbox:instant"}
    key = {"idempotency-key": "before-it-is-gone"}
    with server.client() as studio:
        sold = came(studio.post("/v1/packs", json=pack), 201)
        first = came(signed_in.post("/wallet/buy", json=buy, headers=key))
        came(studio.put(f"/v1/packs/{sold['id']}", json={**pack, "active": False}))
    again = came(signed_in.post("/wallet/buy", json=buy, headers=key))
    assert (again["paymentId"], again["newBalance"]) == (first["paymentId"], 17)
    found = came(signed_in.post("/wallet/buy", json=buy), 422)
    assert found["code"] == "amount_not_sold"
