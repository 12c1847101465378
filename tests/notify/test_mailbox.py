"""Developers read what a test tenant's players were sent; nobody reads anything else there."""

from datetime import timedelta

from tests.notify.post import TOKEN, Post, invitation, reset
from tests.studio import City, done, refused

from guildbank.kernel import Refusal
from guildbank.notify import list_mailbox
from guildbank.notify.contracts import MAILBOX_MESSAGES


async def test_a_player_who_forgot_the_password_is_helped_without_a_mail_server(
    city: City, post: Post
) -> None:
    studio = await city.studio()
    post.clock.advance(city.services.clock.now() - post.clock.now())
    mail = await post.queue(studio.ref, reset(locale="ru"))
    listed = done(await studio.http.get("/v1/mailbox"))
    assert [one["id"] for one in listed["items"]] == [mail]
    one = listed["items"][0]
    assert (one["to"], one["template"]) == ("alice@player.test", "identity.reset_password")
    assert one["subject"] == f"Новый пароль для {studio.ref.slug.title()}"
    assert one["links"] == [f"http://127.0.0.1:8080/reset?token={TOKEN}"]
    assert one["links"][0] in one["text"]
    assert one["links"][0] in one["html"]
    assert one["sentAt"] == post.clock.now().isoformat().replace("+00:00", "Z")
    assert done(await studio.http.get(f"/v1/mailbox/{mail}")) == one


async def test_messages_are_listed_newest_first_by_pages_and_by_reader(
    city: City, post: Post
) -> None:
    studio = await city.studio()
    post.clock.advance(city.services.clock.now() - post.clock.now())
    mails = [
        await post.queue(studio.ref, reset(f"{name}@player.test"))
        for name in ("ann", "bob", "ann", "cid", "ann")
    ]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = done(await studio.http.get("/v1/mailbox", params={"limit": "2", **after}))
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == mails[::-1]
    anns = done(await studio.http.get("/v1/mailbox", params={"to": "Ann@PLAYER.test"}))
    assert [one["id"] for one in anns["items"]] == [mails[4], mails[2], mails[0]]
    nobody = done(await studio.http.get("/v1/mailbox", params={"to": "eve@player.test"}))
    assert nobody["items"] == []
    for wrong in ("eve", "a@b.test\nBcc: c@d.test"):
        answer = await studio.http.get("/v1/mailbox", params={"to": wrong})
        assert answer.status_code == 422
        assert answer.json()["field"] == "to"


async def test_the_mailbox_needs_its_scope(city: City, post: Post) -> None:
    studio = await city.studio()
    mail = await post.queue(studio.ref, reset())
    async with city.client(await city.key(studio.ref, "players:read")) as other:
        for path in ("/v1/mailbox", f"/v1/mailbox/{mail}"):
            assert refused(await other.get(path)) == (403, "forbidden")
    async with city.client() as stranger:
        assert refused(await stranger.get("/v1/mailbox")) == (401, "unauthorized")


async def test_operators_mail_never_shows(city: City, post: Post) -> None:
    studio = await city.studio()
    mail = await post.queue(studio.ref, invitation())
    assert done(await studio.http.get("/v1/mailbox"))["items"] == []
    answer = await studio.http.get("/v1/mailbox", params={"to": "olga@studio.test"})
    assert done(answer)["items"] == []
    assert refused(await studio.http.get(f"/v1/mailbox/{mail}")) == (404, "not_found")


async def test_a_live_tenant_has_no_mailbox(city: City, post: Post) -> None:
    tenant = await post.tenant("live")
    mail = await post.queue(tenant, reset())
    async with city.client(await city.key(tenant, "mailbox:read")) as machine:
        for path in ("/v1/mailbox", f"/v1/mailbox/{mail}"):
            assert refused(await machine.get(path)) == (404, "not_found")


async def test_a_message_is_kept_for_seven_days(post: Post) -> None:
    tenant = await post.tenant("test")
    await post.queue(tenant, reset())
    post.wait(days=7)
    found = await list_mailbox(post.notify, tenant, None, 10)
    assert not isinstance(found, Refusal)
    assert len(found) == 1
    post.wait(seconds=1)
    assert await list_mailbox(post.notify, tenant, None, 10) == []
    assert await post.count(tenant) == 1
    await post.tidy(tenant)
    assert await post.count(tenant) == 0


async def test_the_newest_thousand_are_kept(post: Post) -> None:
    tenant = await post.tenant("test")
    first = await post.queue(tenant, reset("first@player.test"))
    async with post.notify.db.begin(tenant.schema) as tx:
        await tx.driver.execute(
            "INSERT INTO notify_mail (id, template, audience, state, to_hash, sealed, attempts, "
            "queued_at, next_attempt_at, expires_at) "
            "SELECT id || '-' || lpad(n::text, 4, '0'), template, audience, state, to_hash, "
            "sealed, attempts, queued_at, next_attempt_at, expires_at "
            "FROM notify_mail, generate_series(1, $1) AS n",
            MAILBOX_MESSAGES,
        )
    await post.tidy(tenant)
    assert await post.count(tenant) == MAILBOX_MESSAGES
    async with post.notify.db.begin(tenant.schema) as tx:
        left = await tx.driver.fetchval("SELECT count(*) FROM notify_mail WHERE id = $1", first)
    assert left == 0


async def test_a_message_says_when_it_was_queued_to_the_second(post: Post) -> None:
    tenant, at = await post.tenant("test"), post.clock.now()
    await post.queue(tenant, reset())
    post.clock.advance(timedelta(hours=3))
    found = await list_mailbox(post.notify, tenant, None, 1)
    assert not isinstance(found, Refusal)
    assert found[0].sent_at == at
