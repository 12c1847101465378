"""Routes by which operators of the deployment keep its tenants.

That by which one is deleted is in `approvals`, above: a second person may have to agree.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from litestar import get, patch, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import (
    DEPLOYMENT_SCOPE,
    After,
    Body,
    JSONBody,
    Limit,
    Line,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.kernel import MAX_ADDRESS
from guildbank.tenancy.contracts import (
    GuardedAction,
    Locale,
    Mode,
    PasskeySettings,
    SecondFactor,
    SpentCoins,
    State,
    Tenant,
    TenantSettings,
)
from guildbank.tenancy.rules import MAX_ORIGIN, MAX_ORIGINS, MAX_URL
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases import change as changing
from guildbank.tenancy.usecases.create import create_tenant
from guildbank.tenancy.usecases.read import get_tenant, list_tenants
from guildbank.tenancy.usecases.set_hosts import get_hosts, set_hosts
from guildbank.tenancy.usecases.suspend import resume_tenant, suspend_tenant

Parts = Service[Tenancy]
Slug = Annotated[str, Meta(min_length=2, max_length=40, examples=["moonlit-games"])]
PathSlug = Annotated[str, PathParameter(description="The tenant's slug.", max_length=40)]
GUARDS = [scope(DEPLOYMENT_SCOPE)]
WRITING = [scope(DEPLOYMENT_SCOPE, fresh=True)]
TAGS: Sequence[str] = ["Tenants"]


Unset: TypeAlias = msgspec.UnsetType
Address = Annotated[str, Meta(min_length=3, max_length=MAX_ADDRESS, examples=["help@game.example"])]
Url = Annotated[str, Meta(min_length=8, max_length=MAX_URL, examples=["https://play.example"])]
Code = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,15}$(?!\n)", examples=["GEM"])]
Color = Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}$(?!\n)", examples=["#2f4858"])]
Origin = Annotated[
    str, Meta(min_length=1, max_length=MAX_ORIGIN, examples=["https://game.example"])
]
Origins = Annotated[
    list[Origin],
    Meta(
        max_length=MAX_ORIGINS,
        description="Origins whose pages may call in a browser: https, or http on loopback.",
    ),
]


Actions = Annotated[
    list[GuardedAction],
    Meta(max_length=10, description="Actions that need a second factor of the last minutes."),
]
KeptDays = Annotated[
    int, Meta(ge=0, le=3_650, description="For how long exchanges about payments are kept.")
]
CoolHours = Annotated[
    int,
    Meta(
        ge=0,
        le=720,
        description="How long nothing is paid out to a player after a new destination, password or "
        "e-mail address.",
    ),
]
Hour = Annotated[
    int,
    Meta(
        ge=4,
        le=23,
        description="From which hour (UTC) on the day before is reconciled with providers; their "
        "reports may lag by three hours.",
    ),
]
WaitDays = Annotated[
    int,
    Meta(
        ge=0,
        le=90,
        description="Days in which a player may undo having asked to be erased.",
        examples=[14],
    ),
]


class MailSettingsBody(Body):
    """How a tenant's mail looks and who answers it. Null takes a setting back."""

    from_name: Line | Unset | None = msgspec.UNSET
    reply_to: Address | Unset | None = msgspec.UNSET
    brand_name: Line | Unset | None = msgspec.UNSET
    brand_color: Color | Unset = msgspec.UNSET
    logo_url: Url | Unset | None = msgspec.UNSET
    support_address: Address | Unset | None = msgspec.UNSET
    locale: Locale | Unset = msgspec.UNSET


class PasskeySettingsBody(Body):
    """Whose passkeys players make: a host, never an IP address, and pages of it or below it."""

    __example__: ClassVar = {
        "rpId": "play.moonlit.example",
        "origins": ["https://play.moonlit.example"],
    }

    rp_id: Annotated[str, Meta(min_length=1, max_length=253)]
    origins: Annotated[list[Origin], Meta(min_length=1, max_length=MAX_ORIGINS)]


class SettingsBody(Body):
    """Policies of a tenant; what is left out stays as it is, or has its default at first."""

    spent_coins: SpentCoins | Unset = msgspec.UNSET
    default_currency: Code | Unset | None = msgspec.UNSET
    public_url: Url | Unset | None = msgspec.UNSET
    mail: MailSettingsBody | Unset = msgspec.UNSET
    cors_origins: Origins | Unset = msgspec.UNSET
    second_factor: SecondFactor | Unset = msgspec.UNSET
    second_factor_actions: Actions | Unset = msgspec.UNSET
    passkeys: PasskeySettingsBody | Unset | None = msgspec.UNSET
    erasure_wait_days: WaitDays | Unset = msgspec.UNSET
    exchanges_kept_days: KeptDays | Unset = msgspec.UNSET
    reconcile_hour: Hour | Unset | None = msgspec.UNSET
    payout_cooloff_hours: CoolHours | Unset = msgspec.UNSET


class CreateTenantBody(Body):
    """A new tenant. Mode `test` may use sandbox providers, `live` may not."""

    __example__: ClassVar = {
        "name": "Moonlit Games",
        "mode": "test",
    }

    slug: Slug
    name: Line
    mode: Mode = "test"
    settings: SettingsBody = msgspec.field(default_factory=SettingsBody)


class ChangeTenantBody(Body):
    """What is to change of a tenant; all that is left out stays as it is."""

    __example__: ClassVar = {
        "name": "Moonlit Games",
    }

    name: Line | Unset = msgspec.UNSET
    settings: SettingsBody | Unset = msgspec.UNSET


class MailSettingsView(View):
    """How a tenant's mail looks and who answers it."""

    __example__: ClassVar = {
        "fromName": "Moonlit Support",
        "replyTo": "help@moonlit.example",
        "brandName": None,
        "brandColor": "#2f4858",
        "logoUrl": "https://moonlit.example/logo.png",
        "supportAddress": "help@moonlit.example",
    }

    from_name: str | None
    reply_to: str | None
    brand_name: str | None
    brand_color: str
    logo_url: str | None
    support_address: str | None
    locale: Locale


class PasskeySettingsView(View):
    """Whose passkeys players make: a host, and pages of it or below it."""

    __example__: ClassVar = {
        "rpId": "play.moonlit.example",
        "origins": ["https://play.moonlit.example"],
    }

    rp_id: str
    origins: Sequence[str]


class TenantSettingsView(View):
    """Policies of a tenant."""

    __example__: ClassVar = {
        "publicUrl": "https://play.moonlit.example",
    }

    spent_coins: SpentCoins
    default_currency: str | None
    public_url: str | None
    mail: MailSettingsView
    cors_origins: Sequence[str]
    second_factor: SecondFactor
    second_factor_actions: Sequence[GuardedAction]
    passkeys: PasskeySettingsView | None
    erasure_wait_days: int
    exchanges_kept_days: int
    reconcile_hour: int | None
    payout_cooloff_hours: int


class TenantView(View):
    """A tenant."""

    __example__: ClassVar = {
        "id": "ten_01kag3pyqmf9aag12vtrsy70ps",
        "slug": "moonlit-games",
        "name": "Moonlit Games",
        "mode": "test",
        "state": "active",
    }

    id: str
    slug: str
    name: str
    mode: Mode
    state: State
    settings: TenantSettingsView
    created_at: datetime


HostName = Annotated[str, Meta(min_length=1, max_length=253, examples=["play.moonlit.example"])]


class HostsBody(Body):
    """The hosts that are to lead to the tenant; those left out lead nowhere any more."""

    hosts: Annotated[list[HostName], Meta(max_length=20)]


class HostsView(View):
    """The hosts that lead to a tenant."""

    hosts: list[str]


@post("/v1/tenants", guards=WRITING, tags=TAGS, summary="Create a tenant")
async def create(tenancy: Parts, caller: Who, data: JSONBody[CreateTenantBody]) -> TenantView:
    """Create a tenant with a schema of its own; answers in well under a second."""
    settings = _revised(TenantSettings(), data.settings)
    made = await create_tenant(tenancy, data.slug, data.name, data.mode, settings, caller.principal)
    return _view(granted(made))


@get("/v1/tenants", guards=GUARDS, tags=TAGS, summary="List tenants")
async def list_all(tenancy: Parts, limit: Limit = 50, after: After = None) -> Page[TenantView]:
    """List tenants in the order of their slugs, deleted ones left out."""
    position = decode_cursor(after, [str])
    tenants = await list_tenants(tenancy, str(position[0]) if position else "", limit + 1)
    page = tenants[:limit]
    more = encode_cursor([page[-1].ref.slug]) if len(tenants) > limit else None
    return Page([_view(tenant) for tenant in page], more)


@get("/v1/tenants/{slug:str}", guards=GUARDS, tags=TAGS, summary="Read a tenant")
async def read(tenancy: Parts, slug: PathSlug) -> TenantView:
    """Return a tenant that is not deleted."""
    return _view(granted(await get_tenant(tenancy, slug)))


@patch("/v1/tenants/{slug:str}", guards=WRITING, tags=TAGS, summary="Change a tenant")
async def change_tenant(
    tenancy: Parts, caller: Who, slug: PathSlug, data: JSONBody[ChangeTenantBody]
) -> TenantView:
    """Change the name and the settings that the body names; servers follow within a second."""
    settings = data.settings or SettingsBody()
    changed = await changing.change_tenant(
        tenancy,
        slug,
        lambda before: _revised(before, settings),
        name=data.name or None,
        principal=caller.principal,
    )
    return _view(granted(changed))


@post(
    "/v1/tenants/{slug:str}/suspend",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Suspend a tenant",
)
async def suspend(tenancy: Parts, caller: Who, slug: PathSlug) -> TenantView:
    """Refuse all writes from now on; reads go on. Safe to repeat."""
    return _view(granted(await suspend_tenant(tenancy, slug, caller.principal)))


@post(
    "/v1/tenants/{slug:str}/resume",
    guards=WRITING,
    tags=TAGS,
    status_code=200,
    summary="Resume a tenant",
)
async def resume(tenancy: Parts, caller: Who, slug: PathSlug) -> TenantView:
    """Accept writes again. Safe to repeat."""
    return _view(granted(await resume_tenant(tenancy, slug, caller.principal)))


def _revised(before: TenantSettings, body: SettingsBody) -> TenantSettings:
    given = _given(body)
    if body.mail is not msgspec.UNSET:
        given["mail"] = msgspec.structs.replace(before.mail, **_given(body.mail))
    if "cors_origins" in given:
        given["cors_origins"] = tuple(dict.fromkeys(given["cors_origins"]))
    if "second_factor_actions" in given:
        given["second_factor_actions"] = tuple(sorted(set(given["second_factor_actions"])))
    if isinstance(body.passkeys, PasskeySettingsBody):
        origins = tuple(dict.fromkeys(body.passkeys.origins))
        given["passkeys"] = PasskeySettings(rp_id=body.passkeys.rp_id, origins=origins)
    return msgspec.structs.replace(before, **given)


def _given(body: Body) -> dict[str, Any]:
    """Return the members that the body names."""
    members = {name: getattr(body, name) for name in body.__struct_fields__}
    return {name: value for name, value in members.items() if value is not msgspec.UNSET}


def _view(tenant: Tenant) -> TenantView:
    return TenantView(
        id=tenant.ref.id,
        slug=tenant.ref.slug,
        name=tenant.name,
        mode=tenant.ref.mode,
        state=tenant.ref.state,
        settings=msgspec.convert(tenant.settings, TenantSettingsView, from_attributes=True),
        created_at=tenant.created_at,
    )


@get("/v1/tenants/{slug:str}/hosts", guards=GUARDS, tags=TAGS, summary="Read a tenant's hosts")
async def read_hosts(tenancy: Parts, slug: PathSlug) -> HostsView:
    """Return the hosts that lead to the tenant."""
    return HostsView(granted(await get_hosts(tenancy, slug)))


@put("/v1/tenants/{slug:str}/hosts", guards=WRITING, tags=TAGS, summary="Set a tenant's hosts")
async def write_hosts(
    tenancy: Parts, caller: Who, slug: PathSlug, data: JSONBody[HostsBody]
) -> HostsView:
    """Let these hosts, and no others, lead to the tenant, so that its players need send no key."""
    return HostsView(granted(await set_hosts(tenancy, slug, data.hosts, caller.principal)))


ROUTES = (create, list_all, read, change_tenant, suspend, resume, read_hosts, write_hosts)
