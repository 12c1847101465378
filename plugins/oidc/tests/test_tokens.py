"""Tokens of an issuer that cheats, errs or changes its keys: what a real one does not do for us."""

import hmac
import warnings
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from msgspec.structs import replace
from tests.servers.impostor import Impostor, json_page, page

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
from guildbank_oidc.issuer import MANIFEST
from guildbank_oidc.openid import OpenIdProvider

HOST = "issuer.example"
ISSUER = f"https://{HOST}"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SETTINGS = {"issuer": ISSUER, "client_id": "game", "client_secret": "the client's secret"}
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
NEXT = RSAKey.generate_key(2048, parameters={"kid": "two", "use": "sig", "alg": "RS256"})


class Issuer(Impostor):
    """An issuer whose document, keys and tokens a test decides."""

    def __init__(self) -> None:
        super().__init__(HOST)
        self.document: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/me",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        self.keys = [KEY.as_dict(private=False)]
        self.tokens: dict[str, Any] = {}
        self.user: dict[str, Any] = {"sub": "ann", "name": "Ann"}
        self.on("/.well-known/openid-configuration", lambda _: json_page(200, self.document))
        self.on("/keys", lambda _: json_page(200, {"keys": self.keys}))
        self.on("/token", lambda _: json_page(200, self.tokens))
        self.on("/me", lambda _: json_page(200, self.user))

    def times_asked(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as running:
        yield running


@pytest.fixture
def context(issuer: Issuer, context_of) -> SignInContext:
    return context_of(MANIFEST, SETTINGS, issuer.egress(), NOW)


def token(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    head = {"alg": "RS256", "kid": "one", **(header or {})}
    seconds = int(NOW.timestamp())
    said = {"iss": ISSUER, "sub": "ann", "aud": "game", "iat": seconds, "exp": seconds + 600}
    said = {name: value for name, value in {**said, **claims}.items() if value is not None}
    return jwt.encode(head, said, key, algorithms=[str(head["alg"])])


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def verified(context: SignInContext, text: str, **more: str) -> str:
    """Return `believed`, or the code of the refusal."""
    result = await OpenIdProvider(MANIFEST).verify(context, {"id_token": text, **more})
    return result.code if isinstance(result, Refusal) else "believed"


async def finished(issuer: Issuer, context: SignInContext, **claims: Any) -> Any:
    """Go through the code flow; the token bears the nonce unless `claims` say otherwise."""
    plugin = OpenIdProvider(MANIFEST)
    begun = await plugin.begin(context, SignInRequest(state="s"))
    assert isinstance(begun, Begun)
    claims = {"nonce": begun.keep["nonce"], **claims}
    issuer.tokens = {"access_token": "at-1", "id_token": token(**claims), **issuer.tokens}
    answer = SignInAnswer(params={"state": "s", "code": "c"})
    return await plugin.finish(context, answer, begun.keep)


async def test_a_sound_token_is_believed(context):
    assert await verified(context, token()) == "believed"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://evil.example"}, "wrong_issuer"),
        ({"iss": ISSUER + "/"}, "wrong_issuer"),
        ({"iss": None}, "wrong_issuer"),
        ({"aud": "other"}, "wrong_audience"),
        ({"aud": "other", "azp": "game"}, "wrong_audience"),
        ({"aud": []}, "wrong_audience"),
        ({"aud": None}, "wrong_audience"),
        ({"aud": ["game", "other"]}, "wrong_audience"),
        ({"aud": ["game", "other"], "azp": "other"}, "wrong_audience"),
        ({"azp": "other"}, "wrong_audience"),
        ({"exp": int(NOW.timestamp()) - 61}, "expired_assertion"),
        ({"exp": None}, "bad_assertion"),
        ({"exp": "never"}, "bad_assertion"),
        ({"exp": int(NOW.timestamp()) + 90 * 86_400}, "future_assertion"),
        ({"iat": int(NOW.timestamp()) + 120}, "future_assertion"),
        ({"nbf": int(NOW.timestamp()) + 120}, "future_assertion"),
        ({"sub": None}, "bad_assertion"),
        ({"sub": 7}, "bad_assertion"),
        ({"sub": ""}, "bad_assertion"),
    ],
)
async def test_a_signed_token_that_is_not_for_us_and_now_is_refused(context, claims, code):
    assert await verified(context, token(**claims)) == code


async def test_a_second_audience_is_fine_where_the_token_was_issued_to_us(context):
    assert await verified(context, token(aud=["game", "api"], azp="game")) == "believed"


async def test_the_nonce_of_an_app_must_be_the_tokens(context):
    assert await verified(context, token(nonce="n"), nonce="n") == "believed"
    assert await verified(context, token(nonce="n"), nonce="m") == "wrong_nonce"
    assert await verified(context, token(), nonce="n") == "wrong_nonce"


async def test_a_secret_is_no_signature_of_the_issuer(context):
    """The client's secret and the public key are both known to others than the issuer."""
    public = KEY.as_pem(private=False)
    for secret in (b"the client's secret", public):
        head, body, _ = token().split(".")
        head = b64(b'{"alg":"HS256","kid":"one"}')
        mac = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
        assert await verified(context, f"{head}.{body}.{b64(mac)}") == "forged_assertion"


async def test_a_key_that_comes_with_the_token_is_not_used(issuer, context):
    mine = RSAKey.generate_key(2048)
    for header in ({"jwk": mine.as_dict(private=False)}, {"jku": "https://evil.example/keys"}):
        code = await verified(context, token(mine, header))
        assert code in {"forged_assertion", "bad_assertion"}
    assert {asked.headers["host"].partition(":")[0] for asked in issuer.asked} == {HOST}


async def test_a_key_of_the_wrong_kind_is_not_tried(issuer, context):
    issuer.keys = [ECKey.generate_key("P-256", parameters={"kid": "one"}).as_dict(private=False)]
    assert await verified(context, token()) == "forged_assertion"


async def test_a_key_for_encryption_is_not_used_and_is_not_in_the_way(issuer, context):
    issuer.keys = [{**KEY.as_dict(private=False), "use": "enc"}]
    assert await verified(context, token()) == "forged_assertion"
    issuer.keys.append(KEY.as_dict(private=False))
    assert await verified(context, token()) == "believed"


async def test_a_key_of_few_bits_is_not_used_though_it_signed(issuer, context):
    weak = rsa.generate_private_key(65_537, 1024)
    numbers = weak.public_key().public_numbers()
    modulus = b64(numbers.n.to_bytes(128, "big"))
    issuer.keys = [{"kty": "RSA", "kid": "one", "n": modulus, "e": "AQAB"}]
    signed = token().rpartition(".")[0]
    signature = weak.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    with warnings.catch_warnings():
        # joserfc only warns of such a key, and warnings are no lock.
        warnings.simplefilter("ignore")
        assert await verified(context, f"{signed}.{b64(signature)}") == "forged_assertion"


async def test_without_a_key_id_the_one_key_is_used_and_of_two_none(issuer, context):
    bare = jwt.encode({"alg": "RS256"}, jwt.decode(token(), KEY).claims, KEY)
    assert await verified(context, bare) == "believed"
    issuer.keys.append(NEXT.as_dict(private=False))
    assert await verified(context, bare) == "forged_assertion"


async def test_elliptic_keys_are_believed_too(issuer, context):
    key = ECKey.generate_key("P-256", parameters={"kid": "one"})
    issuer.keys = [key.as_dict(private=False)]
    assert await verified(context, token(key, {"alg": "ES256"})) == "believed"


async def test_an_algorithm_that_the_issuer_does_not_use_is_refused(issuer, context):
    issuer.document["id_token_signing_alg_values_supported"] = ["ES256"]
    assert await verified(context, token()) == "forged_assertion"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "e30.e30.", "e30.e30.e30", "[].{}.x", "x" * 20_000, "é.é.é",
     "eyJhbGciOiJSUzI1NiJ9.bm8.x", "eyJhbGciOjd9.e30.x", "W10.e30.x", "bnVsbA.e30.x"],
)  # fmt: skip
async def test_what_is_no_token_is_refused_and_never_raised(context, text):
    assert await verified(context, text) in {"bad_assertion", "forged_assertion"}


async def test_an_issuer_that_changes_its_keys_is_followed(issuer, context_of):
    plugin = OpenIdProvider(MANIFEST)
    first = context_of(MANIFEST, SETTINGS, issuer.egress(), NOW)
    assert isinstance(await plugin.verify(first, {"id_token": token()}), Verified)
    issuer.keys = [NEXT.as_dict(private=False)]
    rolled = {"id_token": token(NEXT, {"kid": "two"})}
    later = context_of(MANIFEST, SETTINGS, issuer.egress(), NOW + timedelta(minutes=2))
    assert isinstance(await plugin.verify(later, rolled), Verified)
    assert isinstance(await plugin.verify(later, {"id_token": token()}), Refusal)


async def test_invented_key_ids_do_not_make_us_ask_more_than_once_a_minute(issuer, context_of):
    plugin = OpenIdProvider(MANIFEST)
    for second in range(0, 130, 10):
        context = context_of(MANIFEST, SETTINGS, issuer.egress(), NOW + timedelta(seconds=second))
        invented = {"id_token": token(header={"kid": f"key {second}"})}
        assert isinstance(await plugin.verify(context, invented), Refusal)
    assert issuer.times_asked("/keys") == 3
    assert issuer.times_asked("/.well-known/openid-configuration") == 1


async def test_keys_are_asked_again_after_an_hour(issuer, context_of):
    plugin = OpenIdProvider(MANIFEST)
    for minutes in (0, 59, 61):
        at = NOW + timedelta(minutes=minutes)
        context = context_of(MANIFEST, SETTINGS, issuer.egress(), at)
        exp = int(at.timestamp()) + 60
        assert isinstance(await plugin.verify(context, {"id_token": token(exp=exp)}), Verified)
    assert issuer.times_asked("/keys") == 2


async def test_a_replay_is_known_however_it_is_written(context):
    """Bits that base64 ignores change the text of a token and not what was signed."""
    text = token()
    plugin = OpenIdProvider(MANIFEST)
    first = await plugin.verify(context, {"id_token": text})
    assert isinstance(first, Verified)
    for other in (text + "=", text[:-1] + chr(ord(text[-1]) ^ 1)):
        again = await plugin.verify(context, {"id_token": other})
        assert isinstance(again, Refusal) or again.once == first.once
    another = await plugin.verify(context, {"id_token": token(jti="another")})
    assert isinstance(another, Verified)
    assert another.once != first.once


async def test_facts_come_from_the_token_or_the_user_info(issuer, context):
    known = await finished(issuer, context)
    assert known == ExternalIdentity(issuer=ISSUER, subject="ann", name="Ann")
    issuer.tokens = {}
    known = await finished(issuer, context, email="a@example.com", email_verified="yes")
    assert (known.email, known.email_verified, known.name) == ("a@example.com", False, None)


async def test_what_else_the_core_asks_comes_along_and_nothing_more(issuer, context):
    asked = replace(context, claims=("groups", "amr", "auth_time"))
    issuer.user = {"sub": "ann", "name": "Ann", "groups": ["a"], "amr": ["mfa"], "rank": 7}
    # How somebody signed in only the token of that sign-in can say.
    assert (await finished(issuer, asked)).claims == {"groups": ["a"]}
    issuer.tokens = {}
    known = await finished(issuer, asked, groups=["b"], amr=["pwd"], email="a@example.com")
    assert known.claims == {"groups": ["b"], "amr": ["pwd"]}
    issuer.tokens = {}
    assert (await finished(issuer, context, groups=["b"])).claims == {}


async def test_user_info_of_another_person_is_refused(issuer, context):
    issuer.user = {"sub": "bob", "name": "Bob"}
    assert (await finished(issuer, context)).code == "forged_assertion"


async def test_an_access_token_that_was_exchanged_is_noticed(issuer, context):
    assert (await finished(issuer, context, at_hash="AAAA")).code == "forged_assertion"


async def test_a_token_without_the_nonce_is_refused_in_the_code_flow(issuer, context):
    assert (await finished(issuer, context, nonce=None)).code == "wrong_nonce"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": 7},
        {"authorization_endpoint": "http://issuer.example/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_metadata_that_cannot_be_right_is_no_answer(issuer, context, change):
    issuer.document = {**issuer.document, **change}
    with pytest.raises(NoAnswer):
        await OpenIdProvider(MANIFEST).begin(context, SignInRequest(state="s"))


@pytest.mark.parametrize("field", ["token_endpoint", "jwks_uri"])
async def test_an_issuer_cannot_send_us_to_hosts_that_the_tenant_did_not_name(
    issuer, context, field
):
    issuer.document[field] = "https://169.254.169.254/"
    with pytest.raises(NoAnswer, match="not among the hosts"):
        await finished(issuer, context)


@pytest.mark.parametrize(
    "raw",
    [
        page(302, b"", "location: https://issuer.example/other"),
        page(200, b"<html>"),
        page(200, b"[]"),
        page(200, b'{"keys": ' * 9000),
        page(500, b"{}"),
        page(200, b"\xff"),
    ],
)
async def test_keys_in_no_form_of_keys_are_no_answer(issuer, context, raw):
    issuer.on("/keys", lambda _: raw)
    with pytest.raises(NoAnswer):
        await verified(context, token())


@pytest.mark.parametrize("keys", [None, 7, [], [None], [{}], [{"kty": "RSA"}], [{"kty": "oct"}]])
async def test_odd_keys_are_passed_over(issuer, context, keys):
    issuer.keys = keys
    assert await verified(context, token()) == "forged_assertion"
