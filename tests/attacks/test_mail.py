"""Mail cannot be turned against its readers: not by its head, its links or its secrets."""

import dataclasses
import io
import re

import pytest
from tests.attacks.estate import MAILED
from tests.attacks.test_logs import written  # noqa: F401 - a fixture
from tests.servers.smtp import smtp_server
from tests.studio import City, Studio, done, refused

from guildbank.infra.smtp import parse_smtp_url
from guildbank.kernel import Refusal
from guildbank.notify import Mail, Notify, queue_mail, seal_mail
from guildbank.notify.usecases.send import send_due
from guildbank.tenancy import TenantRef, TenantSettings, change_tenant, create_tenant

SENDER = "bank@guildbank.test"


async def queue(notify: Notify, tenant: TenantRef, mail: Mail) -> None:
    sealed = await seal_mail(notify, tenant, mail, notify.clock.now())
    assert not isinstance(sealed, Refusal)
    async with notify.db.begin(tenant.schema) as tx:
        await queue_mail(tx, sealed)


async def test_a_forged_host_header_leads_no_reader_elsewhere(
    castle: Studio, victim: object
) -> None:
    headers = {
        "host": "evil.test",
        "x-forwarded-host": "evil.test",
        "forwarded": "host=evil.test",
        "x-original-url": "https://evil.test/",
    }
    listed = done(await castle.http.get("/v1/mailbox", headers=headers))
    assert listed["items"]
    for one in listed["items"]:
        assert one["links"] == [f"http://127.0.0.1:8080/reset?token={MAILED}"]
        assert "evil.test" not in one["text"] + one["html"]


@pytest.mark.parametrize("line", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x0b"])
async def test_no_name_smuggles_a_header_into_mail(city: City, line: str) -> None:
    injected = f"Luna{line}Bcc: everyone@player.test"
    async with city.client(await city.key(None)) as operator:
        for body, field in (
            ({"name": injected}, "name"),
            ({"settings": {"mail": {"fromName": injected}}}, "settings.mail.fromName"),
            ({"settings": {"mail": {"brandName": injected}}}, "settings.mail.brandName"),
            ({"settings": {"mail": {"replyTo": f"a@b.test{line}x"}}}, "settings.mail.replyTo"),
        ):
            answer = await operator.patch("/v1/tenants/castle", json=body)
            assert answer.status_code == 422, (body, answer.text)
            assert answer.json()["field"] == field
            made = await operator.post(
                "/v1/tenants", json={"slug": "smuggler", "name": "x", **body}
            )
            assert made.status_code == 422, (body, made.text)
        assert refused(await operator.get("/v1/tenants/smuggler")) == (404, "not_found")


async def test_what_a_player_calls_a_device_adds_no_header_and_no_reader(city: City) -> None:
    made = await create_tenant(city.services.tenancy, "headers", "Headers", "live")
    assert not isinstance(made, Refusal)
    device = "Bcc: everyone@player.test, =?utf-8?q?=0D=0ABcc:_x@y.test?= <script>"
    values = {"device": device, "place": "<everyone@player.test>", "time": "now"}
    mail = Mail(template="identity.new_device", to="hero@player.test", values=values)
    await queue(city.services.notify, made.ref, mail)
    async with smtp_server() as server:
        smtp = parse_smtp_url(server.url("tls=none"))
        notify = dataclasses.replace(city.services.notify, smtp=smtp, sender=SENDER)
        await send_due(notify, [made.ref])
    (taken,) = server.messages
    assert taken.to == "hero@player.test"
    assert taken.message["Bcc"] is None
    assert {name.lower() for name in taken.message} == {
        "message-id", "date", "from", "to", "subject", "auto-submitted", "mime-version",
        "content-type",
    }  # fmt: skip
    assert "<script" not in taken.part("html")


async def test_neither_a_mailed_secret_nor_the_servers_password_is_logged(
    city: City,
    castle: Studio,
    victim: object,
    written: io.StringIO,  # noqa: F811
) -> None:
    made = await create_tenant(
        city.services.tenancy,
        "quiet",
        "Quiet",
        "live",
        TenantSettings(public_url="https://quiet.test"),
    )
    assert not isinstance(made, Refusal)
    secret = "s3cretT0ken"
    async with smtp_server() as server:
        server.refuse_recipients["hero@player.test"] = f"550 5.1.1 <hero@player.test> {secret}"
        smtp = parse_smtp_url(server.url("tls=none", "bank:hunter22@"))
        right = parse_smtp_url(server.url("tls=none"))
        for given in (smtp, right):
            notify = dataclasses.replace(city.services.notify, smtp=given, sender=SENDER)
            for to in ("hero@player.test", "other@player.test"):
                link = {"link": f"/reset?token={secret}"}
                mail = Mail(template="identity.reset_password", to=to, values=link)
                await queue(notify, made.ref, mail)
            await send_due(notify, [made.ref])
    done(await castle.http.get("/v1/mailbox"))
    text = written.getvalue()
    assert "mail_server_away" in text
    assert "the server refused the recipient: 550 5.1.1" in text
    assert not re.findall(rf"{secret}|{MAILED}|hunter22|@player\.test", text)


async def test_a_tenants_mail_cannot_be_opened_as_anothers(
    city: City, castle: Studio, intruder: Studio, victim: object
) -> None:
    """A row that is carried into another tenant's schema stays closed there."""
    row = (await castle.sql("SELECT * FROM notify_mail WHERE state = 'mailbox' LIMIT 1"))[0]
    columns = ", ".join(row.keys())
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    async with city.services.db.begin(intruder.ref.schema) as tx:
        await tx.driver.execute(f"INSERT INTO notify_mail ({columns}) VALUES ({places})", *row)
    try:
        answer = await intruder.http.get(f"/v1/mailbox/{row['id']}")
        assert answer.status_code == 500
        assert MAILED not in answer.text
    finally:
        async with city.services.db.begin(intruder.ref.schema) as tx:
            await tx.driver.execute("DELETE FROM notify_mail WHERE id = $1", row["id"])


async def test_a_live_tenant_never_gets_a_mailbox_by_its_settings(city: City) -> None:
    made = await create_tenant(city.services.tenancy, "always-live", "x", "live")
    assert not isinstance(made, Refusal)
    async with city.client(await city.key(None)) as operator:
        for body in ({"mode": "test"}, {"settings": {"mode": "test"}}):
            answer = await operator.patch("/v1/tenants/always-live", json=body)
            assert refused(answer) == (422, "unknown_field")
    kept = await change_tenant(city.services.tenancy, "always-live", lambda before: before)
    assert not isinstance(kept, Refusal)
    assert kept.ref.mode == "live"
