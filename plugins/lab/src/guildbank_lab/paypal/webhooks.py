"""Events as PayPal signs and sends them, and as it should not.

https://developer.paypal.com/api/rest/webhooks/rest/#link-webhooksignatureverification
"""

import zlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

import msgspec

from guildbank_lab.authority import Signer
from guildbank_lab.bench import Bench
from guildbank_lab.paypal.records import Account
from guildbank_lab.paypal.wire import Json
from guildbank_lab.switches import DUPLICATE, FORGED, REORDERED, UNSENT

HOST = "messageverificationcerts.sandbox.paypal.com"
CERTIFICATE = "CERT-1ab00000-00000000-00000001"


class Webhooks:
    """Signs by the lab's certificate, or by a stranger's when a switch says so."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.signer = bench.authority.signer(HOST)
        self._stranger = bench.stranger.signer(HOST)

    def tell(
        self, account: Account, subjects: tuple[str, ...], kind: str, about: str, resource: Json
    ) -> None:
        """Send one event; a switch for one of these subjects has its way first."""
        bench = self._bench
        event = {
            "id": f"WH-{bench.names.new()}-{bench.names.new()}",
            "event_version": "1.0",
            "create_time": bench.clock.text(),
            "resource_type": about,
            "resource_version": "2.0",
            "event_type": kind,
            "summary": f"{kind} in the lab",
            "resource": resource,
            "links": [],
        }
        body = msgspec.json.encode(event)
        switch = bench.switches.take("paypal", "webhook", *subjects)
        effect = switch.effect if switch is not None else None
        if effect == UNSENT:
            return
        late = bench.config.late_seconds if effect == REORDERED else 0
        signer = self._stranger if effect == FORGED else self.signer

        def headers() -> Mapping[str, str]:
            return self.headers(account.webhook_id, zlib.crc32(body), signer)

        for _ in range(3 if effect == DUPLICATE else 1):
            bench.courier.send(account.webhook_url, headers, body, after_seconds=late)

    def headers(
        self, webhook_id: str, crc: int, signer: Signer | None = None, at: datetime | None = None
    ) -> dict[str, str]:
        """Return the headers of a signed body, known by its CRC-32, sent now or at a moment."""
        transmission, time = self._bench.names.new(32).lower(), self._bench.clock.text(at)
        signed = f"{transmission}|{time}|{webhook_id}|{crc}"
        proof = (signer or self.signer).sign(signed.encode())
        return {
            "content-type": "application/json",
            "user-agent": "guildbank-lab/1",
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": f"{self._bench.config.url}/v1/notifications/certs/{CERTIFICATE}",
            "paypal-transmission-id": transmission,
            "paypal-transmission-time": time,
            "paypal-transmission-sig": b64encode(proof).decode(),
        }
