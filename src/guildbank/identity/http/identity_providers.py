"""Routes by which a tenant sets up sign-in elsewhere, and where people come back to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import get, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity.contracts.external import (
    MAX_RETURN_URL,
    MAX_RETURN_URLS,
    ConfiguredProvider,
)
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external import configure as verbs
from guildbank.identity.usecases.external.set_return_urls import list_return_urls, set_return_urls
from guildbank.infra.http import Body, JSONBody, Page, Service, View, Who, granted, scope

Parts = Service[ExternalSignIn]
READ, WRITE = "sign-in:read", "sign-in:write"
TAGS: Sequence[str] = ["Sign-in settings"]
ProviderPath = Annotated[
    str, PathParameter(description="The id of an identity provider's plugin.", max_length=64)
]
ReturnUrl = Annotated[
    str, Meta(min_length=8, max_length=MAX_RETURN_URL, examples=["https://game.example/signed-in"])
]


class IdentityProviderBody(Body):
    """Settings as the plugin's schema describes them. Secrets left out stay as they are."""

    __example__: ClassVar = {
        "settings": {"bot_token": "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"},
    }

    settings: Annotated[dict[str, Any], Meta(max_length=100)]
    enabled: bool = True


class IdentityProviderView(View):
    """A tenant's identity provider. `secretsSet` are stored, `secretsMissing` the plugin has too.

    `callbackUrl` is the redirect URI to register with the provider; null where none is needed.
    `problem` says why the plugin cannot use what an older version of it stored: save them anew.
    """

    __example__: ClassVar = {
        "id": "google",
        "title": "Google",
        "settings": {"client_id": "1234.apps.googleusercontent.com"},
        "secretsSet": ["client_secret"],
        "secretsMissing": [],
        "callbackUrl": "https://bank.example/v1/sign-in/callback/moonlit-games/google",
        "problem": None,
    }

    id: str
    title: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    secrets_missing: Sequence[str]
    callback_url: str | None
    changed_at: datetime
    problem: str | None


class ReturnUrlsBody(Body):
    """The addresses to which people may be sent back with a code; those left out are taken off."""

    urls: Annotated[list[ReturnUrl], Meta(max_length=MAX_RETURN_URLS)]


class ReturnUrlsView(View):
    """The addresses to which people may be sent back with a code, compared letter by letter."""

    __example__: ClassVar = {"urls": ["com.moonlit.game:/signed-in", "https://moonlit.example/in"]}

    urls: Sequence[str]


@put(
    "/v1/identity-providers/{identity_provider_id:str}",
    guards=[scope(WRITE, fresh=True)],
    tags=TAGS,
    summary="Set up an identity provider",
)
async def configure_identity_provider(
    external: Parts,
    caller: Who,
    identity_provider_id: ProviderPath,
    data: JSONBody[IdentityProviderBody],
) -> IdentityProviderView:
    """Set how the tenant's players sign in by this provider, from within a second on.

    Secrets are sealed and never shown again. A change is an event,
    `identity.provider_configured`, that tells who made it and no secret. The same settings again
    change nothing. Switched off, a provider signs nobody in; who came by it stays a player.
    """
    done = await verbs.configure_provider(
        external,
        caller.home,
        identity_provider_id,
        data.settings,
        enabled=data.enabled,
        principal=caller.principal,
    )
    return _view(granted(done))


@get(
    "/v1/identity-providers/{identity_provider_id:str}",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read an identity provider",
)
async def read_identity_provider(
    external: Parts, caller: Who, identity_provider_id: ProviderPath
) -> IdentityProviderView:
    """Return the tenant's settings of a provider, without secrets."""
    return _view(granted(await verbs.get_provider(external, caller.home, identity_provider_id)))


@get(
    "/v1/identity-providers",
    guards=[scope(READ)],
    tags=TAGS,
    summary="List identity providers",
)
async def list_identity_providers(external: Parts, caller: Who) -> Page[IdentityProviderView]:
    """List the identity providers that the tenant set up."""
    return Page([_view(one) for one in await verbs.list_providers(external, caller.home)], None)


@put(
    "/v1/return-urls", guards=[scope(WRITE, fresh=True)], tags=TAGS, summary="Register return URLs"
)
async def set_the_return_urls(
    external: Parts, caller: Who, data: JSONBody[ReturnUrlsBody]
) -> ReturnUrlsView:
    """Register where people are sent back to, from within a second on: these and no others.

    https anywhere, http on this machine, or a scheme of an app's own with a dot. A change is an
    event, `identity.return_urls_set`.
    """
    done = await set_return_urls(external, caller.home, data.urls, caller.principal)
    return ReturnUrlsView(granted(done))


@get("/v1/return-urls", guards=[scope(READ)], tags=TAGS, summary="List return URLs")
async def list_the_return_urls(external: Parts, caller: Who) -> ReturnUrlsView:
    """List where people may be sent back to."""
    return ReturnUrlsView(await list_return_urls(external, caller.home))


def _view(one: ConfiguredProvider) -> IdentityProviderView:
    return IdentityProviderView(
        id=one.id,
        title=one.title,
        enabled=one.enabled,
        settings=one.settings,
        secrets_set=one.secrets_set,
        secrets_missing=one.secrets_missing,
        callback_url=one.callback_url,
        changed_at=one.changed_at,
        problem=one.problem,
    )


ROUTES = (
    configure_identity_provider,
    read_identity_provider,
    list_identity_providers,
    set_the_return_urls,
    list_the_return_urls,
)
