"""A player hears by mail of a sign-in on a device that was not seen before."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.house import House
from tests.identity.people import PASSWORD, Person, done, page_of, refused, set_policy

from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    tenant = await house.tenant("devices-home")
    await set_policy(house, tenant)
    return tenant


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


async def log_in(person: Person, device: str, token: str | None = None) -> str:
    """Sign in from a device; return the token by which it is known next time."""
    body = {"username": person.name, "password": PASSWORD, "deviceToken": token}
    answer = await person.web.post("/login", json=body, headers={"user-agent": device})
    return str(done(answer)["deviceToken"])


async def test_the_first_sign_in_is_no_news_and_a_known_device_is_none_either(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    alice = await Person(house, home, web).register()
    phone = await log_in(alice, "Moonlit/1.2 (phone)")
    assert await alice.mail("new_device") == []
    await log_in(alice, "Moonlit/1.2 (phone)", phone)
    assert await alice.mail("new_device") == []
    await log_in(alice, "Moonlit/1.2 (tablet)")
    [told] = await alice.mail("new_device")
    assert "Device: Moonlit/1.2 (tablet)" in told
    assert "Place: 10.0." in told
    assert f"Time: {house.clock.now():%Y-%m-%d %H:%M} UTC" in told
    forged = phone[:-1] + ("A" if phone[-1] != "A" else "B")
    await log_in(alice, "Moonlit/1.2 (phone)", forged)
    assert len(await alice.mail("new_device")) == 2


async def test_a_device_that_says_nothing_of_itself_is_told_of_too(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    alice = await Person(house, home, web).register()
    await log_in(alice, "x")
    await log_in(alice, "")
    await log_in(alice, "y" * 5_000)
    assert len(await alice.mail("new_device")) == 2


async def test_an_address_that_nobody_confirmed_is_not_written_to(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    alice = await Person(house, home, web).register(confirmed=False)
    await log_in(alice, "one")
    await log_in(alice, "two")
    assert await alice.mail("new_device") == []


async def test_who_knows_the_password_only_makes_no_news_before_coming_in(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    """The mail says that somebody came in, so it waits for the second factor."""
    alice = await (await Person(house, home, web).register()).come_in()
    await alice.with_totp()
    challenge = await alice.challenge()
    assert await alice.mail("new_device") == []
    assert refused(await alice.finish(challenge, "totp", alice.code())) == (
        403,
        "second_factor_failed",
    )
    assert await alice.mail("new_device") == []
    done(await alice.finish(challenge, "totp", alice.next_code()))
    assert len(await alice.mail("new_device")) == 1


async def test_a_device_stays_known_through_the_second_factor(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    alice = await (await Person(house, home, web).register()).come_in()
    await alice.with_totp()
    finished = done(await alice.finish(await alice.challenge(), "totp", alice.next_code()))
    assert len(await alice.mail("new_device")) == 1
    answer = await alice.log_in(deviceToken=finished["deviceToken"])
    again = done(await alice.finish(answer.json()["challenge"], "totp", alice.next_code()))
    assert again["deviceToken"] == finished["deviceToken"]
    assert len(await alice.mail("new_device")) == 1


async def test_it_is_written_in_the_players_language(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    vera = Person(house, home, web)
    body = {"username": vera.name, "email": vera.address, "password": PASSWORD, "locale": "ru"}
    vera.player = done(await web.post("/register", json=body), 201)["userId"]
    async with house.db.begin(home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_email SET confirmed_at = now(), owned_at = now() WHERE player_id = $1",
            vera.player,
        )
    await vera.come_in()
    await vera.come_in()
    assert (
        "Новый вход" in (await vera.mail("new_device"))[0]
        or "вошли" in (await vera.mail("new_device"))[0]
    )
    await vera.with_totp()
    assert "код из приложения-аутентификатора" in (await vera.mail("factor_added"))[0]
