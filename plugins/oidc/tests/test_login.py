"""A whole sign-in at an OpenID provider that no one here wrote, and every way to cheat in one."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from tests.servers.oidc_provider import REDIRECT_URI, SECRET, OidcProvider

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

STATE = "state-of-the-core-" + "x" * 25


class Returned(NamedTuple):
    """Somebody who has come back from the provider."""

    plugin: OpenIdProvider
    context: SignInContext
    params: dict[str, str]
    keep: dict[str, str]

    async def finish(self, **changes: Any) -> ExternalIdentity | Refusal:
        one = self._replace(**changes)
        return await one.plugin.finish(one.context, SignInAnswer(params=one.params), one.keep)


@pytest.fixture
def context(server: OidcProvider, context_of) -> SignInContext:
    settings = {"issuer": server.issuer, "client_id": "game", "client_secret": SECRET}
    return context_of(MANIFEST, settings)


@pytest.fixture
async def ann(server: OidcProvider, context: SignInContext) -> Returned:
    return await sign_in(server, context, "ann")


async def sign_in(server: OidcProvider, context: SignInContext, name: str, **how) -> Returned:
    plugin = OpenIdProvider(MANIFEST)
    begun = await plugin.begin(context, SignInRequest(state=STATE))
    assert isinstance(begun, Begun)
    params = await asyncio.to_thread(server.sign_in, begun.url, name, **how)
    return Returned(plugin, context, params, dict(begun.keep))


async def id_token(server: OidcProvider, context: SignInContext) -> str:
    """Return an ID token of the public client, fetched by hand as its app would."""
    settings = {**context.settings, "client_id": "phone"}
    came = await sign_in(server, msgspec.structs.replace(context, settings=settings), "ann")
    form = {
        "grant_type": "authorization_code",
        "client_id": "phone",
        "code": came.params["code"],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": came.keep["verifier"],
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{server.issuer}/token", data=form)
    return str(answer.raise_for_status().json()["id_token"])


def code_of(refused: object) -> str:
    assert isinstance(refused, Refusal), refused
    return refused.code


async def test_a_person_signs_in_and_is_known_by_issuer_and_subject(server, ann):
    known = await ann.finish()
    assert known == ExternalIdentity(
        issuer=server.issuer,
        subject="ann",
        email="ann@example.com",
        email_verified=True,
        name="The ann",
        locale="en",
    )


async def test_an_email_that_the_issuer_does_not_vouch_for_is_not_verified(server, context):
    known = await (await sign_in(server, context, "mallory")).finish()
    assert isinstance(known, ExternalIdentity)
    assert (known.email, known.email_verified) == ("mallory@example.com", False)


async def test_a_public_client_signs_in_without_a_secret(server, context_of):
    context = context_of(MANIFEST, {"issuer": server.issuer, "client_id": "phone"})
    known = await (await sign_in(server, context, "bob")).finish()
    assert isinstance(known, ExternalIdentity)
    assert known.subject == "bob"


async def test_the_address_bears_state_nonce_and_an_s256_challenge_and_no_secret(context):
    begun = await OpenIdProvider(MANIFEST).begin(context, SignInRequest(state=STATE, locale="de"))
    assert isinstance(begun, Begun)
    query = {name: value for name, (value,) in parse_qs(urlsplit(begun.url).query).items()}
    assert query["state"] == STATE
    assert query["nonce"] == begun.keep["nonce"]
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["redirect_uri"] == REDIRECT_URI
    assert query["ui_locales"] == "de"
    assert begun.keep["verifier"] not in begun.url
    assert SECRET not in begun.url


async def test_two_sign_ins_share_nothing(context):
    plugin = OpenIdProvider(MANIFEST)
    one, two = [await plugin.begin(context, SignInRequest(state=STATE)) for _ in range(2)]
    assert isinstance(one, Begun)
    assert isinstance(two, Begun)
    assert one.keep["nonce"] != two.keep["nonce"]
    assert one.keep["verifier"] != two.keep["verifier"]
    assert len(one.keep["verifier"]) >= 43


async def test_a_code_works_once(ann):
    assert isinstance(await ann.finish(), ExternalIdentity)
    assert code_of(await ann.finish()) == "code_refused"


@pytest.mark.parametrize("state", ["", "other", STATE + "x", STATE[:-1], "é"])
async def test_a_tampered_state_is_refused(ann, state):
    assert code_of(await ann.finish(params={**ann.params, "state": state})) == "bad_state"


async def test_a_missing_state_is_refused(ann):
    params = {name: value for name, value in ann.params.items() if name != "state"}
    assert code_of(await ann.finish(params=params)) == "bad_state"


async def test_a_token_for_another_nonce_is_refused(ann):
    assert code_of(await ann.finish(keep={**ann.keep, "nonce": "another"})) == "wrong_nonce"


async def test_a_code_of_another_sign_in_is_refused_by_pkce(server, context, ann):
    """Who steals a code and puts it into a sign-in of their own lacks its verifier."""
    thief = await sign_in(server, context, "mallory")
    params = {**thief.params, "code": ann.params["code"]}
    assert code_of(await thief.finish(params=params)) == "code_refused"


async def test_a_code_of_another_application_is_refused(server, context_of, context):
    theirs = context_of(MANIFEST, {**context.settings, "client_id": "other"})
    victim = await sign_in(server, theirs, "ann")
    assert code_of(await victim.finish(context=context)) == "code_refused"


@pytest.mark.parametrize("said", ["https://evil.example", None])
async def test_an_answer_of_another_issuer_is_refused(ann, said):
    """RFC 9207: this issuer says that it names itself, so an answer without a name is not its."""
    params = {name: value for name, value in ann.params.items() if name != "iss"}
    if said is not None:
        params["iss"] = said
    assert code_of(await ann.finish(params=params)) == "wrong_issuer"


async def test_who_declines_at_the_provider_is_told_so(server, context):
    declined = await sign_in(server, context, "ann", consents=False)
    assert "error" in declined.params
    assert code_of(await declined.finish()) == "sign_in_denied"


async def test_an_answer_without_a_code_is_refused(ann):
    params = {name: value for name, value in ann.params.items() if name != "code"}
    assert code_of(await ann.finish(params=params)) == "bad_assertion"


async def test_a_wrong_secret_is_nobodys_fault_but_ours(ann):
    """The person did nothing wrong, so nothing is said of them: the provider is unavailable."""
    settings = {**ann.context.settings, "client_secret": "not the secret"}
    with pytest.raises(NoAnswer) as caught:
        await ann.finish(context=msgspec.structs.replace(ann.context, settings=settings))
    assert "not the secret" not in str(caught.value)


async def test_metadata_of_another_issuer_is_not_believed(server, context_of, context):
    """The same server under another name would make one person two, or two one."""
    alias = server.issuer.replace("127.0.0.1", "localhost")
    elsewhere = context_of(MANIFEST, {**context.settings, "issuer": alias})
    with pytest.raises(NoAnswer, match="of another issuer"):
        await OpenIdProvider(MANIFEST).begin(elsewhere, SignInRequest(state=STATE))


async def test_an_app_hands_over_its_id_token(server, context_of, context):
    token = await id_token(server, context)
    app = context_of(MANIFEST, {**context.settings, "audiences": ["phone"]})
    plugin = OpenIdProvider(MANIFEST)
    known = await plugin.verify(app, {"id_token": token})
    assert isinstance(known, Verified)
    assert (known.identity.issuer, known.identity.subject) == (server.issuer, "ann")
    again = await plugin.verify(app, {"id_token": token})
    assert isinstance(again, Verified)
    assert (again.once, again.until) == (known.once, known.until)
    assert known.until > app.now


async def test_a_token_of_another_application_is_refused(server, context):
    token = await id_token(server, context)
    plugin = OpenIdProvider(MANIFEST)
    assert code_of(await plugin.verify(context, {"id_token": token})) == "wrong_audience"


async def test_a_token_of_another_issuer_is_refused(server, other_server, context_of, context):
    """Same accounts, same client ids, another issuer: its keys are not those of ours."""
    there = context_of(MANIFEST, {"issuer": other_server.issuer, "client_id": "phone"})
    token = await id_token(other_server, there)
    here = context_of(MANIFEST, {"issuer": server.issuer, "client_id": "phone"})
    refused = await OpenIdProvider(MANIFEST).verify(here, {"id_token": token})
    assert code_of(refused) in {"wrong_issuer", "forged_assertion"}


async def test_an_expired_token_is_refused(server, context_of, context):
    token = await id_token(server, context)
    settings = {**context.settings, "client_id": "phone"}
    later = context_of(MANIFEST, settings, now=datetime.now(UTC) + timedelta(minutes=12))
    refused = await OpenIdProvider(MANIFEST).verify(later, {"id_token": token})
    assert code_of(refused) == "expired_assertion"


async def test_a_token_from_the_future_is_refused(server, context_of, context):
    token = await id_token(server, context)
    settings = {**context.settings, "client_id": "phone"}
    earlier = context_of(MANIFEST, settings, now=datetime.now(UTC) - timedelta(minutes=5))
    refused = await OpenIdProvider(MANIFEST).verify(earlier, {"id_token": token})
    assert code_of(refused) == "future_assertion"


async def test_a_token_without_a_signature_is_refused(server, context_of, context):
    app = context_of(MANIFEST, {**context.settings, "client_id": "phone"})
    head, body, signature = (await id_token(server, context)).split(".")
    plugin = OpenIdProvider(MANIFEST)
    for algorithm in ("none", "None", "NONE", "HS256"):
        unsigned = encoded({**decoded(head), "alg": algorithm})
        for end in ("", signature):
            refused = await plugin.verify(app, {"id_token": f"{unsigned}.{body}.{end}"})
            assert code_of(refused) in {"forged_assertion", "bad_assertion"}, algorithm


async def test_a_token_with_one_changed_claim_is_refused(server, context_of, context):
    app = context_of(MANIFEST, {**context.settings, "client_id": "phone"})
    head, body, signature = (await id_token(server, context)).split(".")
    changed = encoded({**decoded(body), "sub": "bob"})
    refused = await OpenIdProvider(MANIFEST).verify(
        app, {"id_token": f"{head}.{changed}.{signature}"}
    )
    assert code_of(refused) == "forged_assertion"


async def test_the_connection_is_tested(server, context):
    told = await OpenIdProvider(MANIFEST).test_connection(context)
    assert server.issuer in told


def decoded(part: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
