"""Mail leaves by a real mail server: as the tenant looks, once, and its secrets go with it."""

import asyncio
import ssl
from dataclasses import replace

import pytest
from tests.notify.post import SENDER, TOKEN, Post, invitation, reset
from tests.servers.smtp import USER, SmtpServer, smtp_server

from guildbank.notify import Mail
from guildbank.notify.usecases.send import send_due

LOGIN = f"{USER}:pass%20word%2F1@"


async def test_a_live_tenants_player_gets_the_mail_and_its_secret_is_destroyed(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset("Alice@Player.test"))
    await post.send(server, tenant)
    (taken,) = server.messages
    assert (taken.sender, taken.to) == (SENDER, "Alice@player.test")
    assert taken.message["Message-ID"] == f"<{mail}@guildbank.test>"
    assert taken.message["Auto-Submitted"] == "auto-generated"
    link = f"https://play.moonlit.test/reset?token={TOKEN}"
    assert link in taken.part("plain")
    assert link in taken.part("html")
    row = await post.row(tenant, mail)
    assert (row["state"], row["sealed"], row["attempts"]) == ("sent", None, 1)
    await post.send(server, tenant)
    assert len(server.messages) == 1


async def test_a_mail_looks_as_its_tenant_wants(post: Post, server: SmtpServer) -> None:
    tenant = await post.branded(
        from_name="Луна, служба поддержки",
        reply_to="answers@moonlit.test",
        brand_name="Луна",
        brand_color="#aa0011",
        logo_url="https://moonlit.test/logo.png",
        support_address="help@moonlit.test",
        locale="ru",
    )
    await post.queue(tenant, reset())
    await post.queue(tenant, reset("bob@player.test", locale="en-GB"))
    await post.queue(tenant, reset("carl@player.test", locale="de"))
    await post.send(server, tenant)
    mail, bob, carl = (server.to(f"{one}@player.test")[0] for one in ("alice", "bob", "carl"))
    alice = mail.message
    assert alice["Subject"] == "Новый пароль для Луна"
    assert bob.message["Subject"] == "Choose a new password for Луна"
    assert carl.message["Subject"] == alice["Subject"]
    sender = alice["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("Луна, служба поддержки", SENDER)
    assert alice["Reply-To"] == "answers@moonlit.test"
    html = mail.part("html")
    for sight in ("#aa0011", "https://moonlit.test/logo.png", "help@moonlit.test", 'lang="ru"'):
        assert sight in html
    assert "help@moonlit.test" in mail.part("plain")


async def test_a_message_travels_in_ascii_lines_that_any_server_takes(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.branded(brand_name="Луна", locale="ru")
    await post.queue(tenant, reset(values={"link": "/reset?token=" + "x" * 1_900}))
    await post.send(server, tenant)
    raw = server.messages[0].raw
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


async def test_mail_waits_while_there_is_no_server_and_goes_once_there_is(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    await send_due(post.notify, [tenant])
    assert await post.state(tenant, mail) == "waiting"
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "sent"


async def test_operators_mail_of_a_test_tenant_leaves_by_the_server_and_players_never_does(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant("test")
    to_player = await post.queue(tenant, reset())
    to_operator = await post.queue(tenant, invitation())
    await post.send(server, tenant)
    assert [one.to for one in server.messages] == ["olga@studio.test"]
    assert await post.state(tenant, to_player) == "mailbox"
    assert await post.state(tenant, to_operator) == "sent"


async def test_the_deployment_writes_to_its_own_operators(post: Post, server: SmtpServer) -> None:
    mail = await post.queue(None, invitation("root@studio.test"))
    await post.send(server, None)
    (taken,) = server.to("root@studio.test")
    assert taken.message["Subject"] == "You are invited to work on Guildbank"
    assert f"http://127.0.0.1:8080/join?token={TOKEN}" in taken.part("plain")
    assert await post.state(None, mail) == "sent"


@pytest.mark.parametrize(("options", "implicit"), [("tls=starttls", False), ("tls=tls", True)])
async def test_mail_goes_encrypted_and_signed_in(
    post: Post, tls: ssl.SSLContext, options: str, implicit: bool
) -> None:
    tenant = await post.tenant()
    await post.queue(tenant, reset())
    async with smtp_server(tls=tls, implicit=implicit, login=True) as server:
        await send_due(post.by(server, options, LOGIN), [tenant])
        (taken,) = server.messages
        assert (taken.encrypted, taken.user) == (True, USER)


async def test_a_server_that_proves_no_name_is_told_neither_mail_nor_password(
    post: Post, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    async with smtp_server(tls=tls, login=True) as server:
        await send_due(post.by(server, "tls=starttls", LOGIN), [tenant])
        assert server.arrivals == 0
    assert await post.state(tenant, mail) == "waiting"


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    await send_due(post.by(server, "tls=starttls"), [tenant])
    assert server.arrivals == 0
    assert await post.state(tenant, mail) == "waiting"


async def test_a_wrong_password_loses_no_mail_and_is_not_repeated_in_the_reason(
    post: Post, tls: ssl.SSLContext
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    async with smtp_server(tls=tls, login=True) as server:
        await send_due(post.by(server, "tls=starttls", f"{USER}:hunter22@"), [tenant])
        row = await post.row(tenant, mail)
        assert (row["state"], row["attempts"]) == ("waiting", 0)
        assert row["reason"] == "the server refused to sign in: 535 5.7.8"
        post.wait(minutes=1)
        await send_due(post.by(server, "tls=starttls", LOGIN), [tenant])
    assert await post.state(tenant, mail) == "sent"


async def test_mail_with_links_waits_until_a_live_tenant_has_an_address(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant(public_url=None)
    mail = await post.queue(tenant, reset())
    code = Mail(template="identity.sign_in_code", to="alice@player.test", values={"code": "123"})
    plain = await post.queue(tenant, code)
    await post.send(server, tenant)
    assert await post.state(tenant, plain) == "sent"
    row = await post.row(tenant, mail)
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    assert row["reason"] == "the tenant has no public address for links"


async def test_more_mail_than_a_batch_is_sent_on_one_connection(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    for number in range(20):
        await post.queue(tenant, reset(f"player-{number}@player.test"))
    await post.send(server, tenant)
    assert len(server.messages) == len({one.to for one in server.messages}) == 20
    assert server.connections == 1


async def test_two_workers_send_each_mail_once(post: Post, server: SmtpServer) -> None:
    tenant = await post.tenant()
    for number in range(20):
        await post.queue(tenant, reset(f"player-{number}@player.test"))
    notify = post.by(server)
    lanes = [replace(notify) for _ in range(3)]
    await asyncio.gather(*(send_due(lane, [tenant]) for lane in lanes))
    assert len(server.messages) == len({one.to for one in server.messages}) == 20
