"""Players register and sign in with a name or an address and a password."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import bcrypt
import httpx
import pytest
from tests.house import House

from guildbank.identity.store import accounts as store
from guildbank.infra.passwords import Passwords, Verdict, is_importable
from guildbank.tenancy import TenantRef

PASSWORD = "three lamps sing at dawn"


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("accounts-home")


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await house.players_client(home) as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    found = answer.json()
    return answer.status_code, found["code"], found.get("field")


async def registered(web: httpx.AsyncClient, **body: Any) -> str:
    answer = await web.post("/register", json={"password": PASSWORD, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["userId"])


async def signed_in(web: httpx.AsyncClient, **body: Any) -> str:
    answer = await web.post("/login", json={"password": PASSWORD, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["userId"])


async def test_either_handle_signs_in_after_either_registration(web: httpx.AsyncClient) -> None:
    body = {"username": "Ada", "email": "Ada@Example.com", "password": PASSWORD}
    answer = await web.post("/account/register", json=body)
    assert answer.status_code == 201
    assert answer.json()["message"] == "User registered successfully"
    ada = answer.json()["userId"]
    grace = await registered(web, email="grace@example.com", username="grace")
    for username, player in (
        ("ada", ada),
        ("ADA", ada),
        ("ada@example.com", ada),
        ("grace", grace),
        ("grace@EXAMPLE.com", grace),
    ):
        body = {"username": username, "password": PASSWORD}
        answer = await web.post("/account/login", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["message"] == "Login successful"
        assert answer.json()["userId"] == player
        assert answer.json()["token"].count(".") == 2
    assert await signed_in(web, email="ada@example.com") == ada
    assert await signed_in(web, username="grace") == grace


async def test_a_wrong_password_and_an_unknown_handle_are_told_alike(
    web: httpx.AsyncClient,
) -> None:
    await registered(web, username="known", email="known@example.com")
    told = []
    for handle in (
        {"username": "known"},
        {"username": "nobody"},
        {"email": "known@example.com"},
        {"email": "nobody@example.com"},
        {"username": "\u202e"},
        {"email": "no one@"},
    ):
        answer = await web.post("/login", json={**handle, "password": "not the password"})
        found = answer.json()
        del found["requestId"]
        told.append((answer.status_code, found))
    assert all(one == told[0] for one in told)
    assert told[0][0] == 401
    assert told[0][1]["code"] == "login_failed"


async def test_a_known_and_an_unknown_handle_cost_as_many_hashes(
    house: House, home: TenantRef, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(web, username="costly", email="costly@example.com")
    computed: list[str] = []
    real = Passwords._verify

    def counted(self: Passwords, password: str, stored: str) -> Verdict:
        computed.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(Passwords, "_verify", counted)

    async def cost(**handle: str) -> int:
        computed.clear()
        await web.post("/login", json={**handle, "password": "not the password"})
        return len(computed)

    assert await cost(username="costly") == await cost(username="no-such-one") == 1
    known, unknown = (
        await cost(email="costly@example.com"),
        await cost(email="no-such-one@example.com"),
    )
    assert known == unknown == 2
    assert await cost(email="not an address @") == 2
    # A registration costs the same whether or not its address is known.
    await registered(web, email="costly@example.com")


async def test_a_name_is_taken_by_its_look_alikes_too(web: httpx.AsyncClient) -> None:
    await registered(web, username="paypal")
    for alike in ("paypal", "PayPal", "p\u0430ypal"):
        body = {"username": alike, "password": PASSWORD}
        assert refused(await web.post("/register", json=body)) == (
            409,
            "username_taken",
            "username",
        )


async def test_of_many_who_register_one_name_at_once_one_gets_it(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    async def rows() -> tuple[int, ...]:
        async with house.db.begin(home.schema, read_only=True) as tx:
            counts = [
                await tx.driver.fetchval(f"SELECT count(*) FROM identity_{table}")
                for table in ("player", "username", "profile", "password", "email")
            ]
        return tuple(counts)

    before = await rows()
    body = {"username": "rush", "email": "rush@example.com", "password": PASSWORD}
    answers = await asyncio.gather(*(web.post("/register", json=body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert await rows() == tuple(count + 1 for count in before)


async def test_an_address_that_two_claim_opens_to_each_their_own_account(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    """Nobody learns by registering that an address is known, nor is kept out by who does."""
    owner = await registered(web, email="shared@example.com", password="the owner knows this one")
    async with house.db.begin(home.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_email SET confirmed_at = now() WHERE player_id = $1", owner
        )
    claimer = await registered(web, email="Shared@example.com", password="someone else entirely")
    both = {"the owner knows this one": owner, "someone else entirely": claimer}
    for password, player in both.items():
        assert await signed_in(web, email="shared@example.com", password=password) == player


NEWCOMER = {"username": "newcomer", "password": PASSWORD}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"password": "password1"}, ("weak_password", "password")),
        ({"password": "newcomer99"}, ("weak_password", "password")),
        ({"password": "short"}, ("out_of_range", "password")),
        ({"password": "a" * 257}, ("out_of_range", "password")),
        ({"password": "nul\x00 in the middle"}, ("invalid_value", None)),
        ({"password": "bell \x07 rings aloud"}, ("invalid_value", "password")),
        ({"password": None}, ("wrong_type", "password")),
        ({"username": None}, ("missing_field", "email")),
        ({"email": "nobody"}, ("address_invalid", "email")),
        ({"email": "a@b@c.example"}, ("address_invalid", "email")),
        ({"email": "a@example.com\nbcc: x@example.com"}, ("address_invalid", "email")),
        ({"email": "x" * 300 + "@example.com"}, ("out_of_range", "email")),
        ({"username": "two words"}, ("invalid_value", "username")),
        ({"country": "XX"}, ("unknown_country", "country")),
        ({"locale": "!"}, ("invalid_value", "locale")),
        ({"role": "admin"}, ("unknown_field", "role")),
    ],
)
async def test_what_cannot_be_registered_is_named(
    web: httpx.AsyncClient, changed: dict[str, str], expected: tuple[str, str | None]
) -> None:
    answer = await web.post("/register", json={**NEWCOMER, **changed})
    assert answer.status_code == 422, answer.text
    assert refused(answer)[1:] == expected


async def test_a_password_of_a_megabyte_is_refused_before_it_is_hashed(
    web: httpx.AsyncClient,
) -> None:
    for path in ("/register", "/login", "/account/login"):
        body = {"username": "giant", "password": "a" * 1_000_000}
        assert refused(await web.post(path, json=body)) == (422, "out_of_range", "password")


async def test_a_bcrypt_hash_from_elsewhere_signs_in_and_is_renewed(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    """bcrypt looks at 72 bytes, and what follows never mattered where the hash was made."""
    long = "x-" * 40
    player = await registered(web, username="immigrant")
    stored = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    assert is_importable(stored)
    async with house.db.begin(home.schema) as tx:
        await store.set_password(tx.driver, player, stored, house.clock.now())
    assert await signed_in(web, username="immigrant", password=long) == player
    async with house.db.begin(home.schema) as tx:
        renewed = await tx.driver.fetchval(
            "SELECT hash FROM identity_password WHERE player_id = $1", player
        )
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await signed_in(web, username="immigrant", password=long) == player
    answer = await web.post("/login", json={"username": "immigrant", "password": long[:-1] + "y"})
    assert refused(answer)[1] == "login_failed"


def test_only_hashes_that_can_be_verified_in_time_are_imported() -> None:
    assert is_importable("$2b$10$" + "a" * 53)
    assert not is_importable("$2b$31$" + "a" * 53)
    assert not is_importable("$2b$10$short")
    assert not is_importable("plain text")
    assert not is_importable("5f4dcc3b5aa765d61d8327deb882cf99")


async def test_guessing_slows_down_and_does_not_lock_a_known_device_out(
    web: httpx.AsyncClient,
) -> None:
    """Somebody guesses all day; who owns the account still signs in on the phone."""
    player = await registered(web, username="besieged")
    right = {"username": "besieged", "password": PASSWORD}
    phone = (await web.post("/login", json=right)).json()["deviceToken"]
    codes = []
    for _ in range(10):
        answer = await web.post("/login", json={**right, "password": "a wild guess"})
        codes.append(answer.json()["code"])
    assert codes[0] == "login_failed"
    assert codes[-1] == "login_throttled"
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert refused(await web.post("/login", json=right))[:2] == (429, "login_throttled")
    kept = await web.post("/login", json={**right, "deviceToken": phone})
    assert kept.status_code == 200, kept.text
    assert kept.json()["userId"] == player
    assert kept.json()["deviceToken"] == phone
    other = {"username": "neighbour", "password": PASSWORD}
    await registered(web, username="neighbour")
    stolen = await web.post("/login", json={**other, "deviceToken": phone})
    assert stolen.json()["deviceToken"] != phone


async def test_nothing_of_a_person_enters_the_chain(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    await registered(web, username="discreet", email="discreet@example.com")
    async with house.db.begin(home.schema, read_only=True) as tx:
        found = await tx.driver.fetchval(
            "SELECT count(*) FROM journal_entry AS entry WHERE entry::text ILIKE '%discreet%'"
        )
    assert found == 0
