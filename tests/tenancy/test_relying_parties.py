"""Whose passkeys a tenant takes is its own: a host that it shares with nobody."""

import asyncio
from dataclasses import replace

import pytest
from tests.house import House

from guildbank.app.wiring import own_hosts
from guildbank.infra.config import Settings
from guildbank.kernel import Refusal
from guildbank.tenancy import (
    PasskeySettings,
    TenantSettings,
    change_tenant,
    create_tenant,
    delete_tenant,
)


def of(rp_id: str, *origins: str) -> TenantSettings:
    party = PasskeySettings(rp_id=rp_id, origins=origins or (f"https://{rp_id}",))
    return TenantSettings(passkeys=party)


async def choose(house: House, slug: str, rp_id: str, *origins: str) -> str | None:
    """Let a tenant take passkeys of the host; return the code of a refusal."""
    changed = await change_tenant(house.tenancy, slug, lambda _: of(rp_id, *origins))
    return changed.code if isinstance(changed, Refusal) else None


@pytest.mark.parametrize(
    ("rp_id", "origins", "field"),
    [
        ("127.0.0.1", ["http://127.0.0.1:8080"], "rpId"),
        ("::1", ["http://[::1]:8080"], "rpId"),
        ("0x7f.1", ["https://0x7f.1"], "rpId"),
        ("Play.Ruby.example", ["https://play.ruby.example"], "rpId"),
        ("https://play.ruby.example", ["https://play.ruby.example"], "rpId"),
        ("example", ["https://example"], "rpId"),
        ("play.ruby.example", ["https://ruby.example"], "origins.0"),
        ("play.ruby.example", ["https://notplay.ruby.example"], "origins.0"),
        ("play.ruby.example", ["https://play.ruby.example", "https://evil.example"], "origins.1"),
        ("play.ruby.example", ["http://play.ruby.example"], "origins.0"),
        ("play.ruby.example", ["https://play.ruby.example/"], "origins.0"),
        ("play.ruby.example", ["https://*.ruby.example"], "origins.0"),
        ("play.ruby.example", [], "origins"),
    ],
)
async def test_a_host_or_page_that_no_browser_would_take_is_named(
    house: House, rp_id: str, origins: list[str], field: str
) -> None:
    if await house.tenancy.tenants.by_slug("ruby") is None:
        await house.tenant("ruby")
    async with house.client(house.app(), await house.key(None)) as operator:
        body = {"settings": {"passkeys": {"rpId": rp_id, "origins": origins}}}
        answer = await operator.patch("/v1/tenants/ruby", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == f"settings.passkeys.{field}"
        kept = (await operator.get("/v1/tenants/ruby")).json()["settings"]["passkeys"]
        assert kept is None


async def test_a_tenant_takes_passkeys_of_its_host_and_takes_them_no_more(house: House) -> None:
    await house.tenant("opal")
    party = {"rpId": "opal.example", "origins": ["https://opal.example", "https://a.opal.example"]}
    async with house.client(house.app(), await house.key(None)) as operator:
        for wanted in (party, None):
            body = {"settings": {"passkeys": wanted}}
            answer = await operator.patch("/v1/tenants/opal", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["settings"]["passkeys"] == wanted


async def test_two_tenants_share_no_host_nor_one_within_the_other(house: House) -> None:
    await house.tenant("first-to-choose")
    await house.tenant("late-comer")
    assert await choose(house, "first-to-choose", "play.gold.example") is None
    for taken in ("play.gold.example", "gold.example", "eu.play.gold.example"):
        assert await choose(house, "late-comer", taken) == "rp_id_taken"
        made = await create_tenant(house.tenancy, "never-made", "x", "test", of(taken))
        assert isinstance(made, Refusal)
        assert (made.code, made.field) == ("rp_id_taken", "settings.passkeys.rpId")
    assert await choose(house, "late-comer", "shop.gold.example") is None
    assert (
        await choose(
            house, "first-to-choose", "play.gold.example", "https://play.gold.example:8443"
        )
        is None
    )


async def test_of_many_who_choose_one_host_at_once_one_gets_it(house: House) -> None:
    slugs = [f"racer-{number}" for number in range(5)]
    for slug in slugs:
        await house.tenant(slug)
    # Half of them want the host above it, so that no unique index tells them apart.
    wanted = ("race.example", "play.race.example")
    found = await asyncio.gather(
        *(choose(house, slug, wanted[number % 2]) for number, slug in enumerate(slugs))
    )
    assert sorted(found, key=str) == [None] + ["rp_id_taken"] * 4


async def test_the_host_of_a_deleted_tenant_can_be_chosen_again(house: House) -> None:
    await house.tenant("short-lived")
    await house.tenant("its-heir")
    assert await choose(house, "short-lived", "heirloom.example") is None
    deleted = await delete_tenant(house.tenancy, "short-lived", "short-lived", "test")
    assert not isinstance(deleted, Refusal), deleted
    assert await choose(house, "its-heir", "heirloom.example") is None


async def test_the_deployments_own_host_is_nobodys(house: House) -> None:
    await house.tenant("climber")
    tenancy = replace(house.tenancy, own_hosts=("console.example",))
    for wanted in (of("console.example"), of("play.console.example")):
        changed = await change_tenant(tenancy, "climber", lambda _: wanted)  # noqa: B023
        assert isinstance(changed, Refusal)
        assert changed.code == "rp_id_taken"
    at_home = replace(house.tenancy, own_hosts=("localhost",))
    changed = await change_tenant(at_home, "climber", lambda _: of("localhost"))
    assert isinstance(changed, Refusal)
    assert changed.code == "rp_id_taken"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8080", {"127.0.0.1", "localhost"}),
        ("http://[::1]:8080", {"::1", "localhost"}),
        ("https://bank.example", {"bank.example"}),
        ("https://192.0.2.7", {"192.0.2.7"}),
    ],
)
def test_the_host_of_operators_passkeys_is_the_deployments_own(url: str, own: set[str]) -> None:
    assert set(own_hosts(Settings(url=url))) == own


async def test_names_of_this_machine_are_apart_unless_one_lies_within_the_other(
    house: House,
) -> None:
    for slug in ("near", "nearer"):
        await house.tenant(slug)
    assert await choose(house, "near", "near.localhost", "http://near.localhost:8080") is None
    for taken in ("near.localhost", "shop.near.localhost"):
        assert await choose(house, "nearer", taken, f"http://{taken}") == "rp_id_taken"
    for free in ("nearer.localhost", "localhost"):
        assert await choose(house, "nearer", free, f"http://{free}") is None


async def test_this_machine_is_for_test_tenants(house: House) -> None:
    local = of("demo.localhost", "http://demo.localhost:8080")
    made = await create_tenant(house.tenancy, "local-play", "x", "test", local)
    assert not isinstance(made, Refusal), made
    other = of("other.localhost", "http://other.localhost:8080")
    live = await create_tenant(house.tenancy, "live-play", "x", "live", other)
    assert isinstance(live, Refusal)
    assert (live.code, live.field) == ("invalid_value", "settings.passkeys.rpId")
