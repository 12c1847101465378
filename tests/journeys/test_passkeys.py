"""A player makes a passkey in a real browser, and comes in with it."""

import shutil
from collections.abc import AsyncIterator
from ctypes.util import find_library
from typing import Any

import pytest
from playwright.async_api import Browser, CDPSession, Error, Page, async_playwright
from tests.servers.guildbank import GuildbankServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "three lamps sing at dawn"
_numbers = iter(range(100))

# Playwright drives it through a Node of its own, which a bare Debian lacks a library for.
MISSING = "chromium" if CHROMIUM is None else None if find_library("atomic") else "libatomic1"

pytestmark = pytest.mark.skipif(
    MISSING is not None, reason=f"{MISSING} is not installed, and only browsers make passkeys"
)

CALL = """async ([method, path, body, token]) => {
    const headers = {'content-type': 'application/json'};
    if (token) headers.authorization = `Bearer ${token}`;
    const sent = {method, headers, body: body === null ? undefined : JSON.stringify(body)};
    const answer = await fetch(path, sent);
    const text = await answer.text();
    return {status: answer.status, ...(text ? JSON.parse(text) : {})};
}"""
CREATE = """async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({publicKey})).toJSON();
}"""
GET = """async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({publicKey})).toJSON();
}"""


@pytest.fixture(scope="module")
def origin(server: GuildbankServer) -> str:
    """The address of the demo tenant's pages, which may ask for passkeys."""
    at = f"http://demo.localhost:{server.port}"
    body = {"settings": {"passkeys": {"rpId": "demo.localhost", "origins": [at]}}}
    hosts = {"hosts": ["demo.localhost"]}
    with server.client(server.credentials.deployment_key) as operator:
        for answer in (
            operator.patch("/v1/tenants/demo", json=body),
            operator.put("/v1/tenants/demo/hosts", json=hosts),
        ):
            assert answer.status_code == 200, answer.text
    return at


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, origin: str) -> AsyncIterator[Page]:
    # The page is ours to script; the server's own pages allow themselves no scripts.
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{origin}/healthz")
    yield page
    await context.close()


class Phone:
    """A virtual authenticator of the browser, as the Chrome DevTools Protocol makes them."""

    def __init__(self, cdp: CDPSession, id_: str) -> None:
        self.cdp = cdp
        self.id = id_

    @classmethod
    async def beside(cls, page: Page) -> "Phone":
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(cdp, made["authenticatorId"])

    async def copy(self) -> dict[str, Any]:
        """Return the one passkey with its private key and count, as no real one would."""
        found = await self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        [credential] = found["credentials"]
        return dict(credential)

    async def become(self, credential: dict[str, Any]) -> None:
        """Hold this passkey in place of all others."""
        await self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})
        more = {"authenticatorId": self.id, "credential": credential}
        await self.cdp.send("WebAuthn.addCredential", more)

    async def verify(self, yes: bool) -> None:
        """Let it know its holder's finger, or not."""
        more = {"authenticatorId": self.id, "isUserVerified": yes}
        await self.cdp.send("WebAuthn.setUserVerified", more)


class Player:
    """A player of the demo tenant before the page."""

    def __init__(self, page: Page, phone: Phone) -> None:
        self.page = page
        self.phone = phone
        self.body = {"username": f"walker-{next(_numbers)}", "password": PASSWORD}
        self.token: str | None = None

    async def post(self, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate(CALL, ["POST", path, body, self.token])
        assert found["status"] == status, found
        return found

    async def with_passkey(self) -> "Player":
        await self.post("/register", self.body, 201)
        self.token = (await self.post("/login", self.body))["token"]
        asked = await self.post("/v1/passkeys/options")
        made = await self.page.evaluate(CREATE, asked["options"])
        await self.post("/v1/passkeys", {"credential": made, "name": "Phone"}, 201)
        self.token = None
        return self

    async def alone(self, status: int = 200) -> dict[str, Any]:
        """Sign in with the passkey alone."""
        asked = await self.post("/v1/sign-in/passkey/options")
        used = await self.page.evaluate(GET, asked["options"])
        return await self.post("/v1/sign-in/passkey", {"credential": used}, status)

    async def methods(self, token: str) -> list[str]:
        """Return what the newest session was begun with."""
        found = await self.page.evaluate(CALL, ["GET", "/v1/sessions", None, token])
        return list(found["items"][0]["methods"])


@pytest.fixture
async def player(page: Page) -> Player:
    return await Player(page, await Phone.beside(page)).with_passkey()


async def test_a_passkey_made_in_the_browser_signs_in_by_itself(player: Player) -> None:
    tokens = await player.alone()
    assert await player.methods(tokens["token"]) == ["passkey"]


async def test_it_is_a_second_factor_beside_the_password(player: Player) -> None:
    refused = await player.post("/login", player.body, 401)
    assert refused["code"] == "second_factor_required"
    assert refused["methods"] == ["passkey", "recovery_code"]
    challenge = {"challenge": refused["challenge"]}
    asked = await player.post("/v1/sign-in/second-factor/passkey", challenge)
    used = await player.page.evaluate(GET, asked["options"])
    proof = {**challenge, "method": "passkey", "credential": used}
    tokens = await player.post("/v1/sign-in/second-factor", proof)
    assert await player.methods(tokens["token"]) == ["password", "passkey"]


async def test_it_does_not_sign_in_alone_for_who_is_not_its_holder(player: Player) -> None:
    await player.phone.verify(False)
    with pytest.raises(Error, match="NotAllowedError"):
        await player.alone()


async def test_it_makes_a_session_fresh_again(player: Player) -> None:
    player.token = (await player.alone())["token"]
    asked = await player.post("/v1/sessions/step-up/passkey")
    used = await player.page.evaluate(GET, asked["options"])
    proof = {"method": "passkey", "credential": used}
    player.token = (await player.post("/v1/sessions/step-up", proof))["token"]
    await player.post("/v1/second-factor/recovery-codes")


async def test_a_copy_of_it_is_found_out(player: Player) -> None:
    copy = await player.phone.copy()
    await player.alone()
    original = await player.phone.copy()
    assert original["signCount"] > copy["signCount"]
    await player.phone.become({**copy, "signCount": 0})
    refused = await player.alone(403)
    assert refused["code"] == "second_factor_failed"
    await player.phone.become(original)
    await player.alone()


async def test_the_browser_gives_it_to_no_page_of_another_host(
    player: Player, server: GuildbankServer
) -> None:
    asked = await player.post("/v1/sign-in/passkey/options")
    await player.page.goto(f"http://other.localhost:{server.port}/healthz")
    with pytest.raises(Error, match="SecurityError"):
        await player.page.evaluate(GET, asked["options"])
