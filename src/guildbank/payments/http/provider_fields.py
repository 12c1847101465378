"""Routes that help a person set up a provider: what a field may be, what is wrong, who is well."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import post
from msgspec import Meta

from guildbank.infra.http import Body, JSONBody, View, Who, granted, scope
from guildbank.infra.limits import RateLimit
from guildbank.payments.http.providers import (
    TAGS,
    WRITE,
    Parts,
    ProviderId,
    ProviderTriedView,
)
from guildbank.payments.usecases.try_provider import (
    Field,
    check_provider_field,
    provider_health,
    provider_options,
)

FILLING = RateLimit("filling-providers", 60, 60, exact=True)


class ProviderFieldBody(Body):
    """A field, and the settings so far. Secrets left out are the stored ones, where they stay."""

    __example__: ClassVar = {"field": "base_url", "settings": {"base_url": "https://pay.example"}}

    field: Annotated[str, Meta(min_length=1, max_length=64)]
    settings: Annotated[dict[str, Any], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class ProviderOptionsView(View):
    """What the field may be, as values with titles; null where its plugin cannot say now."""

    __example__: ClassVar = {"options": [], "detail": "Any that fits the schema."}

    options: Sequence[Mapping[str, str]] | None
    detail: str


class FieldFlawView(View):
    """What is wrong with a setting, and where in it."""

    __example__: ClassVar = {"field": "settings.base_url", "detail": "It is no address."}

    field: str
    detail: str


class FieldCheckView(View):
    """What is wrong with the field; an empty list means that nothing is."""

    __example__: ClassVar = {"problems": []}

    problems: Sequence[FieldFlawView]


@post(
    "/v1/providers/{provider_id:str}/options",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Read what a provider's field may be",
    opt={"limits": (FILLING,)},
)
async def read_options(
    payments: Parts, caller: Who, provider_id: ProviderId, data: JSONBody[ProviderFieldBody]
) -> ProviderOptionsView:
    """Ask the provider's plugin what a field may be, given the others; nothing is saved.

    Other fields may be missing or wrong. Stored secrets are used only where they would stay if
    these settings were saved.
    """
    field = Field(data.field, data.settings)
    offered = granted(await provider_options(payments, caller.home, provider_id, field))
    if offered.options is None:
        return ProviderOptionsView(None, offered.detail)
    options = [{"value": one.value, "title": one.title} for one in offered.options]
    return ProviderOptionsView(options, offered.detail)


@post(
    "/v1/providers/{provider_id:str}/check-field",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Check a provider's field",
    opt={"limits": (FILLING,)},
)
async def check_one(
    payments: Parts, caller: Who, provider_id: ProviderId, data: JSONBody[ProviderFieldBody]
) -> FieldCheckView:
    """Say what is wrong with one field, whether or not others are filled in; nothing is saved."""
    field = Field(data.field, data.settings)
    found = granted(await check_provider_field(payments, caller.home, provider_id, field))
    return FieldCheckView([FieldFlawView(f"settings.{one.field}", one.detail) for one in found])


@post(
    "/v1/providers/{provider_id:str}/health",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Read a provider's health",
    opt={"limits": (FILLING,)},
)
async def read_health(payments: Parts, caller: Who, provider_id: ProviderId) -> ProviderTriedView:
    """Say whether the provider's plugin can do its work now, by the stored settings.

    A plugin that has no word on that is asked which account answers.
    """
    said = granted(await provider_health(payments, caller.home, provider_id))
    return ProviderTriedView(answered=said.answered, detail=said.detail)


ROUTES = (read_options, check_one, read_health)
