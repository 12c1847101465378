"""The cookie of the console beside other credentials, and cookies that nobody was given."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
from tests.attacks.table import Objects, Route
from tests.attacks.test_credentials import FORBIDDEN, UNAUTHORIZED, all_are, tried
from tests.attacks.test_operators import browser
from tests.staff import Person, hired
from tests.studio import City, Studio

from guildbank.identity import Authenticator, mint_player_token
from guildbank.kernel import Refusal


@pytest.fixture(scope="module")
async def olga(city: City, castle: Studio) -> AsyncIterator[Person]:
    """An owner of the victim's tenant."""
    async with await browser(city, castle) as http:
        yield await hired(city.services.identity, http, castle.ref, "owner", name="orla")


async def test_who_a_program_names_acts_and_not_the_cookie_that_travels_along(
    city: City, castle: Studio, olga: Person, peopled: Sequence[Route], victim: Objects
) -> None:
    """A site of players may be on the console's host, in the browser of somebody who works here."""
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    cookie = f"guildbank={olga.http.cookies['guildbank']}"
    for sent in (cookie, f"{cookie}; guildbank=deployment.planted", "guildbank=nonsense"):
        page = city.client(minted.token, cookie=sent)
        own = await page.get(f"/v1/players/{victim.player}/balances")
        assert own.status_code == 200, own.text
        all_are(FORBIDDEN, await tried(city.client(minted.token, cookie=sent), peopled, victim))
        await page.aclose()


async def test_a_flood_of_invented_cookies_takes_no_connection_from_players(
    city: City, castle: Studio, olga: Person
) -> None:
    real = olga.http.cookies["guildbank"]
    plane, secret, mark = real.split(".")
    invented = [
        f"{plane}.{'A' * 43}", f"{plane}.{'A' * 43}.{mark}", f"deployment.{secret}.{mark}",
        f"ten_01kag3pyqmf9aag12vtrsy70ps.{secret}.{mark}", f"{plane}.{secret}.{'A' * 22}",
        f"{real}.{mark}", f"{plane}.{secret}.\u00e9",
    ]  # fmt: skip
    services = city.services
    authenticate = Authenticator(services.identity)

    async def asked(cookie: str) -> object:
        headers = {"host": "localhost", "cookie": f"guildbank={cookie}"}
        async with asyncio.timeout(1):
            return await authenticate(headers, "/v1/operator/me")

    async with AsyncExitStack() as lent:
        for _ in range(services.settings.pool_size):
            await lent.enter_async_context(services.db.connect())
        for one in invented:
            refusal = await asked(one)
            assert isinstance(refusal, Refusal), one
            assert refusal.code == "session_ended"
        with pytest.raises(TimeoutError):
            await asked(real)


async def test_a_cookie_beside_another_credential_is_refused(
    city: City, castle: Studio, olga: Person, peopled: Sequence[Route], victim: Objects
) -> None:
    cookie = f"guildbank={olga.http.cookies['guildbank']}"
    csrf = {"x-csrf-token": olga.http.headers["x-csrf-token"]}
    both = city.client(castle.token, cookie=cookie, **csrf)
    all_are(UNAUTHORIZED, await tried(both, peopled, victim))
    twice = city.client(cookie=f"{cookie}; guildbank=deployment.planted", **csrf)
    all_are(UNAUTHORIZED, await tried(twice, peopled, victim))
