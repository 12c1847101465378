"""Routes by which a player links accounts elsewhere, lists and unlinks them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import delete, get, post
from litestar.params import PathParameter

from guildbank.identity.contracts.external import ExternalLink
from guildbank.identity.http.external import Assertion, OneTimeCode, ProviderId, Verifier
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.link import link, list_links, unlink
from guildbank.identity.usecases.external.proofs import believe, redeem
from guildbank.identity.usecases.factors.require_factor import require_factor
from guildbank.infra.http import (
    Body,
    Caller,
    JSONBody,
    Service,
    View,
    Who,
    fresh_session,
    granted,
    own_session,
    problem,
    problem_for,
)

Parts = Service[ExternalSignIn]
TAGS: Sequence[str] = ["Sign-in elsewhere"]
IdentityId = Annotated[str, PathParameter(description="The linked account's id.", max_length=90)]


class LinkBody(Body):
    """Proof of an account elsewhere: code and verifier, or provider and assertion."""

    __example__: ClassVar = {"code": None, "codeVerifier": None}

    code: OneTimeCode | None = None
    code_verifier: Verifier | None = None
    provider: ProviderId | None = None
    assertion: Assertion | None = None


class IdentityView(View):
    """An account elsewhere by which the player can sign in."""

    __example__: ClassVar = {
        "id": "idn_01kag3pyqmf9aag12vtrsy70ps",
        "provider": "google",
        "issuer": "https://accounts.google.com",
    }

    id: str
    provider: str
    issuer: str
    linked_at: datetime


class IdentitiesView(View):
    """The accounts elsewhere of a player, the first linked first."""

    items: Sequence[IdentityView]


@get("/v1/identities", guards=[own_session], tags=TAGS, summary="List one's accounts elsewhere")
async def list_identities(external: Parts, caller: Who) -> IdentitiesView:
    """List the accounts elsewhere by which the player can sign in."""
    found = await list_links(external, caller.home, caller.principal)
    return IdentitiesView([_view(one) for one in found])


@post("/v1/identities", guards=[fresh_session], tags=TAGS, summary="Link an account elsewhere")
async def link_identity(external: Parts, caller: Who, data: JSONBody[LinkBody]) -> IdentityView:
    """Link what the proof is about to the player who asks; linked already, it stays so.

    It takes a sign-in of the last ten minutes. A guest who links an account keeps the player id;
    the guest's secret ends. 409 `identity_in_use` where the account is another player's.
    """
    if data.code is not None and data.code_verifier is not None and data.provider is None:
        arrival = await redeem(external, caller.home, data.code, data.code_verifier)
    elif data.provider is not None and data.assertion is not None and data.code is None:
        arrival = await believe(external, caller.home, data.provider, data.assertion)
    else:
        raise problem(
            "missing_field", "Send code and codeVerifier, or provider and assertion.", "code"
        )
    await _guarded(external, caller)
    linked = await link(
        external, caller.home, caller.principal, granted(arrival), keep=caller.session_id
    )
    return _view(granted(linked))


@delete(
    "/v1/identities/{identity_id:str}",
    guards=[fresh_session],
    tags=TAGS,
    status_code=204,
    summary="Unlink an account elsewhere",
)
async def unlink_identity(external: Parts, caller: Who, identity_id: IdentityId) -> None:
    """Take an account elsewhere off the player; never the last way in, which is 409.

    All other sessions end: one may have begun by that account.
    """
    await _guarded(external, caller)
    refusal = await unlink(
        external, caller.home, caller.principal, identity_id, keep=caller.session_id
    )
    if refusal is not None:
        raise problem_for(refusal)


async def _guarded(external: ExternalSignIn, caller: Caller) -> None:
    """Ask for a second factor where the tenant wants one for this."""
    refusal = await require_factor(
        external.identity, caller.home, caller.principal, caller.session_id, "link_identity"
    )
    if refusal is not None:
        raise problem_for(refusal)


def _view(one: ExternalLink) -> IdentityView:
    return IdentityView(one.id, one.provider, one.issuer, one.linked_at)


ROUTES = (list_identities, link_identity, unlink_identity)
