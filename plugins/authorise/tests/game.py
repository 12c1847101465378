"""The game's server on loopback: it verifies who asks, by the official library, and answers."""

import base64
import json
from collections.abc import Callable
from typing import Any

from standardwebhooks import Webhook
from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page

from guildbank.plugin_api import Context
from guildbank.plugin_host import Outbound
from guildbank_authorise.manifest import MANIFEST

HOST = "game.example"
URL = f"https://{HOST}/may-buy"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class GameServer(Impostor):
    """Refuses players whom it bars, and says so."""

    def __init__(self) -> None:
        super().__init__(HOST)
        self.questions: list[dict[str, Any]] = []
        self.say: Callable[[dict[str, Any]], dict[str, Any]] = self._judge
        self.on("/may-buy", self._answer)

    def _answer(self, asked: Asked) -> bytes:
        headers = {name: asked.headers[name] for name in asked.headers if "webhook" in name}
        question = Webhook(SECRET).verify(asked.body, headers)
        assert question == json.loads(asked.body)
        self.questions.append(question)
        return json_page(200, self.say(question["data"]))

    @staticmethod
    def _judge(data: dict[str, Any]) -> dict[str, Any]:
        if "operations" in data:
            return {"answers": [{"allow": True}] * len(data["operations"])}
        if data["coins"] > 5_000:
            return {"allow": False, "code": "vault_full", "detail": "Your vault is too full."}
        return {"allow": True, "notes": {"guild": "north"}}

    def seen_by(self, context: Context) -> Context:
        """Return the context with the core's client, which finds this server by its name."""
        return Context(
            tenant=context.tenant, mode=context.mode, settings=context.settings, now=context.now,
            webhook_url="", http=Outbound(self.egress(), MANIFEST, context.settings),
        )  # fmt: skip
