"""What is said of a person is readable until their key is lost, and never without it."""

import asyncio

import msgspec
import pytest
from tests.house import House

from guildbank.identity import add_player
from guildbank.infra.crypto import SealBroken
from guildbank.journal import Sealed
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("persons-home")


async def player_of(house: House, home: TenantRef, name: str) -> str:
    outcome = await add_player(house.identity, home, "app_1", name)
    assert not isinstance(outcome, Refusal)
    return outcome[0].id


async def sealed_for(house: House, home: TenantRef, player_id: str, payload: bytes) -> Sealed:
    sealed = await house.identity.persons.seal(home, player_id, payload)
    assert not isinstance(sealed, Refusal)
    return sealed


async def test_a_payload_opens_again(house: House, home: TenantRef) -> None:
    player_id = await player_of(house, home, "open")
    sealed = await sealed_for(house, home, player_id, b"called about a refund")
    assert sealed.person == player_id
    assert b"refund" not in sealed.ciphertext
    assert await house.identity.persons.open(home, sealed) == b"called about a refund"


async def test_the_hash_tells_nothing_across_persons(house: House, home: TenantRef) -> None:
    one, two = await player_of(house, home, "one"), await player_of(house, home, "two")
    hashes = [(await sealed_for(house, home, player, b"same")).hash for player in (one, one, two)]
    assert hashes[0] == hashes[1] != hashes[2]


async def test_many_at_once_share_one_key(house: House, home: TenantRef) -> None:
    player_id = await player_of(house, home, "crowd")
    all_sealed = await asyncio.gather(
        *(sealed_for(house, home, player_id, b"x") for _ in range(20))
    )
    assert len({sealed.hash for sealed in all_sealed}) == 1
    opened = [await house.identity.persons.open(home, sealed) for sealed in all_sealed]
    assert opened == [b"x"] * 20


async def test_nothing_opens_after_the_key_is_destroyed(house: House, home: TenantRef) -> None:
    player_id = await player_of(house, home, "erased")
    sealed = await sealed_for(house, home, player_id, b"secret")
    async with house.db.begin(home.schema) as tx:
        await tx.driver.execute("DELETE FROM identity_person_key WHERE player_id = $1", player_id)
    assert await house.identity.persons.open(home, sealed) is None


async def test_swapped_or_changed_payloads_are_noticed(house: House, home: TenantRef) -> None:
    one, two = await player_of(house, home, "swap-1"), await player_of(house, home, "swap-2")
    mine, other = [await sealed_for(house, home, one, text) for text in (b"first", b"second")]
    theirs = await sealed_for(house, home, two, b"first")
    last = bytes([mine.ciphertext[-1] ^ 1])
    for changed in (
        msgspec.structs.replace(mine, ciphertext=other.ciphertext),
        msgspec.structs.replace(mine, ciphertext=theirs.ciphertext),
        msgspec.structs.replace(mine, person=two),
        msgspec.structs.replace(mine, ciphertext=mine.ciphertext[:-1] + last),
    ):
        with pytest.raises(SealBroken):
            await house.identity.persons.open(home, changed)


async def test_unknown_players_get_no_key(house: House, home: TenantRef) -> None:
    stranger = "player_01kag3pyqmf9aag12vtrsy70ps"
    refused = await house.identity.persons.seal(home, stranger, b"x")
    assert isinstance(refused, Refusal)
    assert refused.code == "unknown_player"
