"""A player's token opens one tenant to one player for ten minutes, and a forged one nothing."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey
from tests.house import House

from guildbank.identity import (
    Authenticator,
    Player,
    add_player,
    create_key,
    mint_player_token,
)
from guildbank.infra.crypto import SigningKey
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.http import Caller
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef, delete_tenant


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("tokens-home")


@pytest.fixture(scope="module")
async def player(house: House, home: TenantRef) -> Player:
    outcome = await add_player(house.identity, home, "app_1", "user-1")
    assert not isinstance(outcome, Refusal)
    return outcome[0]


async def minted(house: House, home: TenantRef, player: Player) -> str:
    made = await mint_player_token(house.identity, home, player.id)
    assert not isinstance(made, Refusal)
    return made.token


async def ask(house: House, token: str, **headers: str) -> Caller | Refusal | None:
    sent = {"host": "localhost", "authorization": f"Bearer {token}", **headers}
    return await Authenticator(house.identity)(sent, "/v1/players")


def parts(token: str) -> list[Any]:
    return [
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in token.split(".")[:2]
    ]


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_says_who_plays_and_where(
    house: House, home: TenantRef, player: Player
) -> None:
    made = await mint_player_token(house.identity, home, player.id)
    assert not isinstance(made, Refusal)
    assert made.expires_at - house.clock.now() == timedelta(minutes=10)
    caller = await ask(house, made.token)
    assert caller == Caller(
        kind="player", principal=player.id, tenant=home, player_id=player.id, scopes=frozenset()
    )
    header, claims = parts(made.token)
    assert header["alg"] == "EdDSA"
    assert (claims["aud"], claims["sub"]) == (home.id, player.id)


async def test_a_token_says_at_whose_prices_the_player_buys(
    house: House, home: TenantRef, player: Player
) -> None:
    made = await mint_player_token(house.identity, home, player.id, "TR")
    assert not isinstance(made, Refusal)
    caller = await ask(house, made.token)
    assert isinstance(caller, Caller)
    assert caller.country == "TR"
    assert parts(made.token)[1]["country"] == "TR"
    plain = await minted(house, home, player)
    assert "country" not in parts(plain)[1]


async def test_a_country_that_the_game_server_did_not_sign_opens_nothing(
    house: House, home: TenantRef, player: Player
) -> None:
    header, claims, signature = (await minted(house, home, player)).split(".")
    forged = packed({**parts(f"{header}.{claims}.")[1], "country": "TR"})
    assert isinstance(await ask(house, f"{header}.{forged}.{signature}"), Refusal)


async def test_a_token_ends_after_ten_minutes(
    house: House, home: TenantRef, player: Player
) -> None:
    token = await minted(house, home, player)
    house.clock.advance(timedelta(minutes=9, seconds=50))
    assert isinstance(await ask(house, token), Caller)
    house.clock.advance(timedelta(seconds=20))
    assert isinstance(await ask(house, token), Refusal)


async def test_a_token_of_the_future_is_not_valid_yet(
    house: House, home: TenantRef, player: Player
) -> None:
    house.clock.advance(timedelta(minutes=5))
    token = await minted(house, home, player)
    house.clock.advance(timedelta(minutes=-5))
    assert isinstance(await ask(house, token), Refusal)
    house.clock.advance(timedelta(minutes=5))
    assert isinstance(await ask(house, token), Caller)


async def test_forged_tokens_open_nothing(house: House, home: TenantRef, player: Player) -> None:
    token = await minted(house, home, player)
    header, claims = parts(token)
    signature = token.split(".")[2]
    other = OKPKey.generate_key("Ed25519", {"kid": header["kid"]})
    public = await _public_key(house)
    hmac_of_public = jwt.encode(
        {"alg": "HS256", "kid": header["kid"]}, claims, OctKey.import_key(public)
    )
    forged = {
        "another key": jwt.encode({**header, "alg": "Ed25519"}, claims, other, ["Ed25519"]),
        "none": f"{packed({**header, 'alg': 'none'})}.{packed(claims)}.",
        "None": f"{packed({**header, 'alg': 'None'})}.{packed(claims)}.{signature}",
        "the public key as a secret": hmac_of_public,
        "another player": f"{packed(header)}.{packed({**claims, 'sub': 'player_x'})}.{signature}",
        "an unknown key": f"{packed({**header, 'kid': 'sig_x'})}.{packed(claims)}.{signature}",
        "no key": f"{packed({'alg': 'EdDSA'})}.{packed(claims)}.{signature}",
        "a key as a list": f"{packed({**header, 'kid': [1]})}.{packed(claims)}.{signature}",
        "its own key": f"{packed({**header, 'jwk': other.as_dict()})}.{packed(claims)}.{signature}",
        "no signature": token.rpartition(".")[0] + ".",
        "two parts": token.rpartition(".")[0],
        "four parts": token + ".x",
        "rubbish": "a.b.c",
        "deep": base64.urlsafe_b64encode(b"[" * 1400).decode() + ".b.c",
        "a list": f"{packed([1])}.{packed([2])}.{signature}",
        "very long": token + "a" * 10_000,
    }
    for how, text in forged.items():
        answer = await ask(house, text)
        assert isinstance(answer, Refusal), how
        assert answer.code == "unauthorized", how


async def _public_key(house: House) -> str:
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        found: str = await tx.driver.fetchval("SELECT public_key FROM identity_signing_key")
    return found


async def test_a_token_that_is_signed_but_lacks_claims_opens_nothing(
    house: House, home: TenantRef, player: Player
) -> None:
    token = await minted(house, home, player)
    header, claims = parts(token)
    _, private = (await house.identity.signing.current()).signer(house.clock.now())
    for name in ("iss", "aud", "sub", "exp", "nbf"):
        lacking = {key: value for key, value in claims.items() if key != name}
        for changed in (lacking, {**claims, name: None}, {**claims, name: ["x"]}):
            signed = _signed(header, changed, private)
            assert isinstance(await ask(house, signed), Refusal), (name, changed)
    assert isinstance(await ask(house, _signed(header, claims, private)), Caller)


def _signed(header: dict[str, Any], claims: dict[str, Any], key: OKPKey) -> str:
    body = f"{packed(header)}.{packed(claims)}"
    seed = base64.urlsafe_b64decode(str(key.as_dict(private=True)["d"]) + "=")
    signature = SigningKey(seed).sign(body.encode())
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_a_token_and_a_client_key_of_two_tenants_are_refused(
    house: House, home: TenantRef, player: Player
) -> None:
    other = await house.tenant("tokens-other")
    named = await create_key(house.identity, other, "client", kind="publishable")
    assert not isinstance(named, Refusal)
    answer = await ask(house, await minted(house, home, player), **{"x-guildbank-key": named.token})
    assert isinstance(answer, Refusal)
    assert answer.code == "tenant_mismatch"


async def test_a_token_of_a_deleted_tenant_opens_nothing(house: House) -> None:
    ref = await house.tenant("tokens-gone")
    outcome = await add_player(house.identity, ref, "app_1", "user-1")
    assert not isinstance(outcome, Refusal)
    token = await minted(house, ref, outcome[0])
    await delete_tenant(house.tenancy, ref.slug, ref.slug)
    assert isinstance(await ask(house, token), Refusal)


async def test_another_process_reads_the_tokens_without_asking(
    house: House, home: TenantRef, player: Player
) -> None:
    other = house.another()
    token = await minted(house, home, player)
    sent = {"host": "localhost", "authorization": f"Bearer {token}"}
    caller = await Authenticator(other)(sent, "/")
    assert isinstance(caller, Caller)
    await other.close()
    async with house.db.begin(CONTROL_SCHEMA) as tx:
        assert await tx.driver.fetchval("SELECT count(*) FROM identity_signing_key") == 1
        sealed = await tx.driver.fetchval("SELECT sealed_seed FROM identity_signing_key")
    assert len(sealed) > 32


async def test_another_server_verifies_a_token_with_the_published_keys(
    house: House, home: TenantRef, player: Player
) -> None:
    token = await minted(house, home, player)
    async with house.client(house.app()) as client:
        answer = await client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    keys = {key["kid"]: key for key in answer.json()["keys"]}
    header, claims = parts(token)
    key = keys[header["kid"]]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert "d" not in key
    signed, _, signature = token.rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(unpacked(key["x"]))
    public.verify(unpacked(signature), signed.encode())
    assert (claims["sub"], claims["aud"]) == (player.id, home.id)


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_no_token_for_unknown_players(house: House, home: TenantRef) -> None:
    made = await mint_player_token(house.identity, home, "player_01kag3pyqmf9aag12vtrsy70ps")
    assert isinstance(made, Refusal)
    assert made.code == "not_found"
