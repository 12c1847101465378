"""Nobody calls a route with no credentials, bad ones, or those of someone who may not."""

import base64
import json
from collections.abc import Sequence
from datetime import timedelta

import httpx
import pytest
from tests.attacks.estate import send
from tests.attacks.table import OF_THE_DEPLOYMENT, Objects, Route
from tests.studio import City, Studio, refused

from guildbank.app.rooms import tenant_scopes
from guildbank.identity import create_key, mint_player_token, revoke_key, rotate_key
from guildbank.identity.usecases.authenticate import DEPLOYMENT_SCOPES
from guildbank.identity.usecases.sign_tokens import TokenMint
from guildbank.infra.crypto import SigningKey
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import FixedClock, Refusal

UNAUTHORIZED, FORBIDDEN = (401, "unauthorized"), (403, "forbidden")


async def tried(
    client: httpx.AsyncClient, routes: Sequence[Route], objects: Objects
) -> dict[str, tuple[int, str]]:
    """Call every route; return how each refused, or its answer's status."""
    found: dict[str, tuple[int, str]] = {}
    async with client:
        for route in routes:
            answer = await send(client, route, objects)
            refusal = refused(answer) if answer.status_code >= 400 else (answer.status_code, "")
            found[route.name] = refusal
    return found


def all_are(expected: tuple[int, str], found: dict[str, tuple[int, str]]) -> None:
    """Assert that every route refused in the same way; says which did not."""
    assert found
    assert {name: how for name, how in found.items() if how != expected} == {}


@pytest.fixture(scope="module", autouse=True)
async def before(castle: Studio, victim: Objects) -> int:
    """The journal's length before the first attack."""
    return await _entries(castle)


async def test_a_caller_without_credentials_is_refused_everywhere(
    city: City, guarded: Sequence[Route], victim: Objects
) -> None:
    all_are(UNAUTHORIZED, await tried(city.client(), guarded, victim))


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer sk_",
        "Bearer sk_0000000000000000000000000000",
        "Bearer null",
        "Basic c2tfOnNrXw==",
        "sk_0000000000000000000000000000",
        "Bearer ' OR 1=1 --",
    ],
)
async def test_rubbish_opens_nothing(
    city: City, guarded: Sequence[Route], victim: Objects, header: str
) -> None:
    all_are(UNAUTHORIZED, await tried(city.client(authorization=header), guarded, victim))


async def test_a_key_without_the_scope_is_refused_everywhere(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    for route in guarded:
        others = [name for name in tenant_scopes() if name != route.scope]
        token = await city.key(castle.ref, *others)
        all_are(FORBIDDEN, await tried(city.client(token), [route], victim))


async def test_a_player_is_refused_wherever_players_may_not(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    closed = [route for route in guarded if not route.players]
    all_are(FORBIDDEN, await tried(city.client(minted.token), closed, victim))


async def test_a_player_cannot_touch_another_player(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    minted = await mint_player_token(city.services.identity, castle.ref, victim.other)
    assert not isinstance(minted, Refusal)
    found = await tried(
        city.client(minted.token),
        [route for route in guarded if route.players and route.name not in SHOWN],
        victim,
    )
    assert len(found) >= 8
    assert {name: how for name, how in found.items() if how[0] != 404} == {}


SHOWN = ("GET /v1/packs", "GET /v1/packs/{pack_id}", "GET /v1/payout-terms")
"""What is for sale, and what coins are paid out for, is for every player to see."""


async def test_a_deployments_key_opens_no_tenant(
    city: City, guarded: Sequence[Route], victim: Objects
) -> None:
    token = await city.key(None)
    tenants = [route for route in guarded if route.scope not in DEPLOYMENT_SCOPES]
    assert len(tenants) > 30
    all_are(FORBIDDEN, await tried(city.client(token), tenants, victim))


async def test_a_tenants_key_opens_nothing_of_the_deployment(
    guarded: Sequence[Route], victim: Objects, city: City
) -> None:
    own = [route for route in guarded if route.scope == OF_THE_DEPLOYMENT]
    assert len(own) >= 6
    all_are(FORBIDDEN, await tried(city.client(victim.token), own, victim))


async def test_a_publishable_key_is_no_credential(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    token = await city.key(castle.ref, kind="publishable")
    all_are(UNAUTHORIZED, await tried(city.client(token), guarded, victim))
    header = {"x-guildbank-key": token}
    all_are(UNAUTHORIZED, await tried(city.client(**header), guarded, victim))


async def test_ended_keys_open_nothing(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    identity = city.services.identity
    made = [
        await create_key(identity, castle.ref, name, tenant_scopes())
        for name in ("revoked", "expired", "rotated")
    ]
    revoked, expired, rotated = (one for one in made if not isinstance(one, Refusal))
    assert not isinstance(await revoke_key(identity, revoked.key.id, castle.ref), Refusal)
    assert not isinstance(await rotate_key(identity, rotated.key.id, castle.ref, 0), Refusal)
    async with city.services.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute(
            "UPDATE identity_key SET expires_at = now() - interval '1 second' WHERE id = $1",
            expired.key.id,
        )
    for one in (revoked, expired, rotated):
        all_are(UNAUTHORIZED, await tried(city.client(one.token), guarded, victim))


async def test_forged_and_expired_player_tokens_open_nothing(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    services = city.services
    minted = await mint_player_token(services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    header, claims, signature = minted.token.split(".")
    now = services.clock.now()
    old, early = [
        await TokenMint(services.identity.signing, FixedClock(now + by)).mint(
            castle.ref, victim.player
        )
        for by in (timedelta(minutes=-11), timedelta(minutes=5))
    ]
    none = packed({**unpacked(header), "alg": "none"})
    other = packed({**unpacked(claims), "sub": victim.other})
    for token in (
        old.token,
        early.token,
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{header}.{other}.{signature}",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims}.",
    ):
        all_are(UNAUTHORIZED, await tried(city.client(token), guarded, victim))


async def test_a_token_signed_with_another_deployments_key_opens_nothing(
    city: City, castle: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    signed, _, _ = minted.token.rpartition(".")
    signature = SigningKey.generate().sign(signed.encode())
    token = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    all_are(UNAUTHORIZED, await tried(city.client(token), guarded, victim))


async def test_a_key_that_names_two_tenants_opens_neither(
    city: City, castle: Studio, intruder: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    public = await city.key(intruder.ref, kind="publishable")
    client = city.client(victim.token, **{"x-guildbank-key": public})
    all_are((401, "tenant_mismatch"), await tried(client, guarded, victim))


async def test_none_of_this_left_a_trace(castle: Studio, before: int) -> None:
    assert await _entries(castle) == before


async def _entries(castle: Studio) -> int:
    """Return the entries without those of keys, which callers with the right scope make and end."""
    rows = await castle.sql(
        "SELECT count(*) FROM journal_entry WHERE kind NOT LIKE 'identity.key%'"
    )
    return int(rows[0][0])


def unpacked(part: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
