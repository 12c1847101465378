"""A mail commits with the fact that it tells of, once for each key, and cannot be read at rest."""

from datetime import timedelta
from typing import get_args

import pytest
from tests.notify.post import TOKEN, Post, reset

from guildbank.kernel import Refusal
from guildbank.notify import Mail, queue_mail, seal_mail
from guildbank.tenancy.contracts import Mode


class Broken(Exception):
    """What a test raises inside a transaction."""


async def test_a_mail_is_there_once_its_transaction_commits_and_not_before(post: Post) -> None:
    tenant = await post.tenant()
    sealed = await post.sealed(tenant, reset())
    async with post.notify.db.begin(tenant.schema) as tx:
        await queue_mail(tx, sealed)
        assert await post.count(tenant) == 0
    assert await post.state(tenant, sealed.id) == "waiting"


async def test_a_fact_that_is_rolled_back_tells_nobody(post: Post) -> None:
    tenant = await post.tenant()
    sealed = await post.sealed(tenant, reset())

    async def fail() -> None:
        async with post.notify.db.begin(tenant.schema) as tx:
            await queue_mail(tx, sealed)
            raise Broken

    with pytest.raises(Broken):
        await fail()
    assert await post.count(tenant) == 0


async def test_of_two_mails_with_one_key_the_first_is_kept(post: Post) -> None:
    tenant = await post.tenant()
    first = await post.queue(tenant, reset(key="reset-1"))
    assert await post.queue(tenant, reset("bob@player.test", key="reset-1")) == first
    assert await post.queue(tenant, reset(key="reset-2")) != first
    assert await post.queue(tenant, reset()) != await post.queue(tenant, reset())
    assert await post.count(tenant) == 4


async def test_neither_address_nor_link_can_be_read_in_the_database(post: Post) -> None:
    for mode in get_args(Mode):
        tenant = await post.tenant(mode)
        mail = await post.queue(tenant, reset("alice@player.test"))
        kept = repr(await post.row(tenant, mail))
        assert TOKEN not in kept
        assert "alice" not in kept


@pytest.mark.parametrize(
    "address",
    [
        "alice@player.test\r\nBcc: everyone@player.test",
        "alice@player.test\nBcc: everyone@player.test",
        "alice@player.test\x00",
        "alice@player.test\u2028",
        "alice@player.test, bob@player.test",
        "Alice <alice@player.test>",
        "alice",
        "alice@localhost",
        "@player.test",
        "a" * 250 + "@player.test",
    ],
)
async def test_what_is_no_address_is_refused_and_nothing_is_kept(post: Post, address: str) -> None:
    tenant = await post.tenant()
    refused = await seal_mail(post.notify, tenant, reset(address), post.clock.now())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("address_invalid", "to")
    assert await post.count(tenant) == 0


@pytest.mark.parametrize("value", ["x\r\nBcc: e@x.test", "x\ny", "x\x1b[2J", "x\u2029", "x\u202ey"])
@pytest.mark.parametrize("mode", ["live", "test"])
async def test_a_line_break_in_a_value_is_refused_by_its_name(
    post: Post, value: str, mode: Mode
) -> None:
    tenant = await post.tenant(mode)
    values = {"device": value, "place": "Oslo", "time": "noon"}
    mail = Mail(template="identity.new_device", to="alice@player.test", values=values)
    refused = await seal_mail(post.notify, tenant, mail, post.clock.now())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("control_character", "values.device")
    assert await post.count(tenant) == 0


async def test_a_value_that_is_too_long_is_refused(post: Post) -> None:
    tenant = await post.tenant()
    mail = reset(values={"link": "/reset?token=" + "x" * 2_000})
    refused = await seal_mail(post.notify, tenant, mail, post.clock.now())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("out_of_range", "values.link")


async def test_what_only_a_defect_can_send_is_raised_and_not_refused(post: Post) -> None:
    tenant, now = await post.tenant(), post.clock.now()
    with pytest.raises(LookupError, match="no room declares"):
        await seal_mail(post.notify, tenant, Mail(template="x.y", to="a@b.test", values={}), now)
    for values in ({}, {"link": "/x", "more": "y"}):
        with pytest.raises(ValueError, match="reset_password takes"):
            await seal_mail(post.notify, tenant, reset(values=values), now)
    with pytest.raises(ValueError, match="key"):
        await seal_mail(post.notify, tenant, reset(key=""), now)
    with pytest.raises(ValueError, match="no players"):
        await seal_mail(post.notify, None, reset(), now)


async def test_a_mail_is_given_up_when_its_sender_says_but_never_after_three_days(
    post: Post,
) -> None:
    tenant, now = await post.tenant(), post.clock.now()
    for wanted, kept in (
        (None, timedelta(days=3)),
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(days=9), timedelta(days=3)),
    ):
        mail = reset(expires_at=None if wanted is None else now + wanted)
        assert (await post.sealed(tenant, mail)).expires_at == now + kept
