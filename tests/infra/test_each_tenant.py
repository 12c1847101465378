"""A job does its work for every tenant, whatever becomes of one of them."""

import asyncio
from typing import Literal

import structlog

from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef


def tenant(slug: str, state: Literal["active", "suspended"] = "active") -> TenantRef:
    return TenantRef(id=f"ten_{slug}", slug=slug, schema=f"t_{slug}", mode="live", state=state)


TENANTS = (tenant("one"), tenant("broken"), tenant("asleep", "suspended"), tenant("last"))


async def test_the_trouble_of_one_tenant_is_logged_and_stops_no_other() -> None:
    served: list[str] = []

    async def work(one: TenantRef) -> None:
        if one.slug == "broken":
            raise OSError("no disk")
        served.append(one.slug)

    with structlog.testing.capture_logs() as lines:
        await each_tenant(TENANTS, work, "nothing_done")
    assert served == ["one", "last"]
    told = [(line["event"], line["tenant"], line["error"]) for line in lines]
    assert told == [("nothing_done", "broken", "OSError('no disk')")]


async def test_suspended_tenants_are_served_where_their_journal_needs_it() -> None:
    served: list[str] = []

    async def work(one: TenantRef) -> None:
        served.append(one.slug)

    await each_tenant(TENANTS, work, "nothing_done", suspended=True)
    assert served == ["one", "broken", "asleep", "last"]


async def test_tenants_that_are_served_at_once_wait_for_none_that_is_slow() -> None:
    last_is_served = asyncio.Event()
    served: list[str] = []

    async def work(one: TenantRef) -> None:
        if one.slug == "one":
            await last_is_served.wait()
        if one.slug == "broken":
            raise OSError("no disk")
        served.append(one.slug)
        if one.slug == "last":
            last_is_served.set()

    with structlog.testing.capture_logs() as lines:
        await each_tenant(TENANTS, work, "nothing_done", at_once=2)
    assert served == ["last", "one"]
    assert [line["tenant"] for line in lines] == ["broken"]
