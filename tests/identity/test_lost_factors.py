"""Support removes the second factors that a player lost, and nobody else does."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.identity.people import Person, done, origin, page_of, refused, set_policy
from tests.staff import Person as Operator
from tests.staff import staff_of

from guildbank.tenancy import TenantRef

WHY = {"reason": "lost the phone, ticket 812"}


@pytest.fixture
async def home(guild: TenantRef, house: House) -> TenantRef:
    await set_policy(house, guild)
    return guild


@pytest.fixture
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await page_of(house, home) as client:
        yield client


@pytest.fixture
async def alice(house: House, home: TenantRef, web: httpx.AsyncClient) -> Person:
    person = await Person(house, home, web).register()
    return await (await person.come_in()).with_totp()


async def clear(operator: Operator, player: str) -> httpx.Response:
    return await operator.http.post(f"/v1/players/{player}/clear-factors", json=WHY)


async def test_a_player_without_the_phone_comes_in_by_the_password_and_is_told(
    house: House, home: TenantRef, alice: Person
) -> None:
    support = await staff_of(house, home, "support")
    waiting = await alice.challenge()
    answer = await clear(support, alice.player)
    assert answer.status_code == 204, answer.text
    assert (await alice.call("GET", "/v1/sessions")).status_code == 401
    assert refused(await alice.finish(waiting, "totp", alice.next_code()))[0] == 401
    assert len(await alice.mail("factors_cleared")) == 1
    await alice.come_in()
    left = done(await alice.call("GET", "/v1/second-factor"))
    assert (left["totp"], left["passkeys"], left["recoveryCodesLeft"]) == (False, 0, 0)
    assert refused(await clear(support, alice.player)) == (409, "no_second_factor")


async def test_who_did_it_stands_in_the_chain_and_why_is_sealed(
    house: House, home: TenantRef, alice: Person
) -> None:
    support = await staff_of(house, home, "support")
    assert (await clear(support, alice.player)).status_code == 204
    async with house.db.begin(home.schema) as tx:
        entry = await tx.driver.fetchrow(
            "SELECT principal, data::text FROM journal_entry "
            "WHERE kind = 'identity.factors_cleared'"
        )
        kept = await tx.driver.fetchval("SELECT count(*) FROM journal_payload")
    assert entry["principal"] == support.id
    assert (alice.player in entry["data"], "phone" in entry["data"], kept) == (True, False, 1)


async def test_neither_another_role_nor_a_key_removes_factors(
    house: House, home: TenantRef, alice: Person
) -> None:
    analyst = await staff_of(house, home, "analyst")
    assert refused(await clear(analyst, alice.player)) == (403, "forbidden")
    key = await house.key(home, "players:moderate", "players:write")
    async with house.client(house.app(), key) as machine:
        path = f"/v1/players/{alice.player}/clear-factors"
        assert refused(await machine.post(path, json=WHY)) == (403, "forbidden")


async def test_a_passkey_that_is_the_only_way_in_is_not_removed(
    house: House, home: TenantRef, web: httpx.AsyncClient
) -> None:
    bob = await (await Person(house, home, web).register(confirmed=False)).come_in()
    passkey = Authenticator(origin(home))
    options = done(await bob.call("POST", "/v1/passkeys/options"))["options"]
    body = {"credential": passkey.create(options), "name": "Mine"}
    done(await bob.call("POST", "/v1/passkeys", body), 201)
    async with house.db.begin(home.schema) as tx:
        await tx.driver.execute("DELETE FROM identity_password WHERE player_id = $1", bob.player)
    support = await staff_of(house, home, "support")
    assert refused(await clear(support, bob.player)) == (409, "last_way_in")


async def test_where_two_must_agree_the_player_keeps_the_factor_until_they_do(
    house: House, home: TenantRef, alice: Person
) -> None:
    olga, pavel = await staff_of(house, home, "owner"), await staff_of(house, home, "owner")
    rules = {"rules": [{"verb": "players.clear_factors"}]}
    done(await olga.agreed.put("/v1/approval-policy", json=rules))
    asked = done(await clear(olga, alice.player), 202)
    assert asked["command"] == {"playerId": alice.player, "said": WHY}
    assert done(await alice.call("GET", "/v1/second-factor"))["totp"] is True
    assert await alice.mail("factors_cleared") == []
    path = f"/v1/approvals/{asked['id']}/approve"
    assert refused(await olga.http.post(path, json={})) == (403, "own_request")
    assert done(await pavel.http.post(path, json={}))["state"] == "executed"
    assert (await alice.call("GET", "/v1/sessions")).status_code == 401
    assert len(await alice.mail("factors_cleared")) == 1
    await alice.come_in()
    assert done(await alice.call("GET", "/v1/second-factor"))["totp"] is False
