"""What a thief began before the owner came back is worth nothing, and strangers stop nobody."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.house import House
from tests.identity.reader import OTHER, Meet, Person, done, refused

from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("thieves-home")


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await house.players_client(home) as client:
        yield client


@pytest.fixture
def person(house: House, home: TenantRef, web: httpx.AsyncClient) -> Meet:
    return lambda name: Person(house, home, web, name)


async def test_who_claims_an_address_lifts_no_brake_on_guessing_its_owners_password(
    person: Meet,
) -> None:
    await (await person("tia").registers()).confirms()
    mallory = await person("mallory2").registers(email="tia@mail.example", password=OTHER)
    told = []
    for number in range(12):
        assert (await mallory.signs_in("tia@mail.example", OTHER)).status_code in (200, 429)
        told.append(refused(await mallory.signs_in("tia@mail.example", f"a guess {number}")))
    assert (429, "login_throttled") in told


async def test_a_change_of_address_that_waits_dies_with_the_password(person: Meet) -> None:
    uma = await (await person("uma").registers()).confirms()
    await uma.signs_in()
    assert done(await uma.asks("PUT", "/email", email="thief3@mail.example"))
    stolen = await uma.link("email_change_confirm", "thief3@mail.example")
    await uma.asks("POST", "/password/forgotten", email=uma.address)
    token = await uma.link("reset_password")
    assert done(await uma.asks("POST", "/password/reset", token=token, password=OTHER))
    answer = await uma.asks("POST", "/email/change", token=stolen)
    assert refused(answer) == (422, "ticket_not_valid")


async def test_mail_to_who_registers_stops_no_mail_that_recovers(person: Meet) -> None:
    vic = await (await person("vic").registers()).confirms()
    for number in range(8):
        await person(f"noise{number}").registers(email=vic.address)
    assert done(await vic.asks("POST", "/password/forgotten", email=vic.address))
    assert (await vic.mail())[0].template == "identity.reset_password"


async def test_a_guest_gets_no_password_or_address_but_by_registering(person: Meet) -> None:
    guest = person("guest")
    made = (await guest.web.post("/v1/guests", json={})).json()
    guest.token = made["tokens"]["token"]
    answer = await guest.asks("PUT", "/password", password=OTHER)
    assert refused(answer) == (409, "is_guest")
    answer = await guest.asks("PUT", "/email", email="guest@mail.example")
    assert refused(answer) == (409, "is_guest")
