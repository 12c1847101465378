"""Events as Stripe signs and sends them (https://docs.stripe.com/webhooks#verify-manually)."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from guildbank_lab.bench import Bench
from guildbank_lab.stripe.records import Account
from guildbank_lab.stripe.wire import Json
from guildbank_lab.switches import DUPLICATE, FORGED, REORDERED, UNSENT


class Webhooks:
    """Signs by the endpoint's secret, or by a stranger's when a switch says so."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def tell(self, account: Account, subjects: tuple[str, ...], kind: str, subject: Json) -> None:
        """Send one event; a switch for one of these subjects has its way first."""
        bench = self._bench
        event = {
            "id": f"evt_{bench.names.new(24)}",
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": int(bench.clock.now().timestamp()),
            "livemode": False,
            "type": kind,
            "data": {"object": subject},
        }
        body = msgspec.json.encode(event)
        switch = bench.switches.take("stripe", "webhook", *subjects)
        effect = switch.effect if switch is not None else None
        if effect == UNSENT:
            return
        secret = "whsec_of_a_stranger" if effect == FORGED else account.webhook_secret
        late = bench.config.late_seconds if effect == REORDERED else 0

        def headers() -> Mapping[str, str]:
            return self._headers(secret, body)

        for _ in range(3 if effect == DUPLICATE else 1):
            bench.courier.send(account.webhook_url, headers, body, after_seconds=late)

    def _headers(self, secret: str, body: bytes) -> dict[str, str]:
        at = int(self._bench.clock.now().timestamp())
        proof = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
        return {"content-type": "application/json", "stripe-signature": f"t={at},v1={proof}"}
