"""A studio that sells one pack through the sandbox provider, and the people who press its buttons.

Everything goes over HTTP: the studio's calls as its game server sends them, the customer's and
the provider's staff's clicks as a browser sends the pages' forms.
"""

import re
import secrets
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
from tests.servers.guildbank import GuildbankServer

from guildbank.app.rooms import tenant_scopes

PATIENCE_SECONDS = 30
COINS, BONUS = 500, 50
PRICE = {"amount": "4.99", "currency": "EUR"}
_BUTTON = re.compile(r'name="(?:decision|action)" value="([a-z_]+)"')
_FIELD = re.compile(r'<input type="hidden" name="(token|nonce)" value="([^"]*)">')
_TARGET = re.compile(r'name="target" value="([^"]+)"')
_DELIVERY = re.compile(r'data-label="Delivery"><span class="state ([a-z ]+)"')
_numbers = count(1)


def eventually(happened: Callable[[], object], patience: float = PATIENCE_SECONDS) -> None:
    """Wait until it is true; fail with what it last was."""
    deadline = time.monotonic() + patience
    while not (last := happened()):
        assert time.monotonic() < deadline, f"waited {patience} s in vain; last: {last!r}"
        time.sleep(0.1)


class Browser:
    """Opens a page of the provider and presses its buttons; follows no redirect by itself."""

    def __init__(self) -> None:
        self._http = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def read(self, url: str) -> str:
        """Return a page's HTML."""
        page = self._http.get(url)
        assert page.status_code == 200, page.text
        return page.text

    def press(self, url: str, button: str, **typed: str) -> str | None:
        """Press a button that the page has; return where the browser is sent."""
        html = self.read(url)
        assert button in _BUTTON.findall(html), f"{url} has no button {button}"
        name = "decision" if "/checkout/" in url else "action"
        form = {**dict(_FIELD.findall(html)), name: button, **typed}
        answer = self._http.post(url, data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers.get("location")


class Stall:
    """A tenant of its own with GEM, one pack, an account at the sandbox provider, one player."""

    def __init__(self, server: GuildbankServer, spent_coins: str = "refuse") -> None:
        self.browser = Browser()
        self.provider = str(server.credentials.sandbox_url)
        slug = f"stall-{next(_numbers)}"
        with server.client(server.credentials.deployment_key) as deployment:
            tenant = {"slug": slug, "name": slug, "settings": {"spentCoins": spent_coins}}
            done(deployment.post("/v1/tenants", json=tenant))
            key = {"name": "game", "tenant": slug, "scopes": tenant_scopes()}
            token = done(deployment.post("/v1/keys", json=key))["token"]
        self.http = server.client(token)
        self.slug = slug
        self.account = f"key_{secrets.token_hex(16)}"
        self.secret = f"whsec_{secrets.token_hex(16)}"
        self._open_account()
        order = ["paid", "bonus", "free"]
        self.post("/v1/currencies", {"code": "GEM", "name": "Gems", "order": order})
        pack = {"name": "Chest", "currency": "GEM", "coins": COINS, "bonusCoins": BONUS}
        self.pack = self.post("/v1/packs", {**pack, "prices": [{"price": PRICE}]})["id"]
        self.player = str(self.post("/v1/players", {"externalId": "customer"})["id"])

    def close(self) -> None:
        """Close all connections."""
        self.http.close()
        self.browser.close()

    def _open_account(self) -> None:
        keys = {"api_key": self.account, "webhook_secret": self.secret}
        opened = {**keys, "name": "Stall"}
        done(httpx.post(f"{self.provider}/v1/accounts", json=opened, trust_env=False))
        settings = {"base_url": self.provider, **keys}
        done(self.http.put("/v1/providers/sandbox", json={"settings": settings}))

    def send(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        """Send a call under a key, a fresh one when none is given."""
        headers = {"idempotency-key": key or secrets.token_hex(8)}
        return self.http.post(path, json=body, headers=headers)

    def post(self, path: str, body: object, key: str | None = None) -> dict[str, Any]:
        """Send a call that works."""
        return done(self.send(path, body, key))

    def buy(self, method: str | None = None, key: str | None = None) -> dict[str, Any]:
        """Begin a purchase of the pack; without a method it is the hosted checkout."""
        order = {"playerId": self.player, "packId": self.pack, "currency": "EUR"}
        back = {"provider": "sandbox", "returnUrl": "https://game.example/thanks"}
        return self.post("/v1/payments", {**order, **back, "method": method}, key)

    def bought(self) -> dict[str, Any]:
        """Buy the pack and return the credited payment."""
        payment = self.buy("instant")
        self.becomes(payment, "credited")
        return self.payment(payment)

    def payment(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Return how a payment stands."""
        return done(self.http.get(f"/v1/payments/{payment['id']}"))

    def becomes(self, payment: dict[str, Any], state: str) -> None:
        """Wait for a payment's state."""
        eventually(lambda: self.payment(payment)["state"] == state)

    def press(self, payment: dict[str, Any], button: str) -> str | None:
        """Do what the customer does on the payment's hosted page."""
        return self.browser.press(self.payment(payment)["nextAction"]["url"], button)

    def desk(self, payment: dict[str, Any]) -> str:
        """Return the address of the payment's page at the provider's own staff."""
        return f"{self.provider}/payments/{self.payment(payment)['attempts'][-1]['reference']}"

    def staff(self, payment: dict[str, Any], button: str, **typed: str) -> None:
        """Press a button of the provider's staff; one that needs a target gets the first."""
        url = self.desk(payment)
        targets = _TARGET.findall(self.browser.read(url))
        if targets and "amount" not in typed:
            typed["target"] = targets[0]
        self.browser.press(url, button, **typed)

    def delivered(self, payment: dict[str, Any], at_least: int) -> None:
        """Wait until all the payment's webhooks, so many of them, have been taken."""

        def all_taken() -> bool:
            states = _DELIVERY.findall(self.browser.read(self.desk(payment)))
            return len(states) >= at_least and set(states) == {"delivered"}

        eventually(all_taken)

    def play(self, path: str, **body: object) -> dict[str, Any]:
        """Call the provider's API that plays a cardholder or a bank."""
        headers = {"authorization": f"Bearer {self.account}"}
        url = f"{self.provider}/v1{path}"
        return done(httpx.post(url, json=body, headers=headers, trust_env=False))

    def refund(
        self, payment: dict[str, Any], amount: str | None = None, key: str | None = None
    ) -> httpx.Response:
        """Ask for money back, all that is left when no amount is given."""
        body = {} if amount is None else {"amount": {"amount": amount, "currency": "EUR"}}
        return self.send(f"/v1/payments/{payment['id']}/refunds", body, key)

    def refunded(self, payment: dict[str, Any], amount: str | None = None) -> dict[str, Any]:
        """Refund and wait until the money is back."""
        made = done(self.refund(payment, amount))
        read = f"/v1/refunds/{made['id']}"
        eventually(lambda: done(self.http.get(read))["state"] == "succeeded")
        return done(self.http.get(read))

    def move(self, path: str, amount: int) -> httpx.Response:
        """Send a grant or spend of the player."""
        command = {"playerId": self.player, "currency": "GEM", "amount": amount}
        return self.send(f"/v1/{path}", command)

    def coins(self) -> dict[str, int]:
        """Return what the player has and owes, what is zero left out."""
        found = done(self.http.get(f"/v1/players/{self.player}/balances"))["balances"]
        wallet = found[0] if found else {}
        return {
            name: wallet[name] for name in ("paid", "bonus", "free", "debt") if wallet.get(name)
        }

    def has(self, patience: float = PATIENCE_SECONDS, **coins: int) -> None:
        """Wait until the player has exactly this."""
        deadline = time.monotonic() + patience
        while (found := self.coins()) != coins and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == coins, found

    def credits(self) -> int:
        """Return how many purchases were ever credited to the player."""
        lines = done(self.http.get(f"/v1/players/{self.player}/statement"))["items"]
        found = {one["transactionId"] for one in lines if one["kind"] == "payments.credited"}
        return len(found)

    def books(self, **money: str) -> None:
        """Hold the proof against these sums of EUR; those not named are zero."""
        proof = done(self.http.get("/v1/proof"))
        assert proof["ok"] is True, proof
        assert all(asset["sum"] == 0 for asset in proof["assets"]), proof
        names = (
            "captured", "refunded", "disputed", "unspent", "recognised", "writtenOff", "suspense",
        )  # fmt: skip
        sums = [one for one in proof["money"] if one["money"] == "EUR"]
        found = {name: sums[0][name] for name in names} if sums else dict.fromkeys(names, "0.00")
        assert found == {**dict.fromkeys(names, "0.00"), **money}, found
        assert all(sums[0][name] == "0.00" for name in ("unapplied", "refunding")) if sums else True


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer that did what was asked."""
    assert answer.status_code in (200, 201, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]
