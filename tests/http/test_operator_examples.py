"""Each example about operators, sent as it stands, does what it says.

Only secrets and ids are put in: an example cannot know those that are made here.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyotp
import pytest
from tests.authenticator import Authenticator
from tests.http.test_examples import bodies, of_operators
from tests.servers.guildbank import GUILDBANK, GuildbankServer, environment
from tests.staff import mailed_token

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.kernel import new_id

EXAMPLES = {name: body for name, body in bodies().items() if of_operators(name)}
SENT = {"amount": "4.99", "currency": "EUR", "transaction": "2026-11-27/4712"}
ADDRESS, PASSWORD = "olga@moonlit.example", "three lamps sing at dawn"


class Browser:
    """A browser that sends examples, and what of them cannot be known beforehand."""

    def __init__(self, server: GuildbankServer) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, trust_env=False, timeout=30)
        self.sent: set[str] = set()

    def send(self, name: str, at: str = "", *, refused: int = 0, **known: Any) -> dict[str, Any]:
        method, path = name.split()
        answer = self.http.request(method, at or path, json={**EXAMPLES[name], **known})
        assert answer.status_code in ((refused,) if refused else (200, 201, 202, 204)), answer.text
        self.sent.add(name)
        if answer.status_code == 202:
            agreed = self.server.run("approval", "approve", answer.json()["id"], "--tenant=demo")
            assert "executed" in agreed.stdout
        found: dict[str, Any] = answer.json() if answer.content else {}
        if "csrf" in found:
            self.http.headers["x-csrf-token"] = found["csrf"]
        return found

    def another(self) -> "Browser":
        """Return a browser of somebody else, whose examples count as sent here."""
        other = Browser(self.server)
        other.sent = self.sent
        return other

    def link(self, *words: str) -> str:
        shown = self.server.on_terminal("operator", "invite-link", "--tenant=demo", *words)
        return shown.split("#token=")[1].strip()

    def mailed(self) -> str:
        """Return what a mail to an operator bears: such mail waits, also in a test tenant."""

        async def read() -> str:
            services = open_services(Settings(data=self.server.folder))
            try:
                demo = await services.directory.by_slug("demo")
                template = "identity.operator_reset"
                return await mailed_token(services.identity, demo, template)
            finally:
                await services.close()

        return asyncio.run(read())


@pytest.fixture
def browser(server: GuildbankServer) -> Iterator[Browser]:
    made = Browser(server)
    yield made
    made.http.close()


def asked(server: GuildbankServer) -> str:
    """Let the game server of the demo ask for a grant that needs a second person."""
    demo = server.credentials.demo
    assert demo is not None
    with server.client(demo.secret_key) as game:
        player = game.post("/v1/players", json={"externalId": new_id("user")}).json()["id"]
        body = {"playerId": player, "currency": "GEM", "amount": 1_001}
        keyed = {"idempotency-key": new_id("key")}
        answer = game.post("/v1/grants", json=body, headers=keyed)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def transferred(server: GuildbankServer) -> str:
    """Let a player of the demo begin a payment by bank transfer."""
    demo = server.credentials.demo
    assert demo is not None
    account = {"holder": "Moonlit GmbH", "iban": "DE89370400440532013000"}
    price = {"price": {"amount": "4.99", "currency": "EUR"}}
    pack = {"name": "Chest", "currency": "GEM", "coins": 500, "prices": [price]}
    with server.client(demo.secret_key) as game:
        configured = game.put("/v1/providers/bank_transfer", json={"settings": account})
        assert configured.status_code == 200, configured.text
        player = game.post("/v1/players", json={"externalId": new_id("user")}).json()["id"]
        body = {
            "packId": game.post("/v1/packs", json=pack).json()["id"], "playerId": player,
            "currency": "EUR", "provider": "bank_transfer",
        }  # fmt: skip
        answer = game.post("/v1/payments", json=body, headers={"idempotency-key": new_id("key")})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def wishes(browser: Browser, server: GuildbankServer) -> None:
    """Let a player who paid by transfer ask for a part of it, and grant it."""
    demo, paid = server.credentials.demo, transferred(server)
    assert demo is not None
    at, name = f"/v1/payments/{paid}", "refund-requests"
    browser.http.headers["idempotency-key"] = new_id("key")
    browser.http.post(f"{at}/confirmation", json={"data": SENT}).raise_for_status()
    with server.client(demo.secret_key) as game:
        buyer = game.get(at).json()["playerId"]
        token = game.post(f"/v1/players/{buyer}/tokens").json()["token"]
    player = browser.another()
    player.http.headers["authorization"] = f"Bearer {token}"
    player.http.headers["idempotency-key"] = new_id("key")
    asked = player.send(f"POST /v1/payments/{{payment_id}}/{name}", f"{at}/{name}")
    player.http.close()
    decided = f"/v1/{name}/{asked['id']}/decision"
    granted = browser.send(f"POST /v1/{name}/{{request_id}}/decision", decided)
    assert (granted["state"], granted["refundState"]) == ("granted", "pending")
    del browser.http.headers["idempotency-key"]
    browser.send("PUT /v1/refund-policy")
    browser.send("PUT /v1/spent-coins/{code}", "/v1/spent-coins/GEM")


def answers(browser: Browser, server: GuildbankServer) -> None:
    """Answer a dispute; those of the sandbox are not answered from here."""
    demo = server.credentials.demo
    assert demo is not None
    with server.client(demo.secret_key) as game:
        player = game.post("/v1/players", json={"externalId": new_id("user")}).json()["id"]
        packs = game.get("/v1/packs", params={"limit": 200}).json()["items"]
        sold = (one["id"] for one in packs if one["prices"] and one["active"])
        body = {
            "packId": next(sold), "playerId": player, "currency": "EUR", "provider": "sandbox",
            "method": "instant_disputed",
        }  # fmt: skip
        made = game.post("/v1/payments", json=body, headers={"idempotency-key": new_id("key")})
        assert made.status_code in (201, 202), made.text
        deadline = time.monotonic() + 30
        while not (found := game.get("/v1/disputes", params={"paymentId": made.json()["id"]})
                   .json()["items"]):  # fmt: skip
            assert time.monotonic() < deadline
            time.sleep(0.2)
    at = f"/v1/disputes/{found[0]['id']}/evidence"
    browser.http.headers["idempotency-key"] = new_id("key")
    browser.send("POST /v1/disputes/{dispute_id}/evidence", at, refused=409)
    del browser.http.headers["idempotency-key"]


def confirmations(browser: Browser, server: GuildbankServer) -> None:
    """Confirm what came by transfer, and that it was sent back."""
    paid, name = transferred(server), "confirmation"
    browser.http.headers["idempotency-key"] = new_id("key")
    at = f"/v1/payments/{paid}"
    confirmed = browser.send(f"POST /v1/payments/{{payment_id}}/{name}", f"{at}/{name}")
    assert confirmed["state"] == "credited"
    refund = browser.http.post(f"{at}/refunds", json={}).json()["id"]
    sent = browser.send(f"POST /v1/refunds/{{refund_id}}/{name}", f"/v1/refunds/{refund}/{name}")
    assert sent["state"] == "succeeded"
    del browser.http.headers["idempotency-key"]


def let_nothing_cool_off(server: GuildbankServer) -> None:
    """Change the demo's settings: long before they count, for all processes follow in a second."""
    with server.client(server.credentials.deployment_key) as host:
        calm = {"settings": {"payoutCooloffHours": 0}}
        host.patch("/v1/tenants/demo", json=calm).raise_for_status()


def payouts(browser: Browser, server: GuildbankServer) -> None:
    """Pay a player's coins out: at once, once somebody agrees, and not."""
    demo = server.credentials.demo
    assert demo is not None
    with server.client(demo.secret_key) as game:
        player = game.post("/v1/players", json={"externalId": new_id("user")}).json()["id"]
        coins = {"playerId": player, "currency": "GEM", "amount": 1_500}
        keyed = {"idempotency-key": new_id("key")}
        game.post("/v1/grants", json=coins, headers=keyed).raise_for_status()
    browser.http.headers["idempotency-key"] = new_id("key")
    name, at = "PUT /v1/payout-terms/{code}", f"/v1/players/{player}"
    browser.send(name, "/v1/payout-terms/GEM")
    terms = {**EXAMPLES[name], "disputeWindowDays": 0}
    browser.http.put("/v1/payout-terms/GEM", json=terms).raise_for_status()
    places = "payout-destinations"
    place = browser.send(f"POST /v1/players/{{player_id}}/{places}", f"{at}/{places}")["id"]
    wanted = "POST /v1/players/{player_id}/payouts"
    sent = browser.send(wanted, f"{at}/payouts", destinationId=place)
    assert sent["state"] == "pending"
    review = {**terms, "reviewAbove": {"amount": "0.00", "currency": "EUR"}}
    browser.http.put("/v1/payout-terms/GEM", json=review).raise_for_status()
    ends = {"confirmation": "paid", "approval": "pending", "rejection": "rejected"}
    for end, state in ends.items():
        of = sent["id"]
        if end != "confirmation":
            browser.http.headers["idempotency-key"] = new_id("key")
            body = {**EXAMPLES[wanted], "destinationId": place}
            of = browser.http.post(f"{at}/payouts", json=body).json()["id"]
        said = browser.send(f"POST /v1/payouts/{{payout_id}}/{end}", f"/v1/payouts/{of}/{end}")
        assert said["state"] == state
    del browser.http.headers["idempotency-key"]


def hire(server: GuildbankServer) -> None:
    """Make the operator of the examples."""
    words = ["operator", "create", ADDRESS, "--name=Olga", "--tenant=demo"]
    made = subprocess.run(
        [*GUILDBANK, *words],
        input=f"{PASSWORD}\n",
        env=environment(**server.environment),
        text=True,
        stdout=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    assert made.returncode == 0


def at_home(browser: Browser) -> Authenticator:
    """Return a passkey to be made on the pages of the server."""
    return Authenticator(f"http://localhost:{browser.server.port}")


def passkeys(browser: Browser) -> Authenticator:
    """Add a passkey, name it and step up with it."""
    key, at = at_home(browser), "/v1/operator"
    options = browser.http.post(f"{at}/passkeys/options").json()["options"]
    made = browser.send(f"POST {at}/passkeys", credential=key.create(options))["id"]
    browser.send(f"PATCH {at}/passkeys/{{passkey_id}}", f"{at}/passkeys/{made}")
    options = browser.http.post(f"{at}/step-up/passkey/options").json()["options"]
    browser.send(f"POST {at}/step-up/passkey", credential=key.get(options))
    return key


def test_the_examples_tell_a_story_that_is_true(server: GuildbankServer, browser: Browser) -> None:
    hire(server)
    let_nothing_cool_off(server)
    at = "POST /v1/operator"
    half = browser.send(f"{at}/sessions")
    challenge = half["challenge"]
    secret = browser.send(f"{at}/sessions/enrol", challenge=challenge)["secret"]
    code = pyotp.TOTP(secret).now()
    codes = browser.send(f"{at}/sessions/confirm", challenge=challenge, code=code)["recoveryCodes"]
    again = browser.send(f"{at}/sessions")["challenge"]
    browser.send(f"{at}/sessions/finish", challenge=again, code=codes[0])
    browser.send(f"{at}/step-up", code=codes[1])
    key = passkeys(browser)
    browser.send("POST /v1/roles")
    browser.send("PUT /v1/staff-sign-in")
    # The example's issuer is nobody's.
    browser.send(f"{at}/studio/begin", refused=502)
    browser.send("PUT /v1/roles/{name}", "/v1/roles/night-shift")
    guest = browser.link("--role=support")
    browser.send(f"{at}/links", token=guest, opens="invitation")
    # A link that was printed on the host takes a password; tests of the studio accept the others.
    browser.send(f"{at}/invitations/accept/studio", token=guest, refused=422)
    accepted = browser.send(f"{at}/invitations/accept", token=guest, address="g@moonlit.example")
    assert accepted["step"] == "enrol"
    first = browser.another()
    half = {"challenge": accepted["challenge"]}
    made = at_home(browser).create(first.send(f"{at}/sessions/enrol/passkey", **half)["options"])
    first.send(f"{at}/sessions/confirm/passkey", **half, credential=made)
    first.http.close()
    alone = browser.send(f"{at}/sessions/passkey/options")["options"]
    browser.send(f"{at}/sessions/passkey", credential=key.get(alone))
    (person,) = [
        one["id"]
        for one in browser.http.get("/v1/operators").json()["items"]
        if one["address"] == "g@moonlit.example"
    ]
    path = f"/v1/operators/{person}/roles"
    browser.send("PUT /v1/operators/{operator_id}/roles", path)
    changed = browser.http.get(f"/v1/operators/{person}").json()
    assert changed["roles"] == ["support"]
    browser.send("POST /v1/operator-invitations", address="new@moonlit.example")
    confirmations(browser, server)
    wishes(browser, server)
    answers(browser, server)
    payouts(browser, server)
    browser.send("PUT /v1/approval-policy")
    for verb in ("approve", "reject"):
        waits = f"/v1/approvals/{asked(server)}/{verb}"
        browser.send(f"POST /v1/approvals/{{approval_id}}/{verb}", waits)
    player = browser.http.get("/v1/players").json()["items"][0]["id"]
    # Who has no second factor has none to lose.
    clear = f"/v1/players/{player}/clear-factors"
    browser.send("POST /v1/players/{player_id}/clear-factors", clear, refused=409)
    new = browser.http.post("/v1/operator/app").json()["secret"]
    browser.send(f"{at}/app/confirm", code=pyotp.TOTP(new).now())
    browser.send(f"{at}/password")
    browser.send(f"{at}/password/forgot")
    browser.send(f"{at}/password/reset", token=browser.mailed())
    assert browser.sent == set(EXAMPLES), json.dumps(sorted(set(EXAMPLES) - browser.sent))
