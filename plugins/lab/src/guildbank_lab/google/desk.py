"""What Google does when it is asked: apps, tokens, purchases, refunds, and who is told of them."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from guildbank_lab.bench import Bench
from guildbank_lab.google import wire
from guildbank_lab.google.records import App, Sale, Subscription, Wish
from guildbank_lab.steam.desk import LabIsFull
from guildbank_lab.switches import DUPLICATE, FORGED, REORDERED, UNSENT

MOST_APPS, MOST_SALES, MOST_TOKENS = 1_000, 50_000, 10_000
PATIENCE = timedelta(days=3)
"""How long Google waits to be told that a purchase was delivered."""
LIFE_SECONDS = 3_600
PUSHES_AS = "push@lab.iam.gserviceaccount.com"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_ISSUER = "https://accounts.google.com"
_BITS = 2_048
_BY_GOOGLE, _UNACKNOWLEDGED = 2, 8


class GoogleDesk:
    """The lab's Google. Its keys are made when somebody first needs them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sales: dict[str, Sale] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._apps: dict[str, App] = {}
        self._by_email: dict[str, App] = {}
        self._tokens: OrderedDict[str, tuple[App, datetime]] = OrderedDict()
        self._unfinished: OrderedDict[str, Sale] = OrderedDict()
        self._keys: dict[str, RSAKey] = {}
        self._told = bench.config.seed * 10**7
        self._seed = bench.config.seed

    @property
    def url(self) -> str:
        """Where the lab is reached."""
        return self.bench.config.url

    def open_app(self, package_name: str, webhook_url: str | None, audience: str | None) -> App:
        """Put an app into the store, with a service account of its own; its purchases stay."""
        known = self._apps.get(package_name)
        if known is None and len(self._apps) >= MOST_APPS:
            raise LabIsFull
        app = known or App(
            package_name=package_name,
            email=f"game{len(self._apps)}@lab.iam.gserviceaccount.com",
            key_id=self.bench.names.new(20).lower(),
            key=RSAKey.generate_key(_BITS),
        )
        app.webhook_url, app.audience = webhook_url, audience
        self._apps[package_name] = self._by_email[app.email] = app
        return app

    def app(self, package_name: str) -> App | None:
        """Return an app by its package name."""
        return self._apps.get(package_name)

    @property
    def apps(self) -> tuple[App, ...]:
        """All apps of the store."""
        return tuple(self._apps.values())

    def grant(self, assertion: str) -> str | None:
        """Return an access token for the word of a service account, None for a stranger's."""
        for app in self._by_email.values():
            try:
                claims = jwt.decode(assertion, app.key, algorithms=["RS256"]).claims
            except (JoseError, ValueError, TypeError):
                continue
            good = (claims.get("iss"), claims.get("scope")) == (app.email, _SCOPE)
            aimed = claims.get("aud") in (_AUDIENCE, f"{self.url}/token")
            # Who plays with time moves the lab's and not always its own, so that only the span
            # of the word is held against Google's rule.
            life = claims.get("exp", 0) - claims.get("iat", 0)
            if not good or not aimed or not 0 < life <= LIFE_SECONDS:
                return None
            while len(self._tokens) >= MOST_TOKENS:
                self._tokens.popitem(last=False)
            token = f"ya29.{self.bench.names.new(40)}"
            ends = self.bench.clock.now() + timedelta(seconds=LIFE_SECONDS)
            self._tokens[token] = app, ends
            return token
        return None

    def app_of(self, token: str) -> App | None:
        """Return whose access token this is, None for one that has ended or was never given."""
        app, ends = self._tokens.get(token, (None, None))
        return app if ends is not None and self.bench.clock.now() < ends else None

    def forget_tokens(self) -> None:
        """End every access token."""
        self._tokens.clear()

    def buy(self, app: App, wish: Wish, *, once: bool) -> Sale:
        """Sell something to whoever holds the device; `once` for a profile, if one is given."""
        if once and wish.profile is not None:
            for known in self.sales.values():
                if known.wish.profile == wish.profile and known.app is app:
                    return known
        if len(self.sales) >= MOST_SALES:
            raise LabIsFull
        made = Sale(
            app=app,
            token=self.new_token(),
            order_id=self.new_order(),
            wish=wish,
            state=wire.PENDING if wish.pending else wire.PURCHASED,
            bought=self.bench.clock.now(),
        )
        self.sales[made.token] = made
        if not wish.pending:
            self._complete(made)
        return made

    def new_token(self) -> str:
        """Return a token that nobody had before."""
        return f"{self.bench.names.new(24).lower()}.AO-J1O{self.bench.names.new(60)}"

    def new_order(self) -> str:
        """Return the next order's name."""
        number = len(self.sales)
        lab = f"{(5_499 + self._seed) % 10_000:04}-{self._seed % 100_000:05}"
        return f"GPA.{3_300 + number // 10_000}-{number % 10_000:04}-{lab}"

    def sell_period(self, known: Subscription, sale: Sale) -> None:
        """Write a period of a subscription down; one that is not acknowledged goes back in time."""
        if len(self.sales) >= MOST_SALES:
            raise LabIsFull
        self.sales[sale.order_id] = sale
        if not known.acknowledged:
            self._unfinished[sale.token] = sale

    def acknowledge(self, known: Subscription) -> None:
        """Hear that a subscription was delivered."""
        known.acknowledged = True
        self._unfinished.pop(known.token, None)

    def settle(self, sale: Sale, *, paid: bool) -> None:
        """End a pending purchase: the buyer paid in time, or did not."""
        if sale.state != wire.PENDING:
            return
        sale.bought = self.bench.clock.now()
        if paid:
            sale.state = wire.PURCHASED
            self._complete(sale)
        else:
            sale.state = wire.CANCELLED
            self.tell(sale.app, sale, wire.bought(sale, wire.CANCELED))

    def _complete(self, sale: Sale) -> None:
        self._unfinished[sale.token] = sale
        self.tell(sale.app, sale, wire.bought(sale, wire.BOUGHT))

    def consume(self, sale: Sale) -> bool:
        """Hear that a purchase was delivered; False where there is nothing to be consumed."""
        if sale.state != wire.PURCHASED or sale.consumed:
            return False
        sale.consumed = True
        self._unfinished.pop(sale.token, None)
        return True

    def void(self, sale: Sale, reason: int, source: int) -> None:
        """Give all of the money back, and take back what was bought."""
        if sale.voided is not None:
            return
        sale.state, sale.refunding = wire.CANCELLED, False
        sale.voided, sale.reason, sale.source = self.bench.clock.now(), reason, source
        self._unfinished.pop(sale.token, None)
        self.tell(sale.app, sale, wire.gone(sale))

    def lapse(self) -> None:
        """Void what nobody consumed in time, as of now; a renewal may begin in the future."""
        now = self.bench.clock.now()
        for one in list(self._unfinished.values()):
            if now - one.bought >= PATIENCE:
                self.void(one, _UNACKNOWLEDGED, _BY_GOOGLE)

    def voided(self, app: App, begin: datetime, end: datetime) -> list[Sale]:
        """Return what was voided in a span, the oldest first."""
        mine = [
            sale
            for sale in self.sales.values()
            if sale.app is app and sale.voided is not None and begin <= sale.voided <= end
        ]
        return sorted(mine, key=lambda sale: sale.voided or begin)

    def sale_of(self, app: App, named: str) -> Sale | None:
        """Return an app's purchase by its token or its order."""
        found = self.sales.get(named)
        if found is None:
            found = next((one for one in self.sales.values() if one.order_id == named), None)
        return found if found is not None and found.app is app else None

    def tell(self, app: App, sale: Sale | None, told: wire.Json) -> None:
        """Push a notification to the app's server; a switch for the purchase has its way first."""
        bench = self.bench
        switch = bench.switches.take(
            "google", "webhook", *(sale.subjects if sale is not None else ())
        )
        effect = switch.effect if switch is not None else None
        self._told += 1
        if effect == UNSENT or app.webhook_url is None:
            return
        body = wire.push(app, str(10**15 + self._told), told, bench.clock.now())
        late = bench.config.late_seconds if effect == REORDERED else 0
        by = "stranger" if effect == FORGED else "google"

        def headers() -> Mapping[str, str]:
            bearer = self.bearer(app.audience or app.webhook_url or "", by=by)
            return {"content-type": "application/json", "authorization": f"Bearer {bearer}"}

        for _ in range(3 if effect == DUPLICATE else 1):
            bench.courier.send(app.webhook_url, headers, body, after_seconds=late)

    def bearer(self, audience: str, *, by: str = "google", at: datetime | None = None) -> str:
        """Return the token by which Pub/Sub says who it is, given now or at a moment.

        A stranger signs by another key.
        """
        now = int((at or self.bench.clock.now()).timestamp())
        claims = {
            "aud": audience,
            "azp": "1",
            "email": PUSHES_AS,
            "email_verified": True,
            "exp": now + LIFE_SECONDS,
            "iat": now,
            "iss": _ISSUER,
            "sub": "1",
        }
        return jwt.encode({"alg": "RS256", "kid": "lab"}, claims, self._key(by))

    def certs(self) -> bytes:
        """Return the keys by which pushes are signed (RFC 7517)."""
        public = self._key("google").as_dict(private=False)
        return msgspec.json.encode(
            {"keys": [{**public, "kid": "lab", "alg": "RS256", "use": "sig"}]}
        )

    def _key(self, of: str) -> RSAKey:
        if of not in self._keys:
            self._keys[of] = RSAKey.generate_key(_BITS)
        return self._keys[of]
