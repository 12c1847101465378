"""Machines prove themselves by keys that are shown once, expire, rotate and are revoked."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from tests.house import House

from guildbank.identity import (
    Authenticator,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from guildbank.identity.usecases.machines.recognise import STRANGERS_WAITING
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.http import Caller
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef


async def ask(house: House, token: str, **headers: str) -> Caller | Refusal | None:
    sent = {"authorization": f"Bearer {token}", **headers}
    return await Authenticator(house.identity)(sent, "/v1/players")


def refused(answer: object, code: str = "unauthorized") -> bool:
    return isinstance(answer, Refusal) and answer.code == code


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("keys-home")


async def test_a_key_opens_its_own_tenant_with_its_scopes(house: House, home: TenantRef) -> None:
    caller = await ask(house, await house.key(home, "players:read", "wallets:spend"))
    assert isinstance(caller, Caller)
    assert caller.kind == "machine"
    assert caller.tenant == home
    assert caller.principal.startswith("app_")
    assert caller.scopes == {"players:read", "wallets:spend"}


async def test_the_deployments_key_belongs_to_no_tenant(house: House) -> None:
    caller = await ask(house, await house.key(None))
    assert isinstance(caller, Caller)
    assert (caller.kind, caller.tenant) == ("deployment", None)
    assert "deployment" in caller.scopes


async def test_a_token_is_nowhere_in_the_database(house: House, home: TenantRef) -> None:
    made = await create_key(house.identity, home, "hidden", ["players:read"])
    assert not isinstance(made, Refusal)
    assert len(made.token) == 46
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        row = await tx.driver.fetchval(
            "SELECT identity_key::text FROM identity_key WHERE id = $1", made.key.id
        )
    assert made.token not in row
    assert made.token.startswith(made.key.prefix)
    listed = await list_keys(house.identity, home)
    assert made.token not in repr(listed)
    assert made.key in listed


async def test_invented_and_malformed_keys_open_nothing(house: House) -> None:
    for token in ("sk_", "sk_" + "a" * 43, "sk_ä" + "a" * 42, "sk_" + "a" * 5000, "x", "a.b.c"):
        assert refused(await ask(house, token)), token
    for header in ("", "Bearer", "Basic abc", "Bearer  "):
        answer = await Authenticator(house.identity)({"authorization": header}, "/")
        assert refused(answer), header
    assert await Authenticator(house.identity)({}, "/") is None


async def test_a_revoked_key_opens_nothing_within_a_second_elsewhere(
    house: House, home: TenantRef
) -> None:
    made = await create_key(house.identity, home, "leaked", ["players:read"])
    assert not isinstance(made, Refusal)
    other = house.another()
    elsewhere = Authenticator(other)
    sent = {"authorization": f"Bearer {made.token}"}
    assert isinstance(await elsewhere(sent, "/"), Caller)
    ended = await revoke_key(house.identity, made.key.id, home)
    assert not isinstance(ended, Refusal)
    assert ended.revoked_at is not None
    assert refused(await ask(house, made.token))
    await asyncio.sleep(1.05)
    assert refused(await elsewhere(sent, "/"))
    again = await revoke_key(house.identity, made.key.id, home)
    assert not isinstance(again, Refusal)
    assert again.revoked_at == ended.revoked_at
    await other.close()


async def test_an_expired_key_opens_nothing(house: House, home: TenantRef) -> None:
    ends = house.clock.now() + timedelta(hours=1)
    made = await create_key(house.identity, home, "brief", ["players:read"], expires_at=ends)
    assert not isinstance(made, Refusal)
    assert isinstance(await ask(house, made.token), Caller)
    house.clock.advance(timedelta(hours=1))
    assert refused(await ask(house, made.token))
    past = await create_key(house.identity, home, "late", ["players:read"], expires_at=ends)
    assert isinstance(past, Refusal)
    assert past.field == "expiresAt"


async def test_a_rotated_key_overlaps_with_its_successor(house: House, home: TenantRef) -> None:
    old = await create_key(house.identity, home, "rotating", ["players:read"])
    assert not isinstance(old, Refusal)
    new = await rotate_key(house.identity, old.key.id, home, 600)
    assert not isinstance(new, Refusal)
    before, after = await ask(house, old.token), await ask(house, new.token)
    assert isinstance(before, Caller)
    assert isinstance(after, Caller)
    # The same principal: a retry under the new key meets its own idempotency keys.
    assert msgspec.structs.replace(after, key_id=before.key_id) == before
    house.clock.advance(timedelta(seconds=600))
    assert refused(await ask(house, old.token))
    assert isinstance(await ask(house, new.token), Caller)
    assert refused(await rotate_key(house.identity, old.key.id, home, 600), "key_ended")
    listed = {key.id: key for key in await list_keys(house.identity, home, limit=200)}
    assert listed[old.key.id].replaced_by == new.key.id


async def test_rotation_does_not_lengthen_a_keys_life(house: House, home: TenantRef) -> None:
    ends = house.clock.now() + timedelta(seconds=60)
    old = await create_key(house.identity, home, "short", ["players:read"], expires_at=ends)
    assert not isinstance(old, Refusal)
    new = await rotate_key(house.identity, old.key.id, home, 3600)
    assert not isinstance(new, Refusal)
    assert new.key.expires_at == house.clock.now() + timedelta(seconds=60)
    house.clock.advance(timedelta(seconds=61))
    assert refused(await ask(house, old.token))


async def test_another_tenants_keys_do_not_exist(house: House, home: TenantRef) -> None:
    other = await house.tenant("keys-other")
    made = await create_key(house.identity, other, "theirs", ["players:read"])
    assert not isinstance(made, Refusal)
    assert refused(await revoke_key(house.identity, made.key.id, home), "not_found")
    assert refused(await rotate_key(house.identity, made.key.id, home, 0), "not_found")
    joined = await create_key(
        house.identity, home, "x", ["players:read"], application=made.key.application
    )
    assert isinstance(joined, Refusal)
    assert joined.field == "application"
    assert isinstance(await ask(house, made.token), Caller)


async def test_a_second_key_of_an_application_is_the_same_principal(
    house: House, home: TenantRef
) -> None:
    first = await create_key(house.identity, home, "one", ["players:read"])
    assert not isinstance(first, Refusal)
    second = await create_key(
        house.identity, home, "two", ["wallets:spend"], application=first.key.application
    )
    assert not isinstance(second, Refusal)
    callers = [await ask(house, made.token) for made in (first, second)]
    assert len({caller.principal for caller in callers if isinstance(caller, Caller)}) == 1


async def test_scopes_are_checked(house: House, home: TenantRef) -> None:
    for scopes, field in (
        (["players:read", "wallets:everything"], "scopes.1"),
        ([], "scopes"),
        (["deployment"], "scopes"),
    ):
        made = await create_key(house.identity, home, "x", scopes)
        assert isinstance(made, Refusal)
        assert made.field == field
    unowned = await create_key(house.identity, None, "x", ["players:read"])
    assert isinstance(unowned, Refusal)
    raised = await create_key(
        house.identity, home, "x", ["wallets:spend"], held={"keys:write", "players:read"}
    )
    assert refused(raised, "scope_not_held")


async def test_a_publishable_key_identifies_and_never_authorises(
    house: House, home: TenantRef
) -> None:
    made = await create_key(house.identity, home, "client", kind="publishable")
    assert not isinstance(made, Refusal)
    assert made.token.startswith("pk_")
    assert refused(await ask(house, made.token))
    authenticate = Authenticator(house.identity)
    assert await authenticate.named_tenant({"x-guildbank-key": made.token}) == home
    assert await authenticate({"x-guildbank-key": made.token}, "/") is None
    scoped = await create_key(house.identity, home, "x", ["players:read"], kind="publishable")
    assert isinstance(scoped, Refusal)


async def test_a_secret_key_in_the_clients_header_is_refused(house: House, home: TenantRef) -> None:
    token = await house.key(home, "players:read")
    assert refused(await ask(house, token, **{"x-guildbank-key": token}))
    assert refused(await Authenticator(house.identity)({"x-guildbank-key": token}, "/"))


async def test_credentials_that_name_two_tenants_are_refused(house: House, home: TenantRef) -> None:
    other = await house.tenant("keys-mismatch")
    named = await create_key(house.identity, other, "client", kind="publishable")
    own = await create_key(house.identity, home, "client", kind="publishable")
    assert not isinstance(named, Refusal)
    assert not isinstance(own, Refusal)
    token = await house.key(home, "players:read")
    assert refused(await ask(house, token, **{"x-guildbank-key": named.token}), "tenant_mismatch")
    assert isinstance(await ask(house, token, **{"x-guildbank-key": own.token}), Caller)


async def test_last_use_is_noted_beside_the_request(house: House, home: TenantRef) -> None:
    made = await create_key(house.identity, home, "used", ["players:read"])
    assert not isinstance(made, Refusal)
    for _ in range(20):
        await ask(house, made.token)
    await house.identity.notes.close()
    noted = {key.id: key.last_used_at for key in await list_keys(house.identity, home, limit=200)}
    assert noted[made.key.id] == house.clock.now()
    house.clock.advance(timedelta(seconds=30))
    await ask(house, made.token)
    await house.identity.notes.close()
    again = {key.id: key.last_used_at for key in await list_keys(house.identity, home, limit=200)}
    assert again[made.key.id] == noted[made.key.id]


async def test_a_flood_of_invented_keys_does_not_keep_a_known_caller_out(
    house: House, home: TenantRef
) -> None:
    token = await house.key(home, "players:read")
    assert isinstance(await ask(house, token), Caller)
    flood = [
        asyncio.create_task(ask(house, f"sk_{number:043}"))
        for number in range(10 * STRANGERS_WAITING)
    ]
    await asyncio.sleep(0)
    assert isinstance(await ask(house, token), Caller)
    answers = await asyncio.gather(*flood)
    assert all(isinstance(answer, Refusal) for answer in answers)
    assert any(refused(answer, "too_busy") for answer in answers)
