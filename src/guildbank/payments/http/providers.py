"""Routes by which a tenant's accounts at providers are kept, and plugins are listed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, waiting
from guildbank.infra.http import Body, JSONBody, Page, Service, View, Who, granted, scope
from guildbank.infra.limits import RateLimit
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act
from guildbank.kernel import Refusal
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases import accounts as verbs
from guildbank.payments.usecases import configure_provider as setting
from guildbank.payments.usecases.try_provider import try_provider

Parts = Service[Payments]
TRYING = RateLimit("trying-providers", 30, 60, exact=True)
READ, WRITE = "payments:read", "providers:write"
TAGS: Sequence[str] = ["Providers"]
ProviderId = Annotated[str, PathParameter(description="The plugin's id.", max_length=64)]


class ProviderBody(Body):
    """Settings as the plugin's schema describes them. Secrets left out stay as they are."""

    __example__: ClassVar = {
        "settings": {
            "base_url": "https://pay.example",
            "api_key": "sandbox-0123456789abcdef",
            "webhook_secret": "whsec-0123456789abcdef",
        },
    }

    settings: Annotated[dict[str, Any], Meta(max_length=100)]
    enabled: bool = True


class ProviderView(View):
    """An account at a provider; `secretsSet` names the secrets that are stored.

    `problem` says why the plugin cannot use what an older version of it stored: save them anew.
    `merchant` holds the provider's own names of whose account it is, as far as it said. `fixed`
    says that the account was used: from then on it is the same merchant's.
    """

    __example__: ClassVar = {
        "id": "sandbox",
        "settings": {"base_url": "https://pay.example"},
        "secretsSet": ["api_key", "webhook_secret"],
        "problem": None,
        "merchant": ["acct_ember_isle"],
        "fixed": True,
    }

    id: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    changed_at: datetime
    problem: str | None
    merchant: Sequence[str]
    fixed: bool


class ProviderTriedView(View):
    """Whether the provider answered. `answered` is null where its plugin has nobody to ask."""

    __example__: ClassVar = {
        "answered": True,
        "detail": "The sandbox answered for Ember Isle.",
    }

    answered: bool | None
    detail: str


class PluginView(View):
    """An installed plugin, or why one that was found is not used."""

    __example__: ClassVar = {
        "name": "sandbox",
        "id": "sandbox",
        "version": "0.1.0",
        "slot": "provider",
        "title": "Sandbox",
        "settingsSchema": {"type": "object"},
        "secretFields": ["api_key", "webhook_secret"],
        "problem": None,
    }

    name: str
    id: str | None
    version: str | None
    slot: str | None
    title: str | None
    sandbox: bool
    settings_schema: Mapping[str, Any] | None
    secret_fields: Sequence[str]
    problem: str | None


@put(
    "/v1/providers/{provider_id:str}",
    guards=[scope(WRITE, fresh=True)],
    tags=TAGS,
    summary="Configure a provider",
    responses=WAITS,
)
async def configure(
    payments: Parts, caller: Who, provider_id: ProviderId, data: JSONBody[ProviderBody]
) -> Response[ProviderView]:
    """Set the tenant's account at a provider. Secrets are sealed and never shown again.

    A change is an event, `payments.provider_configured`, that tells who made it and no secret. The
    same settings again change nothing. Once the account was used it stays the same merchant's: what
    says otherwise is refused as `account_fixed`.
    """
    wanted = setting.StoredAccount(provider_id, data.settings, data.enabled)
    done = await setting.configure_or_store(payments, caller.home, caller.principal, wanted)
    if isinstance(done, verbs.ProviderView):
        return Response(_view(done))
    waits = await waiting(payments.four_eyes, caller.home, done)
    if waits is None:
        granted(done)
        raise AssertionError("an account is set, refused, or waits")
    return waits


@post(
    "/v1/providers/{provider_id:str}/test",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Try a provider",
    opt={"limits": (TRYING,)},
)
async def try_out(payments: Parts, caller: Who, provider_id: ProviderId) -> ProviderTriedView:
    """Ask the provider which account answers by the stored settings, also while it is off.

    No money moves, and what is said holds no secret.
    """
    tried = granted(await try_provider(payments, caller.home, provider_id))
    return ProviderTriedView(answered=tried.answered, detail=tried.detail)


@get("/v1/providers/{provider_id:str}", guards=[scope(READ)], tags=TAGS, summary="Read a provider")
async def read(payments: Parts, caller: Who, provider_id: ProviderId) -> ProviderView:
    """Return the tenant's account at a provider, without secrets."""
    return _view(granted(await verbs.get_provider(payments, caller.home, provider_id)))


@get("/v1/providers", guards=[scope(READ)], tags=TAGS, summary="List providers")
async def list_all(payments: Parts, caller: Who) -> Page[ProviderView]:
    """List the tenant's accounts at providers."""
    return Page([_view(one) for one in await verbs.list_providers(payments, caller.home)], None)


@get("/v1/plugins", guards=[scope(READ)], tags=TAGS, summary="List plugins")
async def plugins(payments: Parts, caller: Who) -> Page[PluginView]:
    """List the installed plugins, the broken ones with their problem."""
    views = []
    for report in payments.plugins.reports:
        if report.older:
            continue
        manifest = report.manifest
        views.append(
            PluginView(
                name=report.name,
                id=manifest.id if manifest else None,
                version=manifest.version if manifest else None,
                slot=manifest.slot.value if manifest else None,
                title=manifest.title if manifest else None,
                sandbox=manifest.sandbox if manifest else False,
                settings_schema=manifest.settings_schema if manifest else None,
                secret_fields=sorted(manifest.secret_fields) if manifest else (),
                problem=report.problem,
            )
        )
    return Page(views, None)


def _view(one: verbs.ProviderView) -> ProviderView:
    return ProviderView(
        id=one.id,
        enabled=one.enabled,
        settings=one.settings,
        secrets_set=one.secrets_set,
        changed_at=one.changed_at,
        problem=one.problem,
        merchant=one.merchant,
        fixed=one.fixed,
    )


async def _act(
    services: Any, tenant: TenantRef | None, by: str, stored: setting.StoredAccount
) -> Act | Refusal:
    assert tenant is not None
    return await setting.configuring(services.payments, tenant, by, stored)


def _show(stored: setting.StoredAccount) -> Mapping[str, Any]:
    """Show what is wanted, and of secrets which are new."""
    shown = {name: one for name, one in stored.settings.items() if name not in stored.secrets}
    return {
        "providerId": stored.provider,
        "enabled": stored.enabled,
        "settings": shown,
        "newSecrets": list(stored.secrets),
    }


CONFIGURING = Approvable(
    verb=setting.ConfigureProvider.verb,
    permission=WRITE,
    meaning="Configure an account at a payment provider, which says where money goes.",
    command=setting.StoredAccount,
    show=_show,
    act=_act,
)
ROUTES = (configure, try_out, read, list_all, plugins)
