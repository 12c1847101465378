"""Google, Apple, Discord, Facebook and Play Games, at their real addresses, played on loopback."""

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    NoAnswer,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Verified,
)
from guildbank.plugin_host import check_settings
from guildbank_oidc import apple, discord, facebook, google, play_games

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})
APPLES = ECKey.generate_key("P-256")
SECRET = "the client's secret".replace(" ", "-")
PLAIN = {"client_id": "12345", "client_secret": SECRET}
APPLE = {
    "client_id": "com.example.web",
    "team_id": "ABCDE12345",
    "key_id": "KEY1234567",
    "private_key": APPLES.as_pem(private=True).decode(),
    "audiences": ["com.example.game"],
}
PLAY = {**PLAIN, "application_id": "987"}


def metadata(issuer: str, tokens: str, keys: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": tokens,
        "jwks_uri": keys,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def id_token(**claims: Any) -> str:
    seconds = int(NOW.timestamp())
    return jwt.encode(
        {"alg": "RS256", "kid": "one"}, {"iat": seconds, "exp": seconds + 600, **claims}, KEY
    )


def keys(_: Asked) -> bytes:
    return json_page(200, {"keys": [KEY.as_dict(private=False)]})


def told(answer: Mapping[str, Any]) -> Callable[[Asked], bytes]:
    return lambda _: json_page(200, answer)


async def begin(plugin: Any, context: SignInContext) -> tuple[Begun, dict[str, str]]:
    begun = await plugin.begin(context, SignInRequest(state="s"))
    assert isinstance(begun, Begun)
    parts = urlsplit(begun.url)
    query = {name: value for name, (value,) in parse_qs(parts.query).items()}
    assert query["code_challenge_method"] == "S256"
    assert query["state"] == "s"
    assert query["redirect_uri"] == context.redirect_uri
    return begun, {**query, "at": f"{parts.scheme}://{parts.netloc}{parts.path}"}


async def finish(plugin: Any, context: SignInContext, begun: Begun, **more: str) -> Any:
    answer = SignInAnswer(params={"state": "s", "code": "the-code", **more})
    return await plugin.finish(context, answer, begun.keep)


@pytest.mark.parametrize(
    ("plugin", "settings"),
    [
        (google.PLUGIN, PLAIN),
        (apple.PLUGIN, APPLE),
        (discord.PLUGIN, PLAIN),
        (facebook.PLUGIN, PLAIN),
        (play_games.PLUGIN, PLAY),
    ],
)
def test_the_settings_of_these_tests_fit_and_hide_their_secrets(plugin, settings):
    assert check_settings(plugin.manifest, settings) is None
    assert plugin.manifest.secret_fields & settings.keys()
    assert check_settings(plugin.manifest, {**settings, "typo": "x"}) is not None


@pytest.mark.parametrize("name", ["https://accounts.google.com", "accounts.google.com"])
async def test_google(context_of, name):
    issuer, tokens = "https://accounts.google.com", "https://oauth2.googleapis.com/token"
    certificates = "https://www.googleapis.com/oauth2/v3/certs"
    hosts = ("accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com")
    async with Impostor(*hosts) as server:
        context = context_of(google.MANIFEST, PLAIN, server.egress(), NOW)
        plugin = google.Google(google.MANIFEST)
        server.on("/.well-known/openid-configuration", told(metadata(issuer, tokens, certificates)))
        server.on("/oauth2/v3/certs", keys)
        begun, query = await begin(plugin, context)
        assert query["scope"] == "openid email profile"
        token = id_token(
            iss=name, sub="117", aud="12345", nonce=begun.keep["nonce"], name="Ann",
            email="ann@gmail.com", email_verified=True,
        )  # fmt: skip
        server.on("/token", told({"access_token": "at", "id_token": token}))
        known = await finish(plugin, context, begun)
        assert known == ExternalIdentity(
            issuer=issuer, subject="117", email="ann@gmail.com", email_verified=True, name="Ann"
        )
        (asked,) = [one for one in server.asked if one.path == "/token"]
        assert asked.form["client_secret"] == SECRET
        assert asked.form["code_verifier"] == begun.keep["verifier"]


async def apple_at(server: Impostor, context: SignInContext, **more: str) -> Any:
    issuer = apple.ISSUER
    plugin = apple.Apple(apple.MANIFEST)
    document = metadata(issuer, f"{issuer}/auth/token", f"{issuer}/auth/keys")
    server.on("/.well-known/openid-configuration", told(document))
    server.on("/auth/keys", keys)
    begun, query = await begin(plugin, context)
    assert (begun.answers, query["response_mode"]) == ("form_post", "form_post")
    token = id_token(
        iss=issuer, sub="001.ab", aud=APPLE["client_id"], nonce=begun.keep["nonce"],
        email="x@privaterelay.appleid.com", email_verified="true",
    )  # fmt: skip
    server.on("/auth/token", told({"access_token": "at", "id_token": token}))
    return await finish(plugin, context, begun, **more)


async def test_apple_gets_a_secret_that_we_signed_for_this_request(context_of):
    async with Impostor("appleid.apple.com") as server:
        context = context_of(apple.MANIFEST, APPLE, server.egress(), NOW)
        known = await apple_at(server, context)
        assert (known.subject, known.email_verified) == ("001.ab", True)
        (asked,) = [one for one in server.asked if one.path == "/auth/token"]
        secret = jwt.decode(asked.form["client_secret"], APPLES, algorithms=["ES256"])
        assert secret.header["kid"] == APPLE["key_id"]
        assert secret.claims == {
            "iss": APPLE["team_id"],
            "sub": APPLE["client_id"],
            "aud": "https://appleid.apple.com",
            "iat": int(NOW.timestamp()),
            "exp": int((NOW + timedelta(minutes=5)).timestamp()),
        }


async def test_apples_name_is_taken_and_the_email_beside_it_is_not(context_of):
    user = {"name": {"firstName": "Ann", "lastName": "Lee"}, "email": "victim@example.com"}
    async with Impostor("appleid.apple.com") as server:
        context = context_of(apple.MANIFEST, APPLE, server.egress(), NOW)
        known = await apple_at(server, context, user=json.dumps(user))
        assert (known.name, known.email) == ("Ann Lee", "x@privaterelay.appleid.com")


@pytest.mark.parametrize("user", ["", "x", "[]", '{"name": 7}', '{"name": {"firstName": []}}'])
async def test_a_broken_name_does_not_bar_a_person(context_of, user):
    async with Impostor("appleid.apple.com") as server:
        context = context_of(apple.MANIFEST, APPLE, server.egress(), NOW)
        known = await apple_at(server, context, user=user)
        assert (known.subject, known.name) == ("001.ab", None)


async def test_an_app_hands_over_its_apple_token(context_of):
    async with Impostor("appleid.apple.com") as server:
        context = context_of(apple.MANIFEST, APPLE, server.egress(), NOW)
        issuer, plugin = apple.ISSUER, apple.Apple(apple.MANIFEST)
        document = metadata(issuer, f"{issuer}/auth/token", f"{issuer}/auth/keys")
        server.on("/.well-known/openid-configuration", told(document))
        server.on("/auth/keys", keys)
        token = id_token(iss=issuer, sub="001.ab", aud="com.example.game")
        assert isinstance(await plugin.verify(context, {"id_token": token}), Verified)
        other = id_token(iss=issuer, sub="001.ab", aud="com.example.other")
        refused = await plugin.verify(context, {"id_token": other})
        assert isinstance(refused, Refusal)
        assert refused.code == "wrong_audience"


async def test_discord(context_of):
    user = {
        "id": "80351110224678912", "username": "ann", "global_name": "Ann", "verified": True,
        "email": "ann@example.com", "avatar": "8342729", "locale": "en-US",
    }  # fmt: skip
    async with Impostor("discord.com") as server:
        context = context_of(discord.MANIFEST, PLAIN, server.egress(), NOW)
        server.on("/api/oauth2/token", told({"access_token": "at-1", "token_type": "Bearer"}))
        server.on("/api/v10/users/@me", told(user))
        begun, query = await begin(discord.PLUGIN, context)
        assert (query["at"], query["scope"]) == (
            "https://discord.com/oauth2/authorize",
            "identify email",
        )
        known = await finish(discord.PLUGIN, context, begun)
        assert known == ExternalIdentity(
            issuer="https://discord.com",
            subject="80351110224678912",
            email="ann@example.com",
            email_verified=True,
            name="Ann",
            locale="en-US",
            picture="https://cdn.discordapp.com/avatars/80351110224678912/8342729.png",
        )
        assert server.asked[-1].headers["authorization"] == "Bearer at-1"
        unverified = told({**user, "verified": False})
        server.on("/api/v10/users/@me", unverified)
        assert not (await finish(discord.PLUGIN, context, begun)).email_verified


async def test_facebook_is_asked_with_proof_and_its_email_is_not_verified(context_of):
    async with Impostor("graph.facebook.com") as server:
        context = context_of(facebook.MANIFEST, PLAIN, server.egress(), NOW)
        server.on("/v24.0/oauth/access_token", told({"access_token": "at-1"}))
        server.on("/v24.0/me", told({"id": "42", "name": "Ann", "email": "ann@example.com"}))
        plugin = facebook.Facebook(facebook.MANIFEST)
        begun, query = await begin(plugin, context)
        assert query["at"] == "https://www.facebook.com/v24.0/dialog/oauth"
        known = await finish(plugin, context, begun)
        assert known == ExternalIdentity(
            issuer="https://www.facebook.com", subject="42", email="ann@example.com", name="Ann"
        )
        proof = parse_qs(urlsplit(server.asked[-1].path).query)["appsecret_proof"]
        assert proof == [hmac.new(SECRET.encode(), b"at-1", "sha256").hexdigest()]


async def test_facebooks_limited_login_is_the_same_person(context_of):
    async with Impostor("limited.facebook.com") as server:
        context = context_of(facebook.MANIFEST, PLAIN, server.egress(), NOW)
        server.on("/.well-known/oauth/openid/jwks/", keys)
        plugin = facebook.Facebook(facebook.MANIFEST)
        token = id_token(iss="https://limited.facebook.com", sub="42", aud="12345", nonce="n")
        known = await plugin.verify(context, {"id_token": token, "nonce": "n"})
        assert isinstance(known, Verified)
        assert (known.identity.issuer, known.identity.subject) == ("https://www.facebook.com", "42")
        for wrong, code in (
            ({"id_token": token, "nonce": "m"}, "wrong_nonce"),
            ({"id_token": id_token(iss=facebook.ISSUER, sub="42", aud="999")}, "wrong_audience"),
            ({"id_token": id_token(iss="https://evil.example", sub="42", aud="12345")},
             "wrong_issuer"),
            ({}, "bad_assertion"),
        ):  # fmt: skip
            refused = await plugin.verify(context, wrong)
            assert isinstance(refused, Refusal)
            assert refused.code == code


async def test_play_games(context_of):
    async with Impostor("oauth2.googleapis.com", "games.googleapis.com") as server:
        context = context_of(play_games.MANIFEST, PLAY, server.egress(), NOW)
        server.on("/token", told({"access_token": "at-1"}))
        server.on("/games/v1/applications/987/verify", told({"player_id": "g0123"}))
        known = await play_games.PLUGIN.verify(context, {"server_auth_code": "4/abc"})
        assert isinstance(known, Verified)
        assert known.identity == ExternalIdentity(
            issuer="https://games.googleapis.com", subject="g0123"
        )
        assert b"redirect_uri=&" in server.asked[0].body + b"&"
        assert server.asked[1].headers["authorization"] == "Bearer at-1"
        assert "4/abc" not in known.once


async def test_a_token_of_another_game_names_no_player(context_of):
    async with Impostor("oauth2.googleapis.com", "games.googleapis.com") as server:
        context = context_of(play_games.MANIFEST, PLAY, server.egress(), NOW)
        server.on("/token", told({"access_token": "at-1"}))
        server.on("/games/v1/applications/987/verify", lambda _: json_page(403, {"error": {}}))
        with pytest.raises(NoAnswer):
            await play_games.PLUGIN.verify(context, {"server_auth_code": "4/abc"})


@pytest.mark.parametrize("assertion", [{}, {"server_auth_code": ""}, {"server_auth_code": "é"},
                                       {"server_auth_code": "x" * 5000}])  # fmt: skip
async def test_what_is_no_server_auth_code_is_refused_unasked(context_of, assertion):
    async with Impostor("oauth2.googleapis.com") as server:
        context = context_of(play_games.MANIFEST, PLAY, server.egress(), NOW)
        refused = await play_games.PLUGIN.verify(context, assertion)
        assert isinstance(refused, Refusal)
        assert (refused.code, server.asked) == ("bad_assertion", [])


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant"}, "code_refused"),
        (400, {"error": "invalid_client"}, None),
        (401, {"error": "invalid_client"}, None),
        (400, {"error": {"message": "This authorization code has been used.", "code": 100}}, None),
        (503, {"error": "invalid_grant"}, None),
        (200, {"error": "bad_verification_code"}, None),
        (200, {}, None),
        (200, {"access_token": 7}, None),
    ],
)
async def test_only_a_no_to_this_code_is_a_refusal(context_of, status, body, code):
    async with Impostor("discord.com") as server:
        context = context_of(discord.MANIFEST, PLAIN, server.egress(), NOW)
        server.on("/api/oauth2/token", lambda _: json_page(status, body))
        begun, _ = await begin(discord.PLUGIN, context)
        if code is None:
            with pytest.raises(NoAnswer):
                await finish(discord.PLUGIN, context, begun)
        else:
            assert (await finish(discord.PLUGIN, context, begun)).code == code
