"""What proves who speaks is believed only as long as it is good: player tokens, signed webhooks."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.house import open_house
from tests.journeys.stall import BONUS, COINS, Stall
from tests.servers.guildbank import GuildbankServer

from guildbank.identity import add_player, mint_player_token
from guildbank.infra.postgres import Cluster
from guildbank.kernel import Refusal, new_id

TOLERANCE_SECONDS = 300
SLACK_SECONDS = 10


@pytest.fixture(scope="module")
def stall(server: GuildbankServer) -> Iterator[Stall]:
    """A tenant whose webhook secret the test knows."""
    with closing(Stall(server)) as opened:
        yield opened


@pytest.fixture(scope="module")
def credited(stall: Stall) -> dict[str, Any]:
    """A payment that is credited, all its own webhooks delivered."""
    payment = stall.bought()
    stall.delivered(payment, 1)
    return payment


@pytest.fixture(autouse=True)
def _nothing_changes(stall: Stall, credited: dict[str, Any]) -> Iterator[None]:
    """Every test here leaves the coins of one purchase and exact books."""
    yield
    assert stall.coins() == {"paid": COINS, "bonus": BONUS}
    assert stall.credits() == 1
    stall.books(captured="4.99", unspent="4.99")


def event(payment: dict[str, Any], kind: str = "payment.captured", **more: object) -> bytes:
    """Return the bytes of an event that says all of the payment was captured."""
    attempt = payment["attempts"][-1]
    said = {"id": attempt["reference"], "reference": attempt["id"], "state": "captured"}
    money = {"captured_minor": 499, "captured_currency": "EUR", "checkout_url": "http://x"}
    data = {"payment": {**said, **money}, **more}
    return json.dumps({"id": new_id("sevt"), "type": kind, "data": data}).encode()


def deliver(
    stall: Stall, body: bytes, age_seconds: int = 0, secret: str | None = None
) -> httpx.Response:
    """Deliver the bytes as the provider does, signed some time ago."""
    at = int(time.time()) - age_seconds
    signed = f"{at}.".encode() + body
    mark = hmac.new((secret or stall.secret).encode(), signed, hashlib.sha256).hexdigest()
    headers = {"sandbox-signature": f"t={at},v1={mark}", "content-type": "application/json"}
    return stall.http.post(f"/v1/webhooks/{stall.slug}/sandbox", content=body, headers=headers)


def disbelieved(answer: httpx.Response, reason: str) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "bad_signature"
    assert answer.json()["reason"] == reason


def test_a_genuine_webhook_sent_twice_is_thanked_for_twice_and_works_once(
    stall: Stall, credited: dict[str, Any]
):
    body = event(credited)
    first, second = deliver(stall, body), deliver(stall, body)
    assert (first.status_code, second.status_code) == (200, 200)
    assert [one.json()["duplicate"] for one in (first, second)] == [False, True]


def test_a_genuine_webhook_kept_by_a_thief_is_too_old_later(stall: Stall, credited: dict[str, Any]):
    body = event(credited)
    disbelieved(deliver(stall, body, TOLERANCE_SECONDS + 1), "too_old")
    disbelieved(deliver(stall, body, -TOLERANCE_SECONDS - SLACK_SECONDS), "too_old")
    assert deliver(stall, body, TOLERANCE_SECONDS - SLACK_SECONDS).status_code == 200


def test_a_webhook_signed_by_another_shop_or_changed_on_the_way(
    server: GuildbankServer, stall: Stall, credited: dict[str, Any]
):
    body = event(credited)
    with closing(Stall(server)) as other:
        disbelieved(deliver(stall, body, secret=other.secret), "bad_signature")
        # Signed well, but of a payment that this shop does not have: kept, and nothing comes of it.
        assert deliver(other, body).status_code == 200
        assert other.coins() == {}
        other.books()
    genuine = deliver(stall, body)
    assert genuine.status_code == 200
    headers = {"sandbox-signature": genuine.request.headers["sandbox-signature"]}
    changed = body.replace(b"499", b"999")
    path = f"/v1/webhooks/{stall.slug}/sandbox"
    disbelieved(stall.http.post(path, content=changed, headers=headers), "bad_signature")


def test_a_genuine_webhook_that_claims_money_is_not_believed_without_the_provider(stall: Stall):
    payment = stall.buy()
    assert deliver(stall, event(payment)).status_code == 200
    time.sleep(0.5)
    assert stall.payment(payment)["state"] == "requires_action"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"id": "x"}',
        b'{"id": 5, "type": "payment.captured", "data": {}}',
        b'{"id": "x", "type": "payment.captured", "data": {}}',
        b'{"id": "x", "type": "payment.captured", "data": ' + b"[" * 100_000,
        b'{"id": "x", "type": "payment.captured", "data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"id": "a\\u0000b", "type": "unheard.of", "data": {}}',
        b'{"id": "\\ud800", "type": "unheard.of", "data": {}}',
        b"\x00",
        b"\xff\xfe",
    ],
    ids=lambda body: str(body[:40]),
)
def test_genuine_bytes_that_are_no_event(stall: Stall, body: bytes):
    disbelieved(deliver(stall, body), "malformed")


def test_an_event_of_many_bytes(stall: Stall, credited: dict[str, Any]):
    answer = deliver(stall, event(credited, padding="x" * 300_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_players_token_ends_after_ten_minutes(cluster: Cluster, tmp_path: Path):
    url = cluster.create_database("test_expired_tokens")
    async with open_house(url, tmp_path) as house:
        home = await house.tenant("expired")
        made = await add_player(house.identity, home, "app", "user-1")
        assert not isinstance(made, Refusal)
        minted = await mint_player_token(house.identity, home, made[0].id)
        assert not isinstance(minted, Refusal)
        async with house.client(house.app(), minted.token) as client:
            path = f"/v1/players/{made[0].id}"
            assert (await client.get(path)).status_code == 200
            house.clock.advance(timedelta(minutes=9, seconds=50))
            assert (await client.get(path)).status_code == 200
            house.clock.advance(timedelta(minutes=2))
            answer = await client.get(path)
            assert answer.status_code == 401, answer.text
            assert answer.json()["code"] == "unauthorized"
            assert answer.headers["www-authenticate"].startswith("Bearer")
