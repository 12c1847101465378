"""The slot of identity providers: who a person is, said by somebody whom the tenant trusts.

Two capabilities, each a Protocol; a plugin names those it has in its manifest. *Redirecting*: the
person is sent to the provider and comes back. *Asserting*: the game's client already holds
something that the provider signed, and hands it over.

A call returns what is certain or a Refusal with a code of REJECTIONS. Whatever it raises, a
time-out included, means that nobody could say: the core answers `provider_unavailable`, and the
person may try again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.manifest import Manifest

REJECTIONS: Mapping[str, str] = {
    "sign_in_denied": "The person or the provider said no.",
    "bad_state": "The answer does not belong to the sign-in that was begun.",
    "bad_assertion": "What came from the provider has not the right form.",
    "forged_assertion": "A signature or hash is wrong, or its key is not the provider's.",
    "expired_assertion": "What came from the provider is too old.",
    "future_assertion": "What came from the provider is dated in the future.",
    "wrong_issuer": "Another issuer than the configured one has answered.",
    "wrong_audience": "It was issued for another application.",
    "wrong_nonce": "It was issued for another sign-in.",
    "code_refused": "The provider does not take the code: used, expired or of another application.",
    "account_barred": "The provider or the tenant's settings bar this account.",
}
"""Every code that a plugin may refuse with, and what it means."""

CAPABILITY_VERBS: Mapping[str, tuple[str, ...]] = {
    "redirecting": ("begin", "finish"),
    "asserting": ("verify",),
}
"""What a plugin that names a capability must be able to do."""


class SignInContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin knows of the tenant on each call.

    `settings` are the validated settings with secrets in clear; `now` is the server's time;
    `redirect_uri` is exactly where the provider must send the person back. `claims` names what else
    the core wants to hear of the person, as the provider calls it.
    """

    tenant: str
    mode: str
    settings: Mapping[str, Any]
    now: datetime
    redirect_uri: str
    http: Http
    claims: tuple[str, ...] = ()


class SignInRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in to begin. `state` is the core's: it goes into the URL as it is.

    `locale` is a BCP 47 tag for the provider's pages. With `anew` the person is to prove who they
    are now, though the provider knows them from before.
    """

    state: str
    locale: str | None = None
    anew: bool = False


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the person, and what the core keeps sealed beside the state until then.

    `keep` holds what only the server may know, such as the PKCE verifier and the nonce.
    `answers` says how the person comes back: parameters in the query, or a form that is posted
    from the provider's page (then no cookie of SameSite Lax or Strict comes with it).
    """

    url: str
    keep: Mapping[str, str]
    answers: Literal["query", "form_post"] = "query"


class SignInAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters with which the person came back; the core refuses one that comes twice."""

    params: Mapping[str, str]


class ExternalIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is: (`issuer`, `subject`), and nothing else identifies a person.

    `email` may be given to another person later, so it is never an identity. `email_verified`
    says that the provider vouches for it now. `claims` are those of the context's that the provider
    spoke of, as it said them.
    """

    issuer: str
    subject: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    locale: str | None = None
    picture: str | None = None
    claims: Mapping[str, Any] = {}


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A believed assertion. The core takes each `once` one time until `until`, then forgets it.

    `once` is the same however the assertion is written, and is no secret: a hash will do.
    """

    identity: ExternalIdentity
    once: str
    until: datetime


class IdentityProvider(Protocol):
    """Anything in this slot. Safe to share between calls and tenants."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `identity`."""
        ...


class Redirecting(IdentityProvider, Protocol):
    """Capability `redirecting`."""

    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        """Return where to send the person."""
        ...

    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        """Say who came back; `keep` is what `begin` gave for this state."""
        ...


class Asserting(IdentityProvider, Protocol):
    """Capability `asserting`."""

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Say who holds this assertion. The plugin's page names the fields it takes."""
        ...
