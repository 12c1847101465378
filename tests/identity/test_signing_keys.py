"""Signing keys change without anybody being signed out, and a stolen one is dropped at once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.house import House, open_house

from guildbank.identity import (
    Authenticator,
    Identity,
    SigningKeyState,
    add_player,
    mint_player_token,
)
from guildbank.identity.rules import PUBLISHED_AHEAD, SIGNS_FOR
from guildbank.infra.http import Caller
from guildbank.infra.postgres import Cluster
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef


@pytest.fixture
async def house(cluster: Cluster, tmp_path: Path) -> AsyncIterator[House]:
    """A deployment of its own: its keys must not be changed under other tests."""
    url = cluster.create_database(f"test_signing_{next(NUMBERS)}")
    async with open_house(url, tmp_path) as house:
        yield house


NUMBERS = iter(range(100))


@pytest.fixture
async def home(house: House) -> TenantRef:
    return await house.tenant("signing-home")


@pytest.fixture
async def player(house: House, home: TenantRef) -> str:
    added = await add_player(house.identity, home, "app_1", "user-1")
    assert not isinstance(added, Refusal)
    return added[0].id


async def token(identity: Identity, home: TenantRef, player: str) -> str:
    made = await mint_player_token(identity, home, player)
    assert not isinstance(made, Refusal)
    return made.token


async def lets_in(identity: Identity, token: str) -> bool:
    sent = {"host": "localhost", "authorization": f"Bearer {token}"}
    return isinstance(await Authenticator(identity)(sent, "/"), Caller)


async def rotate(house: House, *, at_once: bool = False) -> SigningKeyState | Refusal:
    recorder = await house.identity.recorder(None)
    return await house.identity.signing.rotate(recorder, at_once=at_once)


async def states(house: House) -> list[str]:
    return [one.state for one in await house.identity.signing.list_all()]


async def listed(house: House) -> set[str]:
    async with house.client(house.app()) as client:
        answer = await client.get("/.well-known/jwks.json")
    return {key["kid"] for key in answer.json()["keys"]}


async def test_a_new_key_is_published_before_it_signs_and_verifies_until_its_tokens_end(
    house: House, home: TenantRef, player: str
) -> None:
    first = await token(house.identity, home, player)
    (old,) = await listed(house)
    rotated = await rotate(house)
    assert not isinstance(rotated, Refusal)
    assert await states(house) == ["signs", "published"]
    assert await listed(house) == {old, rotated.id}
    house.clock.advance(PUBLISHED_AHEAD - timedelta(seconds=1))
    last_of_old = await token(house.identity, home, player)
    house.clock.advance(timedelta(seconds=1))
    assert await states(house) == ["verifies", "signs"]
    assert not await lets_in(house.identity, first)
    assert await lets_in(house.identity, last_of_old)
    assert await lets_in(house.identity, await token(house.identity, home, player))
    house.clock.advance(timedelta(minutes=9, seconds=50))
    assert await lets_in(house.identity, last_of_old)
    house.clock.advance(timedelta(minutes=3))
    assert await listed(house) == {rotated.id}
    assert await states(house) == ["gone", "signs"]
    await house.identity.signing.keep()
    assert await states(house) == ["signs"]


async def test_workers_follow_by_the_clock_and_refuse_no_good_token(
    house: House, home: TenantRef, player: str
) -> None:
    other = house.another()
    assert await lets_in(other, await token(house.identity, home, player))
    await rotate(house)
    # A worker that has looked since knows the key, and changes over at the same moment.
    other.signing._recent.clear()
    house.clock.advance(PUBLISHED_AHEAD)
    for minting, reading in ((house.identity, other), (other, house.identity)):
        assert await lets_in(reading, await token(minting, home, player))
    await other.close()


async def test_a_stolen_key_is_dropped_with_all_that_it_signed(
    house: House, home: TenantRef, player: str
) -> None:
    other = house.another()
    stolen = await token(house.identity, home, player)
    assert await lets_in(other, stolen)
    old = await listed(house)
    fresh = await rotate(house, at_once=True)
    assert not isinstance(fresh, Refusal)
    assert await listed(house) == {fresh.id}
    assert fresh.id not in old
    assert not await lets_in(house.identity, stolen)
    # The other worker learns of it by the first token that the new key signed.
    assert await lets_in(other, await token(house.identity, home, player))
    assert not await lets_in(other, stolen)
    await other.close()


async def test_a_second_rotation_waits_for_the_first(house: House, home: TenantRef) -> None:
    await house.identity.signing.current()
    assert not isinstance(await rotate(house), Refusal)
    again = await rotate(house)
    assert isinstance(again, Refusal)
    assert again.code == "rotation_under_way"


async def test_the_job_rotates_every_90_days_and_not_before(house: House) -> None:
    await house.identity.signing.current()
    house.clock.advance(SIGNS_FOR - timedelta(hours=1))
    await house.identity.signing.keep()
    assert await states(house) == ["signs"]
    house.clock.advance(timedelta(hours=1))
    await house.identity.signing.keep()
    await house.identity.signing.keep()
    assert await states(house) == ["signs", "published"]


async def test_a_clock_that_was_set_back_still_finds_a_key(
    house: House, home: TenantRef, player: str
) -> None:
    await house.identity.signing.current()
    house.clock.advance(timedelta(hours=-1))
    assert await lets_in(house.identity, await token(house.identity, home, player))


async def test_the_audit_tells_who_changed_the_key_and_which_were_dropped(house: House) -> None:
    first = await rotate(house, at_once=True)
    stolen = await rotate(house, at_once=True)
    assert not isinstance(first, Refusal)
    assert not isinstance(stolen, Refusal)
    async with house.client(house.app(), await house.key(None)) as boss:
        query = {"kind": "identity.signing_key_rotated", "principal": "host"}
        newest, _ = (await boss.get("/v1/audit", params=query)).json()["items"]
    assert newest["facts"] == {"signingKeyId": stolen.id}
    assert newest["after"]["dropped"] == [first.id]
