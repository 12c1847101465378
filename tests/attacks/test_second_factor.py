"""Nobody gets past a second factor by what they took from elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp
import pytest
from tests.authenticator import Authenticator
from tests.studio import City, Studio, done, refused

from guildbank.kernel import Refusal
from guildbank.tenancy import PasskeySettings, TenantSettings, change_tenant

PASSWORD = "three lamps sing at dawn"
FACTOR, ALONE = "/v1/sign-in/second-factor", "/v1/sign-in/passkey"
FAILED, ENDED = (403, "second_factor_failed"), (401, "challenge_ended")


@dataclass
class Player:
    """A player with an authenticator app and a passkey, before a page of their tenant."""

    city: City
    web: httpx.AsyncClient
    name: str
    secret: str
    token: str
    passkey: Authenticator

    async def challenge(self) -> str:
        answer = await self.web.post("/login", json={"username": self.name, "password": PASSWORD})
        assert refused(answer) == (401, "second_factor_required")
        return str(answer.json()["challenge"])

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(datetime.now(UTC), counter_offset=1)


async def enrol(city: City, studio: Studio, name: str) -> Player:
    slug = studio.ref.slug
    page = f"https://{slug}.example"
    party = PasskeySettings(rp_id=f"{slug}.example", origins=(page,))
    wanted = TenantSettings(passkeys=party)
    changed = await change_tenant(city.services.tenancy, slug, lambda _: wanted)
    assert not isinstance(changed, Refusal), changed
    key = await city.key(studio.ref, kind="publishable")
    web = city.client(**{"x-guildbank-key": key})
    body = {"username": name, "password": PASSWORD}
    done(await web.post("/register", json=body))
    token = done(await web.post("/login", json=body))["token"]
    headers = {"authorization": f"Bearer {token}"}

    async def call(path: str, body: Any = None) -> dict[str, Any]:
        return dict(done(await web.post(path, headers=headers, json=body)))

    begun = await call("/v1/second-factor/totp")
    code = pyotp.TOTP(begun["secret"]).now()
    confirm = {"enrolment": begun["enrolment"], "code": code}
    await call("/v1/second-factor/totp/confirm", confirm)
    passkey = Authenticator(page)
    options = (await call("/v1/passkeys/options"))["options"]
    await call("/v1/passkeys", {"credential": passkey.create(options), "name": "Phone"})
    return Player(city, web, name, begun["secret"], token, passkey)


@pytest.fixture(scope="module")
async def ann(city: City, castle: Studio) -> AsyncIterator[Player]:
    player = await enrol(city, castle, "ann-of-two-factors")
    yield player
    await player.web.aclose()


@pytest.fixture(scope="module")
async def raider(city: City, intruder: Studio) -> AsyncIterator[Player]:
    """A player of the tenant next door."""
    player = await enrol(city, intruder, "raider-of-two-factors")
    yield player
    await player.web.aclose()


async def test_a_stolen_challenge_is_unknown_in_another_tenant(ann: Player, raider: Player) -> None:
    challenge = await ann.challenge()
    body = {"challenge": challenge, "method": "totp", "code": raider.code()}
    assert refused(await raider.web.post(FACTOR, json=body)) == ENDED
    for path in ("/mail", "/passkey", "/totp"):
        answer = await raider.web.post(FACTOR + path, json={"challenge": challenge})
        assert refused(answer) == ENDED
    body["code"] = ann.code()
    assert refused(await raider.web.post(FACTOR, json=body)) == ENDED
    done(await ann.web.post(FACTOR, json=body))


async def test_a_stolen_challenge_is_not_finished_with_ones_own_factor(
    city: City, castle: Studio, ann: Player
) -> None:
    mallory = await enrol(city, castle, "mallory-of-two-factors")
    challenge = await ann.challenge()
    body = {"challenge": challenge, "method": "totp", "code": mallory.code()}
    assert refused(await mallory.web.post(FACTOR, json=body)) == FAILED
    options = done(await mallory.web.post(f"{FACTOR}/passkey", json={"challenge": challenge}))
    credential = mallory.passkey.get(options["options"])
    proof = {"challenge": challenge, "method": "passkey", "credential": credential}
    assert refused(await mallory.web.post(FACTOR, json=proof)) == FAILED
    await mallory.web.aclose()


async def test_a_passkey_of_another_tenants_host_opens_nothing_here(
    ann: Player, raider: Player
) -> None:
    """Not with its own host, nor when its page lies about the host."""
    for rp_id in (None, "raiders.example"):
        options = done(await ann.web.post(f"{ALONE}/options"))["options"]
        body = {"credential": raider.passkey.get(options, rp_id)}
        assert refused(await ann.web.post(ALONE, json=body)) == FAILED
    options = done(await raider.web.post(f"{ALONE}/options"))["options"]
    body = {"credential": raider.passkey.get(options)}
    assert refused(await ann.web.post(ALONE, json=body)) == FAILED


async def test_a_page_of_another_tenant_cannot_pass_on_what_it_was_asked(
    ann: Player, raider: Player
) -> None:
    """A phishing page relays our challenge; the browser signs the page's own name."""
    options = done(await ann.web.post(f"{ALONE}/options"))["options"]
    ann.passkey.origin = raider.passkey.origin
    try:
        body = {"credential": ann.passkey.get(options)}
        assert refused(await ann.web.post(ALONE, json=body)) == FAILED
    finally:
        ann.passkey.origin = "https://castle.example"
    options = done(await ann.web.post(f"{ALONE}/options"))["options"]
    done(await ann.web.post(ALONE, json={"credential": ann.passkey.get(options)}))


async def test_a_challenge_is_no_credential(ann: Player) -> None:
    challenge = await ann.challenge()
    headers = {"authorization": f"Bearer {challenge}"}
    assert refused(await ann.web.get("/v1/sessions", headers=headers)) == (401, "unauthorized")
    refresh = {"refreshToken": challenge}
    assert refused(await ann.web.post("/v1/sessions/refresh", json=refresh)) == (
        401,
        "unauthorized",
    )
