"""A tenant's name and settings are changed later, checked like new ones, and who did it is kept."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.house import House

from guildbank.journal import verify_journal
from guildbank.kernel import Refusal
from guildbank.tenancy import (
    MailSettings,
    TenantRef,
    TenantSettings,
    change_tenant,
    create_tenant,
    suspend_tenant,
)

DEFAULTS: dict[str, Any] = {
    "spentCoins": "refuse",
    "defaultCurrency": None,
    "publicUrl": None,
    "mail": {
        "fromName": None,
        "replyTo": None,
        "brandName": None,
        "brandColor": "#2f4858",
        "logoUrl": None,
        "supportAddress": None,
        "locale": "en",
    },
    "corsOrigins": [],
    "secondFactor": "optional",
    "secondFactorActions": [],
    "erasureWaitDays": 14,
    "exchangesKeptDays": 90,
    "reconcileHour": 6,
    "payoutCooloffHours": 72,
    "passkeys": None,
}


async def entries(house: House, tenant: TenantRef) -> list[tuple[str, str, dict[str, object]]]:
    """Return kind, principal and facts of the tenant's journal."""
    async with house.db.begin(tenant.schema) as tx:
        rows = await tx.driver.fetch("SELECT kind, principal, data FROM journal_entry ORDER BY seq")
    return [(kind, principal, msgspec.json.decode(data)) for kind, principal, data in rows]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spentCoins", "debt"),
        ("publicUrl", "https://play.moonlit.test"),
        ("corsOrigins", ["https://moonlit.test"]),
        ("secondFactor", "required"),
        ("secondFactorActions", ["payout"]),
        ("erasureWaitDays", 3),
        ("exchangesKeptDays", 0),
        ("reconcileHour", None),
        ("payoutCooloffHours", 1),
    ],
)
async def test_each_setting_changes_by_itself_and_is_named(
    house: House, name: str, value: object
) -> None:
    slug = f"alone-{name.lower()}"
    tenant = await house.tenant(slug)
    async with house.client(house.app(), await house.key(None)) as operator:
        changed = await operator.patch(f"/v1/tenants/{slug}", json={"settings": {name: value}})
        assert changed.status_code == 200, changed.text
        read = (await operator.get(f"/v1/tenants/{slug}")).json()["settings"]
    assert read == {**DEFAULTS, name: value}
    told = [facts for kind, _, facts in await entries(house, tenant) if kind == "tenancy.changed"]
    assert told == [{"changed": [name]}]


async def test_what_is_left_out_stays_and_null_takes_back(house: House) -> None:
    tenant = await house.tenant("changing")
    async with house.client(house.app(), await house.key(None)) as operator:
        path = "/v1/tenants/changing"
        assert (await operator.get(path)).json()["settings"] == DEFAULTS
        mail = {"replyTo": "help@moonlit.test", "brandColor": "#AA0011", "locale": "ru"}
        settings = {"publicUrl": "https://play.moonlit.test", "mail": mail}
        changed = await operator.patch(path, json={"name": "Moonlit", "settings": settings})
        assert changed.status_code == 200, changed.text
        expected = {
            **DEFAULTS,
            "publicUrl": "https://play.moonlit.test",
            "mail": {**DEFAULTS["mail"], **mail},
        }
        assert (changed.json()["name"], changed.json()["settings"]) == ("Moonlit", expected)
        back = {"settings": {"mail": {"replyTo": None, "fromName": "Luna"}}}
        changed = await operator.patch(path, json=back)
        expected["mail"] = {**expected["mail"], "replyTo": None, "fromName": "Luna"}
        assert changed.json()["settings"] == expected
        assert changed.json()["name"] == "Moonlit"
        nothings: list[dict[str, Any]] = [{}, {"settings": {}}, {"settings": {"mail": {}}}]
        for nothing in nothings:
            assert (await operator.patch(path, json=nothing)).json() == changed.json()
        assert (await operator.get(path)).json() == changed.json()
        assert refused(await operator.patch("/v1/tenants/nobody", json={})) == (404, "not_found")
    verified = await verify_journal(house.db, tenant.schema, ())
    assert (verified.damage, verified.seq) == (None, 2)
    told = [facts for kind, _, facts in await entries(house, tenant) if kind == "tenancy.changed"]
    assert told == [
        {"changed": ["name", "publicUrl", "mail.replyTo", "mail.brandColor", "mail.locale"]},
        {"changed": ["mail.fromName", "mail.replyTo"]},
    ]


def refused(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"publicUrl": "http://play.moonlit.test"}, "publicUrl"),
        ({"publicUrl": "https://play.moonlit.test/"}, "publicUrl"),
        ({"publicUrl": "https://play.moonlit.test?x=1"}, "publicUrl"),
        ({"publicUrl": "https://play.moonlit.test#x"}, "publicUrl"),
        ({"publicUrl": "https://moonlit.test@evil.test"}, "publicUrl"),
        ({"publicUrl": "https://moonlit.test\\@evil"}, "publicUrl"),
        ({"publicUrl": "https://moonlit.test\r\nx"}, "publicUrl"),
        ({"publicUrl": "https://moonlit.test:port"}, "publicUrl"),
        ({"publicUrl": "https://"}, "publicUrl"),
        ({"publicUrl": "javascript:alert(1)"}, "publicUrl"),
        ({"publicUrl": "https://x.test/" + "x" * 500}, "publicUrl"),
        ({"mail": {"logoUrl": "http://moonlit.test/logo.png"}}, "mail.logoUrl"),
        ({"mail": {"logoUrl": "data:image/png;base64,xx"}}, "mail.logoUrl"),
        ({"mail": {"replyTo": "help@moonlit.test\r\nBcc: x@y.test"}}, "mail.replyTo"),
        ({"mail": {"replyTo": "nobody"}}, "mail.replyTo"),
        ({"mail": {"supportAddress": "a@b, c@d.test"}}, "mail.supportAddress"),
        ({"mail": {"fromName": "Luna\r\nBcc: x@y.test"}}, "mail.fromName"),
        ({"mail": {"fromName": "Luna\u2028x"}}, "mail.fromName"),
        ({"mail": {"fromName": ""}}, "mail.fromName"),
        ({"mail": {"brandName": "x" * 201}}, "mail.brandName"),
        ({"mail": {"brandColor": "red"}}, "mail.brandColor"),
        ({"mail": {"brandColor": "#00000;"}}, "mail.brandColor"),
        ({"mail": {"brandColor": None}}, "mail.brandColor"),
        ({"mail": {"locale": "de"}}, "mail.locale"),
        ({"mail": {"logo": "x"}}, "mail.logo"),
        ({"mail": None}, "mail"),
        ({"secondFactor": "always"}, "secondFactor"),
        ({"secondFactorActions": ["sleep"]}, "secondFactorActions.0"),
    ],
)
async def test_a_bad_setting_is_named_and_nothing_changes(
    house: House, settings: dict[str, object], field: str
) -> None:
    if not await house.tenancy.tenants.by_slug("watchful"):
        await house.tenant("watchful")
    async with house.client(house.app(), await house.key(None)) as operator:
        before = (await operator.get("/v1/tenants/watchful")).json()
        answer = await operator.patch(
            "/v1/tenants/watchful", json={"name": "Else", "settings": settings}
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == f"settings.{field}"
        assert (await operator.get("/v1/tenants/watchful")).json() == before
        body = {"slug": "careless", "name": "x", "settings": settings}
        answer = await operator.post("/v1/tenants", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == f"settings.{field}"
        assert (await operator.get("/v1/tenants/careless")).status_code == 404


async def test_only_a_test_tenant_may_lead_its_readers_to_this_machine(house: House) -> None:
    for number, url in enumerate(("http://localhost:3000", "http://127.0.0.1:8080/portal")):
        settings = TenantSettings(public_url=url)
        made = await create_tenant(house.tenancy, f"local-{number}", "x", "test", settings)
        assert not isinstance(made, Refusal)
        live = await create_tenant(house.tenancy, f"far-{number}", "x", "live", settings)
        assert isinstance(live, Refusal)
        assert (live.code, live.field) == ("invalid_value", "settings.publicUrl")


async def test_only_the_deployment_changes_tenants(house: House) -> None:
    tenant = await house.tenant("humble")
    async with house.client(house.app(), await house.key(tenant, "keys:write")) as machine:
        answer = await machine.patch("/v1/tenants/humble", json={"name": "Proud"})
        assert refused(answer) == (403, "forbidden")


async def test_a_suspended_tenant_can_be_put_right(house: House) -> None:
    tenant = await house.tenant("halted")
    await suspend_tenant(house.tenancy, "halted")
    changed = await change_tenant(
        house.tenancy, "halted", lambda _: TenantSettings(spent_coins="debt"), principal="app_x"
    )
    assert not isinstance(changed, Refusal)
    assert (changed.settings.spent_coins, changed.ref.state) == ("debt", "suspended")
    assert (await entries(house, tenant))[-1] == (
        "tenancy.changed",
        "app_x",
        {"changed": ["spentCoins"]},
    )


async def test_two_changes_at_once_are_both_kept(house: House) -> None:
    await house.tenant("twice-changed")

    def red(before: TenantSettings) -> TenantSettings:
        mail = msgspec.structs.replace(before.mail, brand_color="#ff0000")
        return msgspec.structs.replace(before, mail=mail)

    def debt(before: TenantSettings) -> TenantSettings:
        return msgspec.structs.replace(before, spent_coins="debt")

    await asyncio.gather(
        *(change_tenant(house.tenancy, "twice-changed", change) for change in (red, debt) * 3)
    )
    changed = await house.tenancy.tenants.by_slug("twice-changed")
    assert changed is not None
    settings = await house.tenancy.tenants.settings(changed.id)
    assert settings == TenantSettings(spent_coins="debt", mail=MailSettings(brand_color="#ff0000"))


async def test_a_tenant_of_before_there_was_mail_has_the_defaults(house: House) -> None:
    tenant = await house.tenant("ancient")
    async with house.db.begin("guildbank") as tx:
        await tx.driver.execute(
            'UPDATE tenancy_tenant SET settings = \'{"spent_coins": "debt"}\' WHERE id = $1',
            tenant.id,
        )
    house.tenancy.tenants.forget(tenant)
    found = await house.tenancy.tenants.settings(tenant.id)
    assert found == TenantSettings(spent_coins="debt")
