"""A sound identity provider in memory, from which the tests make unsound ones."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from urllib.parse import parse_qs, urlencode, urlsplit

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    HttpAnswer,
    Manifest,
    NoAnswer,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Slot,
    Verified,
)
from guildbank.plugin_api.conformance import IdentityRehearsal

SECRET = "hush-hush"
ANN = ExternalIdentity(issuer="https://provider.example", subject="ann")
MANIFEST = Manifest(
    id="newcomer",
    version="1.0.0",
    slot=Slot.IDENTITY,
    title="Newcomer",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"secret": {"type": "string"}},
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=("provider.example",),
)


class Newcomer:
    """Sends people to provider.example and asks it about codes and tickets."""

    def __init__(self) -> None:
        self.manifest = MANIFEST

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        verifier = token_urlsafe(48)
        query = {
            "state": request.state,
            "redirect_uri": context.redirect_uri,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        return Begun(
            url=f"https://provider.example/?{urlencode(query)}",
            keep={"verifier": verifier, "state": request.state},
        )

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        if answer.params.get("state") != keep["state"]:
            return Refusal(code="bad_state", detail="Begin again.")
        code = answer.params.get("code", "")
        if not code or not code.isascii() or "error" in answer.params:
            return Refusal(code="sign_in_denied", detail="No.")
        return await self.ask(context, f"{code}.{challenge(keep['verifier'])}")

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        ticket = assertion.get("ticket", "")
        if not ticket.isascii() or len(ticket) > 100:
            return Refusal(code="bad_assertion", detail="No ticket.")
        known = await self.ask(context, ticket)
        if isinstance(known, Refusal):
            return known
        return Verified(
            identity=known,
            once=sha256(ticket.encode()).hexdigest(),
            until=context.now + timedelta(hours=1),
        )

    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        answer = await context.http.send("GET", f"https://provider.example/{word}")
        if answer.status == 404:
            return Refusal(code="code_refused", detail="Not ours.")
        if answer.status != 200 or answer.body != b"ann":
            raise NoAnswer("not an answer")
        return ANN


class Town:
    """The network of the rehearsal: it knows the codes and tickets that it gave."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    async def send(self, method, url, *, headers=None, body=None):
        word = url.rpartition("/")[2]
        known = word in self.given
        if "." in word:
            self.given.discard(word)
        return HttpAnswer(status=200 if known else 404, headers={}, body=b"ann" if known else b"")

    async def sign_in(self, begun: Begun) -> Mapping[str, str]:
        query = parse_qs(urlsplit(begun.url).query)
        code = token_urlsafe(16)
        self.given.add(f"{code}.{query['code_challenge'][0]}")
        return {"state": query["state"][0], "code": code}

    async def assertion(self, context: SignInContext) -> Mapping[str, str]:
        self.given.add(ticket := token_urlsafe(16))
        return {"ticket": ticket}

    def rehearsal(self) -> IdentityRehearsal:
        return IdentityRehearsal(sign_in=self.sign_in, assertion=self.assertion)

    def context(self) -> SignInContext:
        return SignInContext(
            tenant="demo",
            mode="test",
            settings={"secret": SECRET},
            now=datetime(2026, 11, 26, tzinfo=UTC),
            redirect_uri="https://game.example/back",
            http=self,
        )


def challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
