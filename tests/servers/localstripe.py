"""Starts localstripe, a Stripe server that no one here wrote, for tests of real payments.

    with LocalStripe() as server:
        provider_settings = server.settings()

Known gaps: no idempotency keys, no check that refunds stay below the charge, no search, no
filter of lists by time, no disputes, no webhooks of refunds, and an unknown field is refused. It
takes no fees either; this one keeps 2.9 % and 30 of each charge, as Stripe does in many countries.
"""

import subprocess
import sys
from types import TracebackType
from typing import Self

import httpx

SECRET_KEY = "sk_test_localstripe"
WEBHOOK_SECRET = "whsec_localstripe"
_START_SECONDS = 30
_STOP_SECONDS = 5

# localstripe's own start listens on every interface and keeps its data in one fixed file for all
# users of the machine. This one listens on a free loopback port, keeps nothing, and ends with us.
_START = """
import os, socket, sys, threading
from aiohttp import web
from localstripe import resources
resources.Store.dump_to_disk = lambda store: None

moved = resources.BalanceTransaction.__init__

def moved_less_a_fee(transaction, **said):
    moved(transaction, **said)
    if transaction.type == "charge":
        transaction.fee = transaction.amount * 29 // 1000 + 30

resources.BalanceTransaction.__init__ = moved_less_a_fee
from localstripe.server import app

def end_with_parent():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=end_with_parent, daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
web.run_app(app, sock=listener, print=None, access_log=None)
"""


class LocalStripe:
    """A running localstripe; `url` is where it listens. A context manager that stops it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            self.stop()
            raise RuntimeError("localstripe did not start; is it installed?")
        self.url = f"http://127.0.0.1:{port}"

    def settings(self) -> dict[str, object]:
        """Return settings of the stripe provider that lead here."""
        return {
            "secret_key": SECRET_KEY,
            "webhook_secret": WEBHOOK_SECRET,
            "api_base": self.url,
            "bare_requests": True,
        }

    def post(self, path: str, data: dict[str, object]) -> dict[str, object]:
        """Call the server as the owner of the account would; returns the JSON answer."""
        response = httpx.post(
            f"{self.url}{path}", json=data, auth=(SECRET_KEY, ""), timeout=_START_SECONDS
        )
        response.raise_for_status()
        answer: dict[str, object] = response.json() if response.content else {}
        return answer

    def get(self, path: str) -> dict[str, object]:
        """Look at an object as the owner of the account would; returns its JSON."""
        response = httpx.get(f"{self.url}{path}", auth=(SECRET_KEY, ""), timeout=_START_SECONDS)
        response.raise_for_status()
        answer: dict[str, object] = response.json()
        return answer

    def card(self, number: str) -> str:
        """Return a payment method for a card of https://docs.stripe.com/testing."""
        card = {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}
        return str(self.post("/v1/payment_methods", {"type": "card", "card": card})["id"])

    def card_with_3ds(self) -> str:
        """Return a payment method that the player must confirm."""
        return self.card("4000002500003155")

    def authenticate(self, intent_id: str, client_secret: str, *, success: bool) -> None:
        """Do what the player does in Stripe's form: confirm, or fail to."""
        path = f"/v1/payment_intents/{intent_id}/_authenticate"
        try:
            self.post(path, {"client_secret": client_secret, "success": success})
        except httpx.HTTPStatusError as refused:
            # 402 is the answer to a card that is refused after the player confirmed.
            if refused.response.status_code != httpx.codes.PAYMENT_REQUIRED:
                raise

    def deliver_webhooks_to(self, url: str) -> None:
        """Have every event signed and sent there, about a second after it happened."""
        self.post("/_config/webhooks/guildbank", {"url": url, "secret": WEBHOOK_SECRET})

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
