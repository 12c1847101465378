"""Who guesses passwords is slowed down, and locks out neither the owner nor the neighbours."""

import asyncio
import secrets

import pytest

from guildbank.infra.crypto import MasterKey, Vault
from guildbank.infra.database import Database
from guildbank.infra.http.client_address import ClientAddress, read_address
from guildbank.infra.limits import Store, StoreAway, Throttle
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.limits.in_redis import RedisStore
from guildbank.infra.limits.throttle import BY_ACCOUNT, BY_ADDRESS

TENANT, OTHER_TENANT = "ten_castle", "ten_raiders"
VAULT = Vault(MasterKey(bytes(32)))


def anew(name: str) -> str:
    return f"{name}-{secrets.token_hex(8)}@game.example"


def somewhere() -> ClientAddress:
    """Return an address, of IPv6 a network of its own."""
    return read_address(f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1")


async def guesses(
    throttle: Throttle, account: str, address: ClientAddress, number: int, device: str | None = None
) -> int:
    """Guess wrong as often as that at once; return how often the password was looked at."""
    asked = [throttle.check(TENANT, account, address, device) for _ in range(number)]
    return sum(refused is None for refused in await asyncio.gather(*asked))


@pytest.fixture
def throttle(store: Store) -> Throttle:
    return Throttle(store, VAULT.hash)


async def sign_in(throttle: Throttle, account: str, device: str | None = None) -> str:
    """Sign in with the right password from a new address; return the device's token."""
    address = somewhere()
    assert await throttle.check(TENANT, account, address, device) is None
    return await throttle.succeeded(TENANT, account, address, device)


async def test_a_person_may_mistype_a_few_times(throttle: Throttle) -> None:
    owner, home = anew("owner"), somewhere()
    for _ in range(BY_ACCOUNT.free_tries - 1):
        assert await throttle.check(TENANT, owner, home, None) is None
    assert await throttle.check(TENANT, owner, home, None) is None
    await throttle.succeeded(TENANT, owner, home, None)
    assert await guesses(throttle, owner, home, 5) == 5


async def test_guessing_at_one_account_is_stopped_also_all_at_once_and_from_everywhere(
    throttle: Throttle,
) -> None:
    victim = anew("victim")
    looks = await asyncio.gather(*(guesses(throttle, victim, somewhere(), 1) for _ in range(60)))
    assert sum(looks) == BY_ACCOUNT.free_tries


async def test_the_wait_doubles_and_is_said_in_seconds(throttle: Throttle) -> None:
    victim, waits = anew("victim"), []
    await guesses(throttle, victim, somewhere(), BY_ACCOUNT.free_tries)
    for _ in range(3):
        refused = await throttle.check(TENANT, victim, somewhere(), None)
        assert refused is not None
        assert refused.code == "login_throttled"
        wait = refused.extra["retryAfterSeconds"]
        assert isinstance(wait, int)
        assert f"{wait} seconds" in refused.detail
        waits.append(wait)
        await asyncio.sleep(wait)
        assert await throttle.check(TENANT, victim, somewhere(), None) is None
    assert waits == [1, 2, 4]


def test_the_wait_has_a_bound():
    delays = [BY_ACCOUNT.delay_seconds(tries) for tries in range(200)]
    assert delays[:7] == [0, 0, 0, 0, 0, 1, 2]
    assert max(delays) == delays[-1] == 900
    assert BY_ACCOUNT.forget_seconds > BY_ACCOUNT.longest_seconds


async def test_trying_while_one_has_to_wait_makes_the_wait_no_longer(throttle: Throttle) -> None:
    victim = anew("victim")
    await guesses(throttle, victim, somewhere(), BY_ACCOUNT.free_tries)
    refused = 0
    async with asyncio.timeout(20):
        while await throttle.check(TENANT, victim, somewhere(), None) is not None:
            refused += 1
    assert refused


async def test_an_attacker_all_day_does_not_lock_the_owners_device_out(throttle: Throttle) -> None:
    owner = anew("owner")
    device = await sign_in(throttle, owner)
    for _ in range(20):
        await guesses(throttle, owner, somewhere(), 10)
        assert await sign_in(throttle, owner, device) == device


async def test_the_owner_gets_in_from_the_attackers_own_address(throttle: Throttle) -> None:
    owner, cafe = anew("owner"), somewhere()
    device = await sign_in(throttle, owner)
    await asyncio.gather(*(throttle.check(TENANT, anew("any"), cafe, None) for _ in range(80)))
    assert await throttle.check(TENANT, owner, cafe, None) is not None
    assert await throttle.check(TENANT, owner, cafe, device) is None


async def test_a_stolen_device_is_slowed_down_like_everybody(throttle: Throttle) -> None:
    owner = anew("owner")
    device = await sign_in(throttle, owner)
    assert await guesses(throttle, owner, somewhere(), 50, device) == BY_ACCOUNT.free_tries
    # And neither the account nor another device of the owner suffers from it.
    assert await guesses(throttle, owner, somewhere(), 1) == 1


async def test_a_device_of_ones_own_account_opens_no_other(throttle: Throttle) -> None:
    attacker, victim = anew("attacker"), anew("victim")
    device = await sign_in(throttle, attacker)
    assert throttle.knows(TENANT, attacker, device)
    assert not throttle.knows(TENANT, victim, device)
    assert not throttle.knows(OTHER_TENANT, attacker, device)
    assert await guesses(throttle, victim, somewhere(), 50, device) == BY_ACCOUNT.free_tries


@pytest.mark.parametrize(
    "invented", ["", "x", "A" * 43, "=" * 40, "ü" * 43, "A" * 10_000, "../../etc", "\0"]
)
async def test_an_invented_device_is_none(throttle: Throttle, invented: str) -> None:
    victim = anew("victim")
    assert await guesses(throttle, victim, somewhere(), 20, invented) == BY_ACCOUNT.free_tries


async def test_a_device_token_with_one_bit_changed_is_none(throttle: Throttle) -> None:
    owner = anew("owner")
    device = await sign_in(throttle, owner)
    for place in range(len(device)):
        other = "A" if device[place] != "A" else "B"
        assert not throttle.knows(TENANT, owner, device[:place] + other + device[place + 1 :])


async def test_many_accounts_from_one_address_are_slowed_down(throttle: Throttle) -> None:
    address = somewhere()
    looks = await asyncio.gather(
        *(throttle.check(TENANT, anew("sprayed"), address, None) for _ in range(120))
    )
    assert sum(one is None for one in looks) == BY_ADDRESS.free_tries
    assert await throttle.check(TENANT, anew("sprayed"), somewhere(), None) is None


async def test_signing_in_to_ones_own_account_gives_no_further_guesses_at_others(
    throttle: Throttle,
) -> None:
    address, own = somewhere(), anew("attacker")
    looked = 0
    for _ in range(30):
        looked += await guesses(throttle, anew("victim"), address, 4)
        if await throttle.check(TENANT, own, address, None) is None:
            await throttle.succeeded(TENANT, own, address, None)
    assert looked <= BY_ADDRESS.free_tries


async def test_a_school_that_signs_in_from_one_address_is_not_slowed_down(
    throttle: Throttle,
) -> None:
    school = somewhere()
    for _ in range(200):
        pupil = anew("pupil")
        assert await throttle.check(TENANT, pupil, school, None) is None
        await throttle.succeeded(TENANT, pupil, school, None)


async def test_who_is_refused_by_the_address_does_not_count_against_the_account(
    throttle: Throttle,
) -> None:
    address, victim = somewhere(), anew("victim")
    await asyncio.gather(*(throttle.check(TENANT, anew("any"), address, None) for _ in range(80)))
    assert await guesses(throttle, victim, address, 50) == 0
    assert await guesses(throttle, victim, somewhere(), 1) == 1


async def test_one_tenants_guesses_do_not_count_in_another(throttle: Throttle) -> None:
    name, address = anew("same"), somewhere()
    await guesses(throttle, name, address, 20)
    assert await throttle.check(TENANT, name, address, None) is not None
    assert await throttle.check(OTHER_TENANT, name, address, None) is None


async def test_a_new_worker_remembers(store: Store) -> None:
    victim, before, after = anew("victim"), Throttle(store, VAULT.hash), Throttle(store, VAULT.hash)
    await guesses(before, victim, somewhere(), 10)
    assert await after.check(TENANT, victim, somewhere(), None) is not None


async def test_no_name_and_no_address_is_stored(counters_db: Database) -> None:
    throttle = Throttle(PostgresStore(counters_db), VAULT.hash)
    await throttle.check(TENANT, "alice@game.example", read_address("203.0.113.9"), None)
    async with counters_db.begin("guildbank", read_only=True) as tx:
        rows = await tx.driver.fetch("SELECT * FROM infra_login_try")
    assert rows
    assert {len(row["key"]) for row in rows} == {16}
    assert b"alice" not in b"".join(row["key"] for row in rows)
    elsewhere = Throttle(PostgresStore(counters_db), Vault(MasterKey(b"k" * 32)).hash)
    keys = {key for key, _ in elsewhere._counters(TENANT, "alice@game.example",
                                                  read_address("203.0.113.9"), None)}  # fmt: skip
    assert keys.isdisjoint({bytes(row["key"]) for row in rows}), "a hash that needs no key"


async def test_when_the_counters_are_away_nobody_is_let_in_to_guess() -> None:
    gone = Database("postgresql://u:p@127.0.0.1:1/none")
    for store in (PostgresStore(gone), RedisStore("redis://127.0.0.1:1/0")):
        throttle = Throttle(store, VAULT.hash)
        with pytest.raises(StoreAway):
            await throttle.check(TENANT, "owner", somewhere(), None)
        # The password was right before they went away: that stands.
        assert await throttle.succeeded(TENANT, "owner", somewhere(), None)
        await store.close()
    await gone.close()


async def test_many_who_sign_in_to_one_account_at_once_are_all_answered(
    throttle: Throttle,
) -> None:
    owner = anew("owner")

    async def often() -> None:
        for _ in range(20):
            address = somewhere()
            if await throttle.check(TENANT, owner, address, None) is None:
                await throttle.succeeded(TENANT, owner, address, None)

    await asyncio.gather(*(often() for _ in range(8)))
