"""Starts the provider lab as a child process, for tests of payments.

    with LabServer() as lab:
        provider_settings = lab.open_paypal(webhook_url)

Its state lives in memory: a second server begins anew, with another certificate authority, unless
both are given a file.
"""

import secrets
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from tests.servers.sandbox import free_port

_START_SECONDS = 30
_STOP_SECONDS = 10


class LabServer:
    """A running lab; `url` is where it listens. A context manager that stops it."""

    def __init__(
        self,
        *,
        seed: int = 1,
        silence_seconds: float = 3.0,
        late_seconds: float = 0.3,
        state: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = httpx.Client(base_url=self.url, timeout=_START_SECONDS, trust_env=False)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "guildbank_lab", f"--port={self.port}", f"--seed={seed}"),
                f"--silence-seconds={silence_seconds}",
                f"--late-seconds={late_seconds}",
                "--retry-seconds=0.1",
                *(() if state is None else (f"--state={state}",)),
            ]
        )

    def open_paypal(self, webhook_url: str) -> dict[str, Any]:
        """Open an account at the lab's PayPal; return settings of the provider that lead to it."""
        app = {"client_id": secrets.token_hex(16), "client_secret": secrets.token_hex(32)}
        return self.do("/lab/paypal/accounts", **app, webhook_url=webhook_url)

    def open_steam(self) -> dict[str, Any]:
        """Open an account at the lab's Steam; return settings of the provider that lead to it."""
        app_id, key = str(secrets.randbelow(10**9) + 1), secrets.token_hex(16)
        return self.do("/lab/steam/accounts", app_id=app_id, publisher_key=key)

    def open_apple(self, webhook_url: str | None, products: list[dict[str, str]]) -> dict[str, Any]:
        """Put an app into the lab's App Store; return settings of the provider that lead to it."""
        bundle_id = f"example.game{secrets.randbelow(10**9)}"
        app = {"bundle_id": bundle_id, "webhook_url": webhook_url, "products": products}
        return self.do("/lab/apple/accounts", **app)

    def open_google(
        self, webhook_url: str | None, products: list[dict[str, str]]
    ) -> dict[str, Any]:
        """Put an app into the lab's Play Store; return settings of the provider that lead to it."""
        package = f"example.game{secrets.randbelow(10**9)}"
        app = {"package_name": package, "webhook_url": webhook_url, "products": products}
        return self.do("/lab/google/accounts", **app)

    def open_stripe(self, webhook_url: str) -> dict[str, Any]:
        """Open an account at the lab's Stripe; return settings of the provider that lead to it."""
        key, secret = f"sk_test_{secrets.token_hex(12)}", f"whsec_{secrets.token_hex(12)}"
        body = {"secret_key": key, "webhook_secret": secret, "webhook_url": webhook_url}
        return self.do("/lab/stripe/accounts", **body)

    def turn(self, subject: str, at: str, effect: str, times: int = 1, seconds: float = 0) -> None:
        """Turn a switch."""
        switch = {"subject": subject, "at": at, "effect": effect, "times": times}
        self.do("/lab/switches", **switch, seconds=seconds)

    def clear(self) -> None:
        """Turn all switches back."""
        assert self._http.delete("/lab/switches").is_success

    def approve(self, order: str) -> None:
        """Do the player's part."""
        self.do("/lab/paypal/approve", order=order)

    def do(self, path: str, **body: object) -> dict[str, Any]:
        """Make a call of the lab's own."""
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    def ask(self, path: str, bearer: str = "") -> dict[str, Any]:
        """Return what a path shows to whoever bears a key."""
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        answer = self._http.get(path, headers=headers)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def page(self, path: str) -> str:
        """Return a page."""
        answer = self._http.get(path)
        assert answer.is_success, answer.text
        return answer.text

    def choose(self, path: str, choice: str) -> str:
        """Press a button of a page, and return what is shown then."""
        answer = self._http.post(path, data={"choice": choice})
        assert answer.is_success, answer.text
        return answer.text

    def await_kept(self, file: Path, word: str) -> None:
        """Wait until a word stands in the lab's file."""
        deadline = time.monotonic() + _START_SECONDS
        while word.encode() not in file.read_bytes():
            assert time.monotonic() < deadline, f"{word} is not kept"
            time.sleep(0.05)

    def stop(self) -> int:
        """End the server if it still runs; return its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._http.get("/healthz").is_success:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("the lab did not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()
        self.stop()
