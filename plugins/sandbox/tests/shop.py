"""A merchant for the tests: an account, the plugin that uses it, and a receiver of webhooks."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
from tests.servers.sandbox import SandboxServer

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, PaymentRequest, ProviderEvent, RefundRequest
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_sandbox.plugin import PLUGIN

PATIENCE_SECONDS = 15


class Receiver:
    """A web server that notes every webhook it gets and answers with `statuses`, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    @contextmanager
    def listening(self) -> Iterator["Receiver"]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender was killed in the middle; what it meant to say comes again.
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append((headers, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield receiver
            finally:
                server.shutdown()
                thread.join()


class Shop:
    """One account at the provider, seen through the plugin and through the raw API."""

    def __init__(self, server: SandboxServer, receiver: Receiver) -> None:
        self.server = server
        self.receiver = receiver
        self.settings = server.open_account()
        self.http = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {self.settings['api_key']}"},
            timeout=30,
        )

    def context(self, **settings: object) -> Context:
        return Context(
            tenant="demo",
            mode="test",
            settings={**self.settings, **settings},
            now=datetime.now(UTC),
            webhook_url=self.receiver.url,
            http=DirectHttp(),
        )

    def request(self, method: str | None = "instant", **changed: Any) -> PaymentRequest:
        attempt = changed.pop("attempt_id", new_id("att"))
        facts: dict[str, Any] = {
            "attempt_id": attempt,
            "idempotency_key": f"{attempt}:create",
            "amount_minor": 499,
            "currency": "EUR",
            "description": "Pouch of 550 Embers",
            "player_id": "player_1",
            "method": method,
        }
        return PaymentRequest(**{**facts, **changed})

    def refund_request(self, payment: PaymentRequest, reference: str, amount: int) -> RefundRequest:
        refund = new_id("ref")
        return RefundRequest(
            refund_id=refund,
            idempotency_key=f"{refund}:create",
            attempt_id=payment.attempt_id,
            payment_reference=reference,
            amount_minor=amount,
            currency=payment.currency,
        )

    def post(self, path: str, body: dict[str, object], key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(f"/v1{path}", json=body, headers=headers)

    def payment(self, reference: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/v1/payments/{reference}").json()
        return answer

    def events(self, attempt_id: str | None = None) -> list[tuple[str, ProviderEvent]]:
        """Return type and content of what arrived so far, each verified by the plugin."""
        events = []
        for headers, body in list(self.receiver.received):
            reading = PLUGIN.read_webhook(self.context(), headers, body)
            # Tests that wait for events run in a loop already, so this one has a thread of its own.
            with ThreadPoolExecutor(1) as beside:
                read = beside.submit(asyncio.run, reading).result()
            assert isinstance(read, ProviderEvent), read
            if attempt_id in (None, read.attempt_id):
                events.append((httpx.Response(200, content=body).json()["type"], read))
        return events

    def kinds(self, attempt_id: str | None = None) -> list[str]:
        return [kind for kind, _ in self.events(attempt_id)]


def eventually(happened: Callable[[], object], patience: float = PATIENCE_SECONDS) -> None:
    """Wait until it is true; fail with what it last was."""
    deadline = time.monotonic() + patience
    while not (last := happened()):
        assert time.monotonic() < deadline, f"waited {patience} s in vain; last: {last!r}"
        time.sleep(0.02)


def stays_so(check: Callable[[], object], seconds: float) -> None:
    """Wait, then check: nothing more may have happened."""
    time.sleep(seconds)
    assert check()
