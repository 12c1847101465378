"""A game whose players come in by accounts elsewhere: its server, its clients, their browsers."""

import base64
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from litestar import Litestar
from tests.house import House
from tests.identity.mirror import Mirror

from guildbank.identity import Identity, create_key
from guildbank.kernel import FixedClock, Refusal
from guildbank.plugin_host import Plugins
from guildbank.tenancy import TenantRef
from guildbank_oidc.issuer import PLUGIN as OIDC
from guildbank_telegram.plugin import PLUGIN as TELEGRAM

RETURN_URL = "https://game.example/signed-in"
PASSWORD = "three lamps sing at dawn"
BOT_TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
PLUGINS: Sequence[tuple[str, object]] = (
    ("mirror", Mirror()),
    ("oidc", OIDC),
    ("telegram", TELEGRAM),
)


@dataclass(frozen=True)
class Client:
    """One installation of the game: the PKCE verifier of its sign-in is its own."""

    verifier: str
    challenge: str


def client() -> Client:
    verifier = secrets.token_urlsafe(48)
    digest = sha256(verifier.encode()).digest()
    return Client(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


@dataclass(frozen=True)
class Game:
    """A tenant, with the worker that serves it. `clock` is what that worker goes by."""

    house: House
    tenant: TenantRef
    clock: FixedClock
    identity: Identity
    app: Litestar
    url: str
    key: str
    web: httpx.AsyncClient
    server: httpx.AsyncClient

    def browser(self) -> httpx.AsyncClient:
        """Return a person's browser, with cookies of its own."""
        browser = self.house.client(self.app)
        browser.base_url = httpx.URL(self.url)
        return browser

    def player(self, tokens: dict[str, Any]) -> httpx.AsyncClient:
        """Return a client that calls as the player."""
        return self.house.client(self.app, tokens["token"])

    async def set_up(self, provider: str, **settings: Any) -> None:
        answer = await self.server.put(
            f"/v1/identity-providers/{provider}", json={"settings": settings}
        )
        assert answer.status_code == 200, answer.text

    async def begin(self, who: Client, **more: Any) -> httpx.Response:
        body = {
            "provider": "mirror",
            "returnUrl": RETURN_URL,
            "codeChallenge": who.challenge,
            **more,
        }
        return await self.web.post("/v1/sign-in/begin", json=body)

    async def leave(self, browser: httpx.AsyncClient, who: Client, **more: Any) -> str:
        """Begin and open the address; return where the browser is led."""
        gate = path_of(done(await self.begin(who, **more))["url"])
        left = await browser.get(gate)
        assert left.status_code == 303, left.text
        return str(left.headers["location"])

    async def come_back(
        self, browser: httpx.AsyncClient, params: dict[str, str], provider: str = "mirror"
    ) -> httpx.Response:
        """Come back from a provider, which posts a form if it is the mirror."""
        at = f"/v1/sign-in/callback/{self.tenant.slug}/{provider}"
        if provider == "mirror":
            return await browser.post(at, data=params)
        return await browser.get(at, params=params)

    async def code(self, who: Client, **said: str) -> str:
        """Go the whole way at the mirror, as who says these things; return the code."""
        async with self.browser() as browser:
            state = query_of(await self.leave(browser, who))["state"]
            returned = await self.come_back(browser, {"state": state, **said})
        assert returned.status_code == 303, returned.text
        return query_of(returned.headers["location"])["code"]

    async def exchange(self, who: Client, code: str) -> httpx.Response:
        body = {"code": code, "codeVerifier": who.verifier}
        return await self.web.post("/v1/sign-in/exchange", json=body)

    async def vouch(self, sub: str, **said: str) -> httpx.Response:
        """Sign in with an assertion of the mirror's, a new one."""
        return await self.web.post("/v1/sign-in/assertions", json=assertion(sub, **said))

    async def arrive(self, sub: str, **said: str) -> dict[str, Any]:
        return done(await self.vouch(sub, **said))

    async def register(self, username: str, **more: Any) -> dict[str, Any]:
        """Register a player here and sign in; return the tokens."""
        body = {"username": username, "password": PASSWORD, **more}
        done(await self.web.post("/register", json=body))
        return done(await self.web.post("/login", json={"username": username, **SECRET}))

    async def sql(self, text: str, *args: object) -> list[Any]:
        async with self.house.db.begin(self.tenant.schema) as tx:
            return list(await tx.driver.fetch(text, *args))

    async def confirm(self, player_id: str) -> None:
        """Let the player's address be confirmed, as the mailed code does."""
        await self.sql(
            "UPDATE identity_email SET confirmed_at = now(), owned_at = now() WHERE player_id = $1",
            player_id,
        )


SECRET = {"password": PASSWORD}


def assertion(sub: str, **said: str) -> dict[str, Any]:
    fields = {"sub": sub, "once": secrets.token_hex(16), **said}
    return {"provider": "mirror", "assertion": fields}


def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@asynccontextmanager
async def open_game(house: House, slug: str, url: str = "https://localhost") -> AsyncIterator[Game]:
    """Open a game with the mirror set up and one return URL, at the machine's time."""
    tenant = await house.tenant(slug)
    clock = FixedClock(datetime.now(UTC))
    identity = house.another(clock=clock)
    app = house.app(identity, Plugins(PLUGINS), url)
    made = await create_key(identity, tenant, "client", kind="publishable")
    assert not isinstance(made, Refusal), made
    token = await house.key(tenant, "sign-in:read", "sign-in:write")
    web = house.client(app)
    web.headers["x-guildbank-key"] = made.token
    server = house.client(app, token)
    game = Game(house, tenant, clock, identity, app, url, made.token, web, server)
    await game.set_up("mirror", client_id="game", client_secret="shh-quiet")
    urls = await server.put("/v1/return-urls", json={"urls": [RETURN_URL]})
    assert urls.status_code == 200, urls.text
    try:
        yield game
    finally:
        await web.aclose()
        await server.aclose()
        await identity.close()
