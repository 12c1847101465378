"""What Apple does when it is asked: apps, purchases, refunds, and who is told of them."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from random import Random
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from guildbank_lab.apple import wire
from guildbank_lab.apple.chain import Chain, claims_of
from guildbank_lab.apple.records import App, Sale, Sent, Subscription, Wish
from guildbank_lab.bench import Bench
from guildbank_lab.steam.desk import LabIsFull
from guildbank_lab.switches import DUPLICATE, FORGED, NEVER_TOLD, REORDERED, UNSENT

MOST_APPS, MOST_SALES, MOST_SENT = 1_000, 50_000, 100_000
PAGE = 20
_FIRST_TRANSACTION = 2_000_000_000_000_000
_AUDIENCE = "appstoreconnect-v1"
_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


class AppleDesk:
    """The lab's Apple."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.chain = Chain(bench.clock.now())
        self.stranger = Chain(bench.clock.now())
        self.sales: dict[str, Sale] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.sent: list[Sent] = []
        self._apps: dict[str, App] = {}
        self._first = _FIRST_TRANSACTION + (bench.config.seed - 1) * MOST_SALES
        self._random = Random(bench.config.seed)  # noqa: S311 - names things of a game

    @property
    def url(self) -> str:
        """Where the lab is reached."""
        return self.bench.config.url

    def open_app(self, bundle_id: str, webhook_url: str | None) -> App:
        """Put an app into the store, with a new key; its purchases stay."""
        if bundle_id not in self._apps and len(self._apps) >= MOST_APPS:
            raise LabIsFull
        known = self._apps.get(bundle_id)
        self._apps[bundle_id] = App(
            bundle_id=bundle_id,
            app_apple_id=known.app_apple_id if known is not None else 1_000_000 + len(self._apps),
            issuer_id=str(self._uuid()),
            key_id=secrets.token_hex(5).upper(),
            key=ec.generate_private_key(ec.SECP256R1()),
            webhook_url=webhook_url,
        )
        return self._apps[bundle_id]

    def app(self, bundle_id: str) -> App | None:
        """Return an app by its bundle id."""
        return self._apps.get(bundle_id)

    def app_of(self, token: str) -> App | None:
        """Return whose token of the API this is, None for a stranger's."""
        for app in self._apps.values():
            claims = claims_of(app.key.public_key(), token)
            if claims is not None:
                good = (claims.get("bid"), claims.get("iss"), claims.get("aud"))
                return app if good == (app.bundle_id, app.issuer_id, _AUDIENCE) else None
        return None

    def buy(self, app: App, wish: Wish, *, once: bool) -> Sale:
        """Sell something to whoever holds the device; `once` for a token, if one is given."""
        if once and wish.token is not None:
            for known in self.sales.values():
                if known.token == wish.token and known.app.bundle_id == app.bundle_id:
                    return known
        made = self.sell(app, wish, self.bench.clock.now())
        self.tell(app, "ONE_TIME_CHARGE", made)
        return made

    def sell(self, app: App, wish: Wish, at: datetime) -> Sale:
        """Write a purchase down, of which nobody is told yet."""
        if len(self.sales) >= MOST_SALES:
            raise LabIsFull
        made = Sale(
            app=app,
            transaction_id=str(self._first + len(self.sales)),
            product=wish.product,
            token=wish.token,
            price=wish.price,
            currency=wish.currency,
            quantity=wish.quantity,
            kind=wish.kind,
            bought=at,
            shared=wish.shared,
        )
        self.sales[made.transaction_id] = made
        return made

    def refund(self, sale: Sale, percentage: int | None) -> None:
        """Give the money back, all of it or thousandths of a percent."""
        sale.revoked, sale.percentage = self.bench.clock.now(), percentage
        known = self.subscriptions.get(sale.original or "")
        if known is not None and percentage is None and sale.ends == known.ends:
            known.status, known.renews = wire.REVOKED, False
        self.tell(sale.app, "REFUND", sale)

    def reverse(self, sale: Sale) -> None:
        """Take a refund back."""
        sale.revoked = sale.percentage = None
        self.tell(sale.app, "REFUND_REVERSED", sale)

    def signed(self, sale: Sale, effect: str | None = None) -> str:
        """Return a transaction as it stands, signed; wrong in the way that an effect says."""
        payload = wire.transaction(sale, self.bench.clock.now())
        payload |= {
            "OTHER_BUNDLE": {"bundleId": "example.other"},
            "OTHER_ENVIRONMENT": {"environment": "Production"},
            "XCODE": {"environment": "Xcode"},
        }.get(effect or "", {})
        return (self.stranger if effect == "STRANGER" else self.chain).sign(payload)

    def tell(self, app: App, kind: str, sale: Sale | None, subtype: str | None = None) -> None:
        """Notify the app's server; a switch for the purchase has its way first."""
        bench, now = self.bench, self.bench.clock.now()
        subjects = sale.subjects if sale is not None else ()
        switch = bench.switches.take("apple", "webhook", *subjects)
        effect = switch.effect if switch is not None else None
        chain = self.stranger if effect == FORGED else self.chain
        within = {} if sale is None else {"signedTransactionInfo": self.signed(sale)}
        known = None if sale is None else self.subscriptions.get(sale.original or "")
        if known is not None:
            within["signedRenewalInfo"] = self.chain.sign(wire.renewal(known, now))
        payload = wire.notification(app, kind, subtype, str(self._uuid()), within, now)
        signed = chain.sign(payload)
        if effect == NEVER_TOLD:
            return
        if effect != FORGED:
            if len(self.sent) >= MOST_SENT:
                raise LabIsFull
            self.sent.append(Sent(app=app, at=now, signed=signed))
        if effect == UNSENT or app.webhook_url is None:
            return
        late = bench.config.late_seconds if effect == REORDERED else 0
        body = msgspec.json.encode({"signedPayload": signed})
        for _ in range(3 if effect == DUPLICATE else 1):
            bench.courier.send(app.webhook_url, lambda: _HEADERS, body, after_seconds=late)

    def history(self, app: App, begin: datetime, end: datetime) -> list[Sent]:
        """Return what was sent in a span, the latest first."""
        mine = [
            one
            for one in self.sent
            if one.app.bundle_id == app.bundle_id and begin <= one.at <= end
        ]
        return mine[::-1]

    def new_token(self) -> str:
        """Return a word that nobody had before."""
        return str(self._uuid())

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
