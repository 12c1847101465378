"""The studio's own server is asked before players come in, and without its yes nobody does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.house import House
from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page, page

from guildbank.identity import Identity, Player, PlayerToken, add_player, mint_player_token
from guildbank.identity.contracts.hooks import Point
from guildbank.identity.contracts.players import Account
from guildbank.identity.contracts.sign_in import Tokens
from guildbank.identity.usecases.hooks.keep import Wanted, set_hook, try_hook
from guildbank.identity.usecases.players.register import Registration, register
from guildbank.identity.usecases.sign_in.finish import Welcome
from guildbank.identity.usecases.sign_in.keep_session import refresh
from guildbank.identity.usecases.sign_in.log_in import Credentials, log_in
from guildbank.infra.egress import Egress
from guildbank.infra.http import UNKNOWN_ADDRESS
from guildbank.kernel import Refusal, SystemClock
from guildbank.tenancy import TenantRef

PASSWORD = "three lamps sing at dawn"
NUMBERS = iter(range(1_000))


@pytest.fixture
async def home(house: House) -> TenantRef:
    return await house.tenant(f"hooks-{next(NUMBERS)}")


@pytest.fixture
async def worker(house: House) -> AsyncIterator[Identity]:
    """A worker that may call servers of this machine, at the time that their clocks show."""
    worker = house.another(clock=SystemClock(), egress=Egress(private=True))
    yield worker
    await worker.close()


@pytest.fixture
async def studio() -> AsyncIterator[Impostor]:
    async with Impostor() as server:
        yield server


async def hooked(
    worker: Identity, home: TenantRef, studio: Impostor, point: Point, **more: Any
) -> str:
    """Set the hook and return its secret."""
    how = {"timeout_ms": 3000, "enabled": True, "new_secret": False, **more}
    done = await set_hook(worker, home, "app_1", point, Wanted(url=f"{studio.url}/hook", **how))
    assert not isinstance(done, Refusal), done
    return done[1] or ""


def says(**answer: object) -> Callable[[Asked], bytes]:
    return lambda _: json_page(200, answer)


async def sign_up(worker: Identity, home: TenantRef, name: str) -> Account | Refusal:
    return await register(worker, home, Registration(password=PASSWORD, username=name))


async def sign_in(worker: Identity, home: TenantRef, name: str) -> Welcome | Refusal:
    wanted = Credentials(handle=name, password=PASSWORD, address=UNKNOWN_ADDRESS, device="Moonlit")
    return await log_in(worker, home, wanted)


async def tokens(worker: Identity, home: TenantRef, name: str) -> Tokens:
    welcome = await sign_in(worker, home, name)
    assert isinstance(welcome, Welcome), welcome
    return welcome.tokens


def ext(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).get("ext")


async def test_the_question_is_signed_so_that_the_official_library_believes_it(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    secret = await hooked(worker, home, studio, "before_register")
    studio.on("/hook", says(allow=True))
    assert isinstance(await sign_up(worker, home, "alice"), Account)
    (asked,) = studio.asked
    said = Webhook(secret).verify(asked.body, asked.headers)
    assert said["type"] == "before_register"
    assert said["data"]["username"] == "alice"
    assert said["data"]["tenant"] == home.slug
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(asked.body.replace(b"alice", b"mallo"), asked.headers)
    assert PASSWORD.encode() not in asked.body


async def test_a_no_keeps_a_player_from_registering_with_the_studios_reason(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_register")
    studio.on("/hook", says(allow=False, reason="Beta is full.\u0007"))
    refused = await sign_up(worker, home, "bob")
    assert refused == Refusal(code="hook_refused", detail="Beta is full.")
    studio.on("/hook", says(allow=True))
    assert isinstance(await sign_up(worker, home, "bob"), Account)


async def test_claims_get_into_every_token_under_a_name_of_their_own(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await sign_up(worker, home, "carol")
    await hooked(worker, home, studio, "before_login")
    await hooked(worker, home, studio, "before_token")

    def server(asked: Asked) -> bytes:
        said = json.loads(asked.body)
        if said["type"] == "before_login":
            return json_page(200, {"allow": True, "claims": {"sub": "player_evil", "door": 1}})
        return json_page(200, {"allow": True, "claims": {"why": said["data"]["reason"]}})

    studio.on("/hook", server)
    first = await tokens(worker, home, "carol")
    assert ext(first.token) == {"sub": "player_evil", "door": 1, "why": "sign_in"}
    claims = await worker.tokens.read(first.token)
    assert claims is not None
    assert getattr(claims, "player_id", None) == first.player_id
    second = await refresh(worker, home, first.refresh_token)
    assert isinstance(second, Tokens)
    assert ext(second.token) == {"why": "refresh"}
    minted = await mint_player_token(worker, home, first.player_id)
    assert isinstance(minted, PlayerToken)
    assert ext(minted.token) == {"why": "game_server"}


async def test_a_no_at_login_and_at_refresh_gives_no_token_and_uses_nothing_up(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await sign_up(worker, home, "dave")
    kept = await tokens(worker, home, "dave")
    await hooked(worker, home, studio, "before_login")
    await hooked(worker, home, studio, "before_token")
    studio.on("/hook", says(allow=False, reason="Banned."))
    for refused in (
        await sign_in(worker, home, "dave"),
        await refresh(worker, home, kept.refresh_token),
        await mint_player_token(worker, home, kept.player_id),
    ):
        assert refused == Refusal(code="hook_refused", detail="Banned.")
    studio.on("/hook", says(allow=True))
    assert isinstance(await refresh(worker, home, kept.refresh_token), Tokens)


BAD_ANSWERS = {
    "an error": page(500, b"{}"),
    "a redirect": page(302, b"", "location: http://127.0.0.1/"),
    "no JSON": page(200, b"yes"),
    "no verdict": json_page(200, {}),
    "a word for a verdict": json_page(200, {"allow": "true"}),
    "a number for a verdict": json_page(200, {"allow": 1}),
    "claims that nest": json_page(200, {"allow": True, "claims": {"a": {"b": 1}}}),
    "too many claims": json_page(200, {"allow": True, "claims": {f"c{n}": n for n in range(21)}}),
    "too large claims": json_page(200, {"allow": True, "claims": {"c": "x" * 1_100}}),
    "a claim with a bad name": json_page(200, {"allow": True, "claims": {"a.b": 1}}),
    "too much": json_page(200, {"allow": True, "junk": "x" * 20_000}),
    "silence": b"",
    "half an answer": b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{",
    "nonsense": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("how", BAD_ANSWERS)
async def test_whatever_is_no_clear_yes_refuses(
    worker: Identity, home: TenantRef, studio: Impostor, how: str
) -> None:
    await hooked(worker, home, studio, "before_register", timeout_ms=300)
    studio.on("/hook", lambda _: BAD_ANSWERS[how])
    refused = await sign_up(worker, home, "erin")
    assert isinstance(refused, Refusal)
    assert refused.code == "hook_unavailable"
    tried = await try_hook(worker, home, "before_register")
    assert not isinstance(tried, Refusal)
    assert tried.problem
    assert not tried.allowed


async def test_a_dead_server_is_left_alone_after_some_failures_and_asked_again_later(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_register")
    studio.on("/hook", lambda _: b"gone\r\n\r\n")
    for number in range(8):
        refused = await sign_up(worker, home, f"frank{number}")
        assert isinstance(refused, Refusal)
        assert refused.code == "hook_unavailable"
    assert len(studio.asked) == 5
    studio.on("/hook", says(allow=True))
    worker.hooks._breakers[home.id, "before_register"]._open_until = 0.0
    assert isinstance(await sign_up(worker, home, "frank"), Account)


async def test_a_server_that_chokes_on_somebodys_words_is_asked_about_all_others(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_register")

    def server(asked: Asked) -> bytes:
        poison = b"poison" in asked.body
        return page(500, b"") if poison else json_page(200, {"allow": True})

    studio.on("/hook", server)
    for number in range(8):
        assert isinstance(await sign_up(worker, home, f"poison{number}"), Refusal)
    assert isinstance(await sign_up(worker, home, "gus"), Account)


async def test_who_gives_up_waiting_keeps_nobody_out(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_token", timeout_ms=3000)
    added = await add_player(worker, home, "app_1", "user-1")
    assert isinstance(added, tuple)
    studio.on("/hook", lambda _: b"")
    for _ in range(8):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mint_player_token(worker, home, added[0].id), 0.3)
    studio.on("/hook", says(allow=True))
    assert isinstance(await mint_player_token(worker, home, added[0].id), PlayerToken)


async def test_a_slow_server_holds_only_so_many_calls_at_once(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_token", timeout_ms=1000)
    added = await add_player(worker, home, "app_1", "user-1")
    assert isinstance(added, tuple)
    player: Player = added[0]
    studio.on("/hook", lambda _: b"")
    answers = await asyncio.gather(
        *(mint_player_token(worker, home, player.id) for _ in range(100))
    )
    assert {getattr(answer, "code", None) for answer in answers} == {"hook_unavailable"}
    assert len(studio.asked) <= 32


async def test_a_hook_that_is_switched_off_asks_nobody_and_keeps_its_secret(
    worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    secret = await hooked(worker, home, studio, "before_register")
    assert await hooked(worker, home, studio, "before_register", enabled=False) == ""
    assert isinstance(await sign_up(worker, home, "grace"), Account)
    assert studio.asked == []
    studio.on("/hook", says(allow=True))
    tried = await try_hook(worker, home, "before_register")
    assert not isinstance(tried, Refusal)
    assert tried.allowed
    asked = studio.asked[0]
    assert Webhook(secret).verify(asked.body, asked.headers)["data"]["test"] is True
    renewed = await hooked(worker, home, studio, "before_register", new_secret=True)
    assert renewed not in ("", secret)


async def test_another_worker_asks_within_a_second(
    house: House, worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    other = house.another(clock=SystemClock(), egress=Egress(private=True))
    assert isinstance(await sign_up(other, home, "heidi"), Account)
    await hooked(worker, home, studio, "before_register")
    studio.on("/hook", says(allow=False))
    await asyncio.sleep(1.1)
    assert isinstance(await sign_up(other, home, "ivan"), Refusal)
    await other.close()


async def test_a_hook_leads_out_by_https_and_to_no_private_network(
    house: House, home: TenantRef
) -> None:
    key = await house.key(home, "hooks:write", "hooks:read")
    async with house.client(house.app(), key) as web:
        for url in ("http://game.example/h", "https://user:pw@game.example/h", "ftp://x.example/"):
            answer = await web.put("/v1/hooks/before_login", json={"url": url})
            assert (answer.status_code, answer.json()["field"]) == (422, "url"), url
        inside = await web.put("/v1/hooks/before_login", json={"url": "https://127.0.0.1:1/h"})
        assert (inside.status_code, inside.json()["field"]) == (422, "url")
        assert "may not be called" in inside.json()["detail"]
        assert (await web.get("/v1/hooks")).json()["items"] == []
        unknown = await web.put("/v1/hooks/before_login", json={"url": "https://nobody.invalid/h"})
        assert unknown.status_code == 200
        assert unknown.json()["secret"].startswith("whsec_")
        tried = (await web.post("/v1/hooks/before_login/test")).json()
        assert "has no address" in tried["problem"]
        listed = (await web.get("/v1/hooks")).json()["items"]
        assert [(one["point"], one["secret"]) for one in listed] == [("before_login", None)]
        assert (await web.post("/v1/hooks/before_token/test")).status_code == 404
        strange: httpx.Response = await web.put(
            "/v1/hooks/before_dinner", json={"url": "https://x.example"}
        )
        assert strange.status_code in (404, 422)
        slow = {"url": "https://x.example/", "timeoutMs": 3001}
        assert (await web.put("/v1/hooks/before_token", json=slow)).json()["field"] == "timeoutMs"


async def test_who_changed_a_hook_is_in_the_journal_and_its_path_is_not(
    house: House, worker: Identity, home: TenantRef, studio: Impostor
) -> None:
    await hooked(worker, home, studio, "before_login")
    async with house.db.begin(home.schema) as tx:
        rows = await tx.driver.fetch(
            "SELECT principal, data::text FROM journal_entry WHERE kind = 'identity.hook_changed'"
        )
    ((principal, data),) = rows
    assert principal == "app_1"
    assert "127.0.0.1" in data
    assert '/hook"' not in data
