"""Plays Cloudflare's siteverify on loopback, as its page has it: a response is good once."""

import json
from itertools import count
from urllib.parse import parse_qsl

from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page

HOST = "challenges.cloudflare.com"
PATH = "/turnstile/v0/siteverify"
SECRET = "0x4AAAAAAA-conformance-secret"
PAGE = "play.castle.example"


class TurnstileServer(Impostor):
    """Hands out solved responses and verifies them."""

    def __init__(self) -> None:
        super().__init__(HOST)
        self.on(PATH, self._verify)
        self.addresses: list[str | None] = []
        self._good: set[str] = set()
        self._numbers = count()

    def solve(self) -> str:
        """Return a response that nobody used yet."""
        response = f"0.solved-{next(self._numbers)}"
        self._good.add(response)
        return response

    def _verify(self, asked: Asked) -> bytes:
        if asked.headers["content-type"].startswith("application/json"):
            sent = json.loads(asked.body)
        else:
            sent = dict(parse_qsl(asked.body.decode()))
        if sent.get("secret") != SECRET:
            return self._no("invalid-input-secret")
        self.addresses.append(sent.get("remoteip"))
        response = sent.get("response", "")
        if not response:
            return self._no("missing-input-response")
        if response not in self._good:
            used = response.startswith("0.solved-")
            return self._no("timeout-or-duplicate" if used else "invalid-input-response")
        self._good.remove(response)
        return json_page(
            200,
            {
                "success": True,
                "challenge_ts": "2026-11-26T12:00:00Z",
                "hostname": PAGE,
                "error-codes": [],
                "action": "",
                "cdata": "",
            },
        )

    @staticmethod
    def _no(code: str) -> bytes:
        return json_page(200, {"success": False, "error-codes": [code]})
