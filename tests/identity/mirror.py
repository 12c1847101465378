"""An identity provider that believes what it is told: it lets tests be anybody, in both ways.

`begin` leads to a page that posts a form back, or with the client id `query` follows a link. An
assertion names the person in its fields.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    Manifest,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Slot,
    Verified,
)

ISSUER = "https://mirror.example"
MANIFEST = Manifest(
    id="mirror",
    version="1.0.0",
    slot=Slot.IDENTITY,
    title="Mirror",
    capabilities=frozenset({"redirecting", "asserting"}),
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["client_id"],
        "properties": {
            "client_id": {"type": "string", "maxLength": 50},
            "client_secret": {"type": "string", "minLength": 8, "maxLength": 50},
            "other_secret": {"type": "string"},
        },
    },
    secret_fields=frozenset({"client_secret", "other_secret"}),
)


class Mirror:
    """Says of whoever comes what the parameters or the assertion say."""

    @property
    def manifest(self) -> Manifest:
        return MANIFEST

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        query = {"state": request.state, "redirect_uri": context.redirect_uri}
        url = f"{ISSUER}/sign-in?{urlencode(query)}"
        by_query = context.settings["client_id"] == "query"
        answers: Literal["query", "form_post"] = "query" if by_query else "form_post"
        return Begun(url=url, keep={"verifier": "shh-keep"}, answers=answers)

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        assert keep == {"verifier": "shh-keep"}
        if "sub" not in answer.params:
            return Refusal(code="sign_in_denied", detail="The person said no.")
        return identity(answer.params)

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        if context.settings.get("client_secret") is None:
            return Refusal(code="wrong_audience", detail="It was issued for another application.")
        once = assertion.get("once", "").rjust(32, "0")
        until = context.now + timedelta(hours=1)
        return Verified(identity=identity(assertion), once=once, until=until)


def identity(said: Mapping[str, str]) -> ExternalIdentity:
    return ExternalIdentity(
        issuer=ISSUER,
        subject=said["sub"],
        email=said.get("email"),
        email_verified=said.get("verified") == "yes",
        name=said.get("name"),
        locale=said.get("locale"),
    )
