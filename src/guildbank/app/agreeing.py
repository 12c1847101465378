"""Decides on approvals for whoever holds the host: the second person where one works alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from guildbank.infra.acting import HOST
from guildbank.infra.config import Settings

if TYPE_CHECKING:
    from guildbank.app.wiring import Services
    from guildbank.approvals import Approval, Shown, State
    from guildbank.infra.tenant import TenantRef
    from guildbank.kernel import Refusal

T = TypeVar("T")
PAGE = 200


class NotDone(Exception):
    """What was asked for was refused; the message says why."""


def list_all(settings: Settings, tenant: str | None, state: "State | None") -> "list[Shown]":
    """Return approvals of the tenant, or without one of the deployment, newest first.

    Raises NotDone, and what opening the services raises; so do the others here.
    """

    async def work(services: "Services", plane: "TenantRef | None") -> "list[Shown]":
        from guildbank.approvals import list_approvals

        found: list[Shown] = []
        while True:
            before = found[-1].approval.id if found else ""
            page = await list_approvals(services.four_eyes, plane, before, state, PAGE)
            found.extend(page)
            if len(page) < PAGE:
                return found

    return asyncio.run(_on_plane(settings, tenant, work))


def show(settings: Settings, tenant: str | None, approval_id: str) -> "Shown":
    """Return one approval with its command."""

    async def work(services: "Services", plane: "TenantRef | None") -> "Shown":
        from guildbank.approvals import get_approval

        return _granted(await get_approval(services.four_eyes, plane, approval_id))

    return asyncio.run(_on_plane(settings, tenant, work))


def approve(
    settings: Settings, tenant: str | None, approval_id: str, note: str | None
) -> "Approval":
    """Do what was asked for, as its second person."""

    async def work(services: "Services", plane: "TenantRef | None") -> "Approval":
        from guildbank.approvals import approve as agree

        return _granted(await agree(services.four_eyes, services, plane, HOST, approval_id, note))

    return asyncio.run(_on_plane(settings, tenant, work))


def reject(settings: Settings, tenant: str | None, approval_id: str, reason: str) -> "Approval":
    """Say no, and why."""

    async def work(services: "Services", plane: "TenantRef | None") -> "Approval":
        from guildbank.approvals import reject as refuse

        return _granted(await refuse(services.four_eyes, plane, HOST, approval_id, reason))

    return asyncio.run(_on_plane(settings, tenant, work))


async def _on_plane(
    settings: Settings,
    tenant: str | None,
    work: "Callable[[Services, TenantRef | None], Awaitable[T]]",
) -> T:
    from guildbank.app.wiring import open_services

    services = open_services(settings, application="guildbank cli")
    try:
        found = None if tenant is None else await services.directory.by_slug(tenant)
        if tenant is not None and found is None:
            raise NotDone(f"There is no tenant {tenant!r}.")
        return await work(services, found)
    finally:
        await services.close()


def _granted(result: "T | Refusal") -> T:
    from guildbank.kernel import Refusal

    if isinstance(result, Refusal):
        raise NotDone(f"{result.detail} [{result.code}]")
    return result
