"""Mailed links lead to the tenant's configured address, whatever a request or a caller says."""

import pytest
from tests.notify.post import TOKEN, Post, reset
from tests.servers.smtp import SmtpServer

from guildbank.kernel import Refusal
from guildbank.notify import list_mailbox, seal_mail
from guildbank.tenancy import TenantRef, change_tenant
from guildbank.tenancy.contracts import TenantSettings


async def links(post: Post, tenant: TenantRef) -> list[str]:
    """Return the links of the mailbox's newest message."""
    found = await list_mailbox(post.notify, tenant, None, 1)
    assert not isinstance(found, Refusal)
    return list(found[0].message.links)


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/reset",
        "//evil.test/reset",
        "/\\evil.test/reset",
        "reset",
        "",
        "@evil.test/",
        ".evil.test/",
        "javascript:alert(1)",
        "/reset token",
        "/сброс",
    ],
)
async def test_no_caller_can_name_a_host(post: Post, path: str) -> None:
    tenant = await post.tenant("test")
    mail = reset(values={"link": path})
    refused = await seal_mail(post.notify, tenant, mail, post.clock.now())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_value", "values.link")
    assert await post.count(tenant) == 0


async def test_a_test_tenants_links_begin_with_its_own_address_or_the_deployments(
    post: Post,
) -> None:
    for own, base in (
        ("https://play.moonlit.test/portal", "https://play.moonlit.test/portal"),
        ("http://localhost:3000", "http://localhost:3000"),
        (None, "http://127.0.0.1:8080"),
    ):
        tenant = await post.tenant("test", public_url=own)
        await post.queue(tenant, reset())
        assert await links(post, tenant) == [f"{base}/reset?token={TOKEN}"]


async def test_a_live_tenants_waiting_mail_takes_the_address_that_is_set_later(
    post: Post, server: SmtpServer
) -> None:
    tenant = await post.tenant(public_url=None)
    await post.queue(tenant, reset())
    await post.send(server, tenant)
    assert server.messages == []

    def address(_before: TenantSettings) -> TenantSettings:
        return TenantSettings(public_url="https://late.moonlit.test")

    changed = await change_tenant(post.city.services.tenancy, tenant.slug, address)
    assert not isinstance(changed, Refusal)
    post.wait(minutes=1)
    await post.send(server, tenant)
    link = f"https://late.moonlit.test/reset?token={TOKEN}"
    assert link in server.messages[0].part("plain")
