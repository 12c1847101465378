"""What a mail server can do wrong, and what becomes of the mail."""

from datetime import timedelta

import pytest
from tests.notify.post import TOKEN, Post, reset
from tests.servers.smtp import SmtpServer

SCHEDULE_SECONDS = (30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)


async def test_a_mail_that_is_put_off_is_tried_on_schedule_and_given_up_after_the_tenth_try(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    server.refuse_data = "451 4.7.1 come again"
    for tries, seconds in enumerate(SCHEDULE_SECONDS, start=1):
        await post.send(server, tenant)
        row = await post.row(tenant, mail)
        assert (row["state"], row["attempts"]) == ("waiting", tries)
        assert row["next_attempt_at"] - post.clock.now() == timedelta(seconds=seconds)
        post.wait(seconds=seconds - 1)
        await post.send(server, tenant)
        assert server.arrivals == tries
        post.wait(seconds=1)
    await post.send(server, tenant)
    row = await post.row(tenant, mail)
    assert (row["state"], row["sealed"], server.arrivals) == ("failed", None, 10)
    assert row["reason"] == "the server refused the message: 451 4.7.1"


async def test_a_mail_that_was_put_off_arrives_when_the_server_is_well(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    server.refuse_data = "450 busy"
    await post.send(server, tenant)
    server.refuse_data = None
    post.wait(seconds=30)
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "sent"
    assert len(server.messages) == 1


@pytest.mark.parametrize("what", ["recipient", "message"])
async def test_a_permanent_refusal_fails_at_once_and_keeps_no_secret(
    post: Post, server: SmtpServer, what: str
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset("gone@player.test"))
    other = await post.queue(tenant, reset("here@player.test"))
    reply = f"550 5.1.1 <gone@player.test> is unknown, and so is {TOKEN}"
    if what == "recipient":
        server.refuse_recipients["gone@player.test"] = reply
    else:
        server.refuse_data = reply
    await post.send(server, tenant)
    row = await post.row(tenant, mail)
    assert (row["state"], row["sealed"]) == ("failed", None)
    assert row["reason"] == f"the server refused the {what}: 550 5.1.1"
    assert await post.state(tenant, other) == ("sent" if what == "recipient" else "failed")


async def test_a_refused_sender_is_a_wrong_setting_and_loses_no_mail(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mails = [await post.queue(tenant, reset(f"{name}@player.test")) for name in "abc"]
    server.refuse_sender = "553 5.7.1 not yours"
    await post.send(server, tenant)
    for mail in mails:
        row = await post.row(tenant, mail)
        assert (row["state"], row["attempts"]) == ("waiting", 0)
        assert row["reason"] == "the server refused the sender: 553 5.7.1"
    server.refuse_sender = None
    post.wait(minutes=1)
    await post.send(server, tenant)
    assert len(server.messages) == 3


async def test_a_server_that_is_away_for_two_days_costs_a_mail_no_try(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    port, server.port = server.port, 1
    for _ in range(12):
        await post.send(server, tenant)
        post.wait(hours=4)
    row = await post.row(tenant, mail)
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    assert "cannot be reached" in row["reason"]
    server.port = port
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "sent"


async def test_a_connection_that_breaks_in_mid_message_is_tried_again(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset())
    server.hang_up = True
    await post.send(server, tenant)
    row = await post.row(tenant, mail)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "the connection failed" in row["reason"]
    server.hang_up = False
    post.wait(seconds=30)
    await post.send(server, tenant)
    assert await post.state(tenant, mail) == "sent"


async def test_a_mail_that_nobody_can_use_any_more_is_given_up_and_destroyed(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    soon = post.clock.now() + timedelta(hours=1)
    mail = await post.queue(tenant, reset(expires_at=soon))
    server.refuse_data = "451 later"
    for _ in range(4):
        await post.send(server, tenant)
        post.wait(minutes=10)
    server.refuse_data = None
    post.wait(minutes=20)
    await post.send(server, tenant)
    await post.tidy(tenant)
    row = await post.row(tenant, mail)
    assert (row["state"], row["sealed"], server.messages) == ("failed", None, [])
    assert row["reason"] == "expired; the server refused the message: 451"


async def test_what_was_sent_is_remembered_for_thirty_days_so_that_its_key_sends_nothing(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant()
    mail = await post.queue(tenant, reset(key="once"))
    await post.send(server, tenant)
    post.wait(days=29)
    await post.tidy(tenant)
    assert await post.queue(tenant, reset(key="once")) == mail
    post.wait(days=2)
    await post.tidy(tenant)
    assert await post.count(tenant) == 0
