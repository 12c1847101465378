"""Routes that tell a page, before anybody signs in, of the ways in and what a link is for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from litestar import Request, get, post
from litestar.params import QueryParameter

from guildbank.identity.contracts.operators import ComesInBy
from guildbank.identity.http.operators.door import PUBLIC, SecretText, plane_at
from guildbank.identity.http.operators.sign_in import DOOR, TAGS
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.look import has_studio, look_at_link
from guildbank.infra.http import Body, JSONBody, Service, View, granted

Parts = Service[Identity]
OfTenant = Annotated[
    str | None,
    QueryParameter(
        description="The slug of the tenant, at the deployment's own host.",
        min_length=2,
        max_length=40,
    ),
]
ForDeployment = Annotated[
    bool, QueryParameter(description="True for who runs the deployment, at its own host.")
]


class WaysView(View):
    """How operators come in here. Passkeys and the studio's sign-in work at `url` alone.

    `tenant` is null for who runs the deployment, `passkeyHost` where none can be taken.
    """

    __example__: ClassVar = {
        "tenant": "moonlit-games",
        "url": "https://bank.example",
        "passkeyHost": "bank.example",
        "studio": True,
    }

    tenant: str | None
    url: str
    passkey_host: str | None
    studio: bool


class OperatorLinkBody(Body):
    """What a link bears behind `#token=`, and what it is said to open."""

    token: SecretText
    opens: Literal["invitation", "reset"]


class OperatorLinkView(View):
    """What a link is good for; without an `address` its reader gives one.

    An invitation of who `comesInBy` the studio is accepted by its sign-in, without a password.
    """

    __example__: ClassVar = {
        "tenant": "moonlit-games",
        "address": "olga@moonlit.example",
        "roles": ["support"],
        "comesInBy": "password",
    }

    tenant: str | None
    address: str | None
    roles: Sequence[str]
    expires_at: datetime | None
    comes_in_by: ComesInBy


@get("/v1/operator/ways", opt=PUBLIC, tags=TAGS, summary="See how operators come in")
async def see_ways(
    request: Request[Any, Any, Any],
    identity: Parts,
    tenant: OfTenant = None,
    deployment: ForDeployment = False,
) -> WaysView:
    """Return what a page of operators needs to know before somebody signs in."""
    plane = await plane_at(identity, request, deployment, tenant)
    party = identity.staff.passkeys
    return WaysView(
        tenant=None if plane.tenant is None else plane.tenant.slug,
        url=identity.staff.url,
        passkey_host=None if party is None else party.rp_id,
        studio=await has_studio(identity, plane),
    )


@post(
    "/v1/operator/links",
    opt=PUBLIC,
    guards=DOOR,
    tags=TAGS,
    status_code=200,
    summary="See what a link of operators is for",
)
async def see_link(identity: Parts, data: JSONBody[OperatorLinkBody]) -> OperatorLinkView:
    """Return what the link opens, and leave it good; 410 for one that opens nothing any more."""
    found = granted(await look_at_link(identity, data.token, data.opens))
    return OperatorLinkView(
        tenant=found.tenant,
        address=found.address,
        roles=found.roles,
        expires_at=found.expires_at,
        comes_in_by=found.comes_in_by,
    )


ROUTES = (see_ways, see_link)
