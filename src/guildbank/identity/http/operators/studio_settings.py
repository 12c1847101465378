"""Routes by which operators set up their own sign-in by the studio's issuer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from litestar import Response, get, put
from msgspec import Meta

from guildbank.approvals import WAITS, held_back
from guildbank.identity.contracts.studio import (
    MAX_GROUPS,
    GroupRoles,
    Studio,
    StudioSettings,
    Trust,
    TrustedClaim,
)
from guildbank.identity.http.operators import approvable
from guildbank.identity.http.operators.door import RoleNames, check_awake, plane_of
from guildbank.identity.http.operators.people import Everything, Eyes
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.studio import configure
from guildbank.infra.http import Body, JSONBody, Service, View, Who, by_operator, granted

Parts = Service[ExternalSignIn]
TAGS: Sequence[str] = ["Operators"]
READING = [by_operator("staff-sign-in:read")]
WRITING = [by_operator("staff-sign-in:write", fresh=True)]
Word = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
IssuerText = Annotated[
    str, Meta(min_length=8, max_length=512, examples=["https://login.moonlit.example"])
]


class GroupRolesBody(Body):
    """A group at the issuer, and the roles of who is in it."""

    __example__: ClassVar = {"group": "guildbank-support", "roles": ["support"]}

    group: Word
    roles: RoleNames


class TrustBody(Body):
    """A claim of the ID token by which the issuer says that it asked for a second factor."""

    __example__: ClassVar = {"claim": "amr", "values": ["mfa"]}

    claim: TrustedClaim
    values: Annotated[list[Word], Meta(min_length=1, max_length=16)]


class StudioBody(Body):
    """The studio's issuer and what its groups may do here.

    A `clientSecret` that is left out stays as it is while issuer and client do. Without
    `trustsSecondFactor` a second factor of our own is always asked for.
    """

    __example__: ClassVar = {
        "clientId": "guildbank",
        "clientSecret": "b7Wv-2pQ9xK4",
        "scopes": ["openid", "email", "profile", "groups"],
        "endpointHosts": [],
        "groupsClaim": "groups",
        "trustsSecondFactor": None,
    }

    issuer: IssuerText
    client_id: Word
    groups: Annotated[list[GroupRolesBody], Meta(max_length=MAX_GROUPS)]
    client_secret: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    scopes: Annotated[list[Word], Meta(min_length=1, max_length=16)] = msgspec.field(
        default_factory=lambda: ["openid", "email", "profile"]
    )
    endpoint_hosts: Annotated[list[Word], Meta(max_length=8)] = msgspec.field(default_factory=list)
    groups_claim: Word = "groups"
    trusts_second_factor: TrustBody | None = None
    enabled: bool = True


class GroupRolesView(View):
    """A group at the issuer, and the roles of who is in it."""

    __example__: ClassVar = {"group": "guildbank-support", "roles": ["support"]}

    group: str
    roles: Sequence[str]


class TrustView(View):
    """The claim by which the issuer is believed to have asked for a second factor."""

    __example__: ClassVar = {"claim": "amr", "values": ["mfa"]}

    claim: TrustedClaim
    values: Sequence[str]


class StudioView(View):
    """What is set up, without the secret. `callbackUrl` is to be registered with the issuer."""

    __example__: ClassVar = {
        "issuer": "https://login.moonlit.example",
        "clientId": "guildbank",
        "scopes": ["openid", "email", "profile", "groups"],
        "endpointHosts": [],
        "groupsClaim": "groups",
        "trustsSecondFactor": None,
        "callbackUrl": "https://bank.example/v1/operator/studio/callback/deployment",
    }

    enabled: bool
    issuer: str
    client_id: str
    client_secret_set: bool
    scopes: Sequence[str]
    endpoint_hosts: Sequence[str]
    groups_claim: str
    groups: Sequence[GroupRolesView]
    trusts_second_factor: TrustView | None
    callback_url: str
    changed_at: datetime


@get("/v1/staff-sign-in", guards=READING, tags=TAGS, summary="Read the studio's sign-in")
async def read_staff_sign_in(external: Parts, caller: Who) -> StudioView:
    """Return how operators come in by the studio's issuer, without the secret."""
    plane = await plane_of(external.identity, caller)
    return _view(granted(await configure.read_studio(external, plane)))


@put(
    "/v1/staff-sign-in",
    guards=WRITING,
    tags=TAGS,
    summary="Set up the studio's sign-in",
    responses=WAITS,
)
async def set_up_staff_sign_in(
    external: Parts,
    four_eyes: Eyes,
    everything: Everything,
    caller: Who,
    data: JSONBody[StudioBody],
) -> Response[StudioView]:
    """Let operators come in by the studio's issuer, with the roles of their groups there.

    Nobody maps a group to more than they may do themselves, or changes a mapping that gives more;
    only an owner maps one to owners. The sessions of all who came in this way end, but for who
    does this.
    """
    check_awake(caller)
    plane = await plane_of(external.identity, caller)
    trust = data.trusts_second_factor
    settings = StudioSettings(
        issuer=data.issuer,
        client_id=data.client_id,
        scopes=tuple(data.scopes),
        endpoint_hosts=tuple(data.endpoint_hosts),
        groups_claim=data.groups_claim,
        trusts=None if trust is None else Trust(trust.claim, tuple(trust.values)),
    )
    wanted = configure.Wanted(
        enabled=data.enabled,
        settings=settings,
        groups=[GroupRoles(one.group, tuple(one.roles)) for one in data.groups],
        secret=data.client_secret,
    )
    waits = await held_back(four_eyes, everything, caller, approvable.SET_UP_STUDIO, wanted)
    if waits is not None:
        return waits
    done = await configure.configure_studio(external, plane, caller.principal, wanted)
    return Response(_view(granted(done)))


def _view(studio: Studio) -> StudioView:
    settings = studio.settings
    trust = settings.trusts
    return StudioView(
        enabled=studio.enabled,
        issuer=settings.issuer,
        client_id=settings.client_id,
        client_secret_set=studio.secret_set,
        scopes=settings.scopes,
        endpoint_hosts=settings.endpoint_hosts,
        groups_claim=settings.groups_claim,
        groups=[GroupRolesView(one.group, one.roles) for one in studio.groups],
        trusts_second_factor=None if trust is None else TrustView(trust.claim, trust.values),
        callback_url=studio.callback_url,
        changed_at=studio.changed_at,
    )


ROUTES = (read_staff_sign_in, set_up_staff_sign_in)
