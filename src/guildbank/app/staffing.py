"""Makes, lists, helps and suspends operators in the database itself, for whoever holds the host."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from guildbank.infra.config import Settings

if TYPE_CHECKING:
    from guildbank.app.wiring import Services
    from guildbank.identity import Operator, Plane
    from guildbank.kernel import Refusal

T = TypeVar("T")
PAGE = 200


class NotDone(Exception):
    """What was asked for was refused; the message says why."""


def create(
    settings: Settings,
    tenant: str | None,
    address: str,
    name: str,
    roles: Sequence[str],
    password: str,
) -> "Operator":
    """Return a new operator of the tenant, or without one of the deployment.

    Raises NotDone, and what opening the services raises; so do the others here.
    """

    async def work(services: "Services", plane: "Plane") -> "Operator":
        from guildbank.identity import create_operator

        return _granted(
            await create_operator(services.identity, plane, address, name, roles, password)
        )

    return asyncio.run(_on_plane(settings, tenant, work))


def list_all(settings: Settings, tenant: str | None) -> "list[Operator]":
    """Return the operators of the tenant, or of the deployment."""

    async def work(services: "Services", plane: "Plane") -> "list[Operator]":
        from guildbank.identity import list_operators

        found: list[Operator] = []
        while True:
            after = found[-1].id if found else ""
            page = await list_operators(services.identity, plane, after, PAGE)
            found.extend(page)
            if len(page) < PAGE:
                return found

    return asyncio.run(_on_plane(settings, tenant, work))


def suspend(settings: Settings, tenant: str | None, address: str) -> "Operator":
    """Suspend the operator of an address; all sessions end at once."""

    async def work(services: "Services", plane: "Plane") -> "Operator":
        from guildbank.identity import find_operator, set_operator_state

        identity = services.identity
        found = _granted(await find_operator(identity, plane, address))
        return _granted(await set_operator_state(identity, plane, None, found.id, "suspended"))

    return asyncio.run(_on_plane(settings, tenant, work))


def clear_factors(settings: Settings, tenant: str | None, address: str) -> "Operator":
    """Take the second factors from the operator of an address, who lost them."""

    async def work(services: "Services", plane: "Plane") -> "Operator":
        from guildbank.identity import clear_operator_factors, find_operator

        identity = services.identity
        found = _granted(await find_operator(identity, plane, address))
        return _granted(await clear_operator_factors(identity, plane, None, found.id))

    return asyncio.run(_on_plane(settings, tenant, work))


def invite_link(settings: Settings, tenant: str | None, roles: Sequence[str]) -> str:
    """Return the path of a link by which one person becomes an operator within an hour."""

    async def work(services: "Services", plane: "Plane") -> str:
        from guildbank.identity import make_operator_link

        made = _granted(await make_operator_link(services.identity, plane, "by_host", roles))
        assert made is not None, "only the first owner's link may be none"
        return made

    return asyncio.run(_on_plane(settings, tenant, work))


def first_owner_links(settings: Settings, tenant: str | None) -> dict[str, str]:
    """Return the paths of links for the first owners, by what they own; none where there is one.

    `tenant` is looked at besides the deployment.
    """
    return asyncio.run(_first_owner_links(settings, tenant))


async def _first_owner_links(settings: Settings, tenant: str | None) -> dict[str, str]:
    from guildbank.app.wiring import open_services
    from guildbank.identity import OWNER, make_operator_link

    links: dict[str, str] = {}
    services = open_services(settings, application="guildbank cli")
    try:
        for slug in (None, tenant) if tenant else (None,):
            plane = await _plane(services, slug)
            made = _granted(
                await make_operator_link(services.identity, plane, "first_owner", [OWNER])
            )
            if made is not None:
                links["the deployment" if slug is None else f"tenant {slug}"] = made
    finally:
        await services.close()
    return links


async def _on_plane(
    settings: Settings, tenant: str | None, work: "Callable[[Services, Plane], Awaitable[T]]"
) -> T:
    from guildbank.app.wiring import open_services

    services = open_services(settings, application="guildbank cli")
    try:
        return await work(services, await _plane(services, tenant))
    finally:
        await services.close()


async def _plane(services: "Services", tenant: str | None) -> "Plane":
    found = None if tenant is None else await services.directory.by_slug(tenant)
    if tenant is not None and found is None:
        raise NotDone(f"There is no tenant {tenant!r}.")
    return await services.identity.staff.plane(found)


def _granted(result: "T | Refusal") -> T:
    from guildbank.kernel import Refusal

    if isinstance(result, Refusal):
        field = f" ({result.field})" if result.field else ""
        raise NotDone(f"{result.detail}{field} [{result.code}]")
    return result
