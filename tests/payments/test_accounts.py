"""Who changed where the money goes stands in the journal for ever, and no secret does."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.web import Web

from guildbank.journal import read_entries, verify_journal
from guildbank.kernel import Refusal
from guildbank.ledger import CHAINED_TRANSFERS
from guildbank.payments.usecases.accounts import ProviderView, line_to
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import Plugins
from guildbank.tenancy import suspend_tenant

KIND = "payments.provider_configured"


async def configure(shop: Shop, /, enabled: bool = True, **settings: Any) -> ProviderView | Refusal:
    return await configure_provider(
        shop.payments, shop.tenant, "scripted", settings, enabled=enabled, principal="app_cfo"
    )


async def changes(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    """Return who changed an account, and the facts, since the shop was opened."""
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        entries = await read_entries(tx.driver, 0, 100)
    found = [(one.principal, msgspec.json.decode(one.data)) for one in entries if one.kind == KIND]
    assert found[0] == ("system", facts(secrets_set=["secret"]))
    return found[1:]


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "provider": "scripted", "version": MANIFEST.version, "enabled": True, "settings": {},
        "secrets_set": [], "secrets_kept": [], **changed,
    }  # fmt: skip


async def secrets(shop: Shop) -> dict[str, Any]:
    """Return the settings with which the provider is called."""
    line = await line_to(shop.payments, shop.tenant, "scripted")
    assert not isinstance(line, Refusal)
    return dict(line.context.settings)


async def test_a_change_is_an_entry_with_its_principal_and_facts(shop: Shop):
    await configure(shop, shop="a")
    await configure(shop, shop="a", secret="another-secret")
    await configure(shop, enabled=False, shop="a")
    assert await changes(shop) == [
        ("app_cfo", facts(settings={"shop": "a"}, secrets_kept=["secret"])),
        ("app_cfo", facts(settings={"shop": "a"}, secrets_set=["secret"])),
        ("app_cfo", facts(settings={"shop": "a"}, secrets_kept=["secret"], enabled=False)),
    ]
    assert await secrets(shop) == {"shop": "a", "secret": "another-secret"}


async def test_the_same_settings_again_write_nothing_new(shop: Shop):
    first = await configure(shop, shop="a", secret="another-secret")
    again = await configure(shop, shop="a", secret="another-secret")
    left_out = await configure(shop, shop="a")
    assert not isinstance(first, Refusal)
    assert first == again == left_out
    assert len(await changes(shop)) == 1


async def test_no_secret_is_anywhere_in_the_journal_and_the_journal_verifies(shop: Shop):
    await configure(shop, shop="corner-shop", secret="another-secret")
    db, schema = shop.house.db, shop.tenant.schema
    async with db.begin(schema, read_only=True) as tx:
        tables = await tx.driver.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace "
            "AND relkind = 'r' AND relname LIKE 'journal_%'",
            schema,
        )
        rows = [
            row[0]
            for (table,) in tables
            for row in await tx.driver.fetch(f'SELECT t::text FROM "{table}" AS t')
        ]
    written = "\n".join(rows)
    for secret in (SECRET, "another-secret"):
        # PostgreSQL shows bytes in hex.
        assert secret not in written
        assert secret.encode().hex() not in written
    for told in (KIND, "corner-shop"):
        assert told in written or told.encode().hex() in written
    verified = await verify_journal(db, schema, [CHAINED_TRANSFERS])
    assert verified.damage is None
    assert verified.rows > 0


async def test_a_suspended_tenant_refuses_and_keeps_its_settings(house: House):
    shop = await open_shop(house)
    await suspend_tenant(house.tenancy, shop.tenant.slug)
    # As another process sees the tenant whose memory is a moment old.
    assert shop.tenant.state == "active"
    refused = await configure(shop, secret="another-secret")
    assert isinstance(refused, Refusal)
    assert refused.code == "tenant_suspended"
    assert await changes(shop) == []
    assert await secrets(shop) == {"secret": SECRET}


async def test_changes_at_the_same_time_lose_no_secret(shop: Shop):
    """One sets a secret while others set the shop's name; each sees what came before it."""
    await asyncio.gather(
        configure(shop, shop="a", secret="another-secret"),
        *(configure(shop, shop=f"shop {number}") for number in range(10)),
    )
    assert (await secrets(shop))["secret"] == "another-secret"
    assert len(await changes(shop)) == 11


@pytest.mark.parametrize("settings", [{"shop": 5}, {"colour": "red"}, {"shop": "x" * 20_000}])
async def test_settings_that_are_refused_leave_no_entry(shop: Shop, settings: dict[str, Any]):
    refused = await configure(shop, **settings)
    assert isinstance(refused, Refusal)
    assert refused.code == "invalid_settings"
    assert await changes(shop) == []


async def test_what_a_newer_plugin_does_not_call_a_secret_stays_one(shop: Shop):
    schema = {**MANIFEST.settings_schema, "required": []}
    newer = msgspec.structs.replace(
        MANIFEST, version="2", secret_fields=frozenset(), settings_schema=schema
    )

    class Newer(Scripted):
        @property
        def manifest(self) -> Manifest:
            return newer

    shop.payments.plugins = Plugins([("scripted", Newer())])
    await configure(shop, shop="a")
    ((_, told),) = await changes(shop)
    assert told == facts(version="2", settings={"shop": "a"})
    assert await secrets(shop) == {"shop": "a"}


async def test_a_change_shows_among_the_events_as_the_deed_of_the_application(shop: Shop):
    web = Web(shop)
    async with await web.machine() as server:
        body = {"settings": {"shop": "a", "secret": "another-secret"}}
        saved = await server.put("/v1/providers/scripted", json=body)
        assert saved.status_code == 200, saved.text
        events = await server.get("/v1/events", params={"limit": 200})
        assert events.status_code == 200, events.text
        (event,) = [one for one in events.json()["items"] if one["kind"] == KIND][1:]
        key = (await server.get("/v1/keys")).json()["items"][-1]
    assert event["data"] == facts(settings={"shop": "a"}, secrets_set=["secret"])
    assert event["principal"] == key["application"]
    assert event["at"] == saved.json()["changedAt"]
    assert "another-secret" not in events.text


async def test_a_live_tenant_has_no_setting_that_is_for_test_tenants_only(house: House):
    only = frozenset({"shop"})
    manifest = msgspec.structs.replace(MANIFEST, id="led", sandbox=False, test_only_settings=only)

    class Led(Scripted):
        @property
        def manifest(self) -> Manifest:
            return manifest

    shop = await open_shop(house, plugins=(("led", Led()),))
    live = msgspec.structs.replace(shop.tenant, mode="live")
    elsewhere = {"shop": "a", "secret": SECRET}
    refused = await configure_provider(shop.payments, live, "led", elsewhere, enabled=True)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_settings", "settings.shop")
    assert isinstance(await line_to(shop.payments, live, "led"), Refusal)
    for tenant, settings in ((live, {"secret": SECRET}), (shop.tenant, elsewhere)):
        made = await configure_provider(shop.payments, tenant, "led", settings, enabled=True)
        assert isinstance(made, ProviderView), made
