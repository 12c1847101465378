"""Nobody comes in as somebody else by way of a browser, a provider's proof or a guest's secret."""

import asyncio
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode

import httpx
import pytest
from tests.house import House, open_house
from tests.identity.abroad import (
    BOT_TOKEN,
    RETURN_URL,
    Game,
    assertion,
    client,
    done,
    open_game,
    path_of,
    query_of,
    refused,
)
from tests.studio import City, Studio

from guildbank.identity.usecases.external.tidy import forget_proofs
from guildbank.infra.postgres import Cluster

NUMBERS = iter(range(1_000))
BAD_STATE = (400, "bad_state")
BAD_EXCHANGE = (401, "exchange_refused")


@pytest.fixture(scope="module")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_elsewhere")
    async with open_house(url, tmp_path_factory.mktemp("elsewhere")) as house:
        yield house


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"castle-{next(NUMBERS)}") as game:
        yield game


@pytest.fixture
async def victim(game: Game) -> AsyncIterator[httpx.AsyncClient]:
    async with game.browser() as browser:
        yield browser


async def away(game: Game, browser: httpx.AsyncClient) -> str:
    """Let the browser leave; return its state."""
    return query_of(await game.leave(browser, client()))["state"]


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(game: Game) -> None:
    who, thief = client(), client()
    code = await game.code(who, sub="victim")
    assert refused(await game.exchange(thief, code)) == BAD_EXCHANGE
    # The thief's try has used it up: there is no second guess at the verifier.
    assert refused(await game.exchange(who, code)) == BAD_EXCHANGE
    assert await game.sql("SELECT count(*) FROM identity_player") == [(0,)]


async def test_a_code_works_once_also_all_at_once(game: Game) -> None:
    who = client()
    code = await game.code(who, sub="victim")
    answers = await asyncio.gather(*(game.exchange(who, code) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 19]


async def test_a_code_is_nothing_in_another_tenant(game: Game, house: House) -> None:
    who = client()
    code = await game.code(who, sub="victim")
    async with open_game(house, "raiders") as raiders:
        assert refused(await raiders.exchange(who, code)) == BAD_EXCHANGE
    done(await game.exchange(who, code))


@pytest.mark.parametrize("secret", ["x", "x" * 43, "é" * 20])
async def test_an_invented_code_is_nothing(game: Game, secret: str) -> None:
    assert refused(await game.exchange(client(), secret)) == BAD_EXCHANGE


async def test_a_ticket_of_another_kind_is_no_code(game: Game) -> None:
    who = client()
    gate = done(await game.begin(who))["url"]
    assert refused(await game.exchange(who, query_of(gate)["ticket"])) == BAD_EXCHANGE
    async with game.browser() as browser:
        assert refused(await game.exchange(who, await away(game, browser))) == BAD_EXCHANGE


@pytest.mark.parametrize("change", ["", "x", "truncated", "extended", "swapped", "\x00", "é"])
async def test_a_tampered_state_leads_nowhere(
    game: Game, victim: httpx.AsyncClient, change: str
) -> None:
    state = await away(game, victim)
    tampered = {
        "truncated": state[:-1],
        "extended": state + "A",
        "swapped": state.swapcase(),
    }.get(change, change)
    answer = await game.come_back(victim, {"state": tampered, "sub": "mallory"})
    assert answer.status_code in (400, 422), answer.text
    assert "location" not in answer.headers
    # The true one is still good: nothing was used up.
    assert (await game.come_back(victim, {"state": state, "sub": "ann"})).status_code == 303


async def test_an_answer_without_a_state_leads_nowhere(
    game: Game, victim: httpx.AsyncClient
) -> None:
    await away(game, victim)
    assert refused(await game.come_back(victim, {"sub": "mallory"})) == BAD_STATE


async def test_the_answer_to_an_attackers_sign_in_is_refused_in_the_victims_browser(
    game: Game, victim: httpx.AsyncClient
) -> None:
    """Else the victim would play, and pay, as the attacker (login CSRF)."""
    async with game.browser() as attacker:
        state = await away(game, attacker)
    answer = await game.come_back(victim, {"state": state, "sub": "mallory"})
    assert refused(answer) == BAD_STATE
    assert "location" not in answer.headers


async def test_the_cookie_of_another_sign_in_does_not_help(
    game: Game, victim: httpx.AsyncClient
) -> None:
    async with game.browser() as attacker:
        state = await away(game, attacker)
        (name,) = attacker.cookies
    await away(game, victim)
    (own,) = victim.cookies
    victim.cookies.set(name, victim.cookies[own], domain="localhost.local", path="/")
    assert refused(await game.come_back(victim, {"state": state, "sub": "mallory"})) == BAD_STATE


async def test_a_state_works_once(game: Game, victim: httpx.AsyncClient) -> None:
    state = await away(game, victim)
    cookies = dict(victim.cookies)
    assert (await game.come_back(victim, {"state": state, "sub": "ann"})).status_code == 303
    for name, value in cookies.items():
        victim.cookies.set(name, value, domain="localhost.local", path="/")
    assert refused(await game.come_back(victim, {"state": state, "sub": "ann"})) == BAD_STATE


async def test_an_answer_of_another_provider_or_to_another_tenant_is_refused(
    game: Game, house: House, victim: httpx.AsyncClient
) -> None:
    """Mixed-up providers: RFC 9700, section 4.4."""
    state = await away(game, victim)
    answer = await game.come_back(victim, {"state": state, "code": "x"}, "oidc")
    assert refused(answer) == BAD_STATE
    state = await away(game, victim)
    async with open_game(house, f"moat-{next(NUMBERS)}") as moat:
        at = f"/v1/sign-in/callback/{moat.tenant.slug}/mirror"
        assert refused(await victim.post(at, data={"state": state, "sub": "x"})) == BAD_STATE
    answer = await victim.post("/v1/sign-in/callback/nowhere/mirror", data={"state": state})
    assert refused(answer) == (404, "not_found")


async def test_the_address_of_a_sign_in_opens_once_and_for_ten_minutes(
    game: Game, victim: httpx.AsyncClient
) -> None:
    gate = path_of(done(await game.begin(client()))["url"])
    opened = await asyncio.gather(*(victim.get(gate) for _ in range(10)))
    assert sorted(answer.status_code for answer in opened) == [303, *[400] * 9]
    late = path_of(done(await game.begin(client()))["url"])
    game.clock.advance(timedelta(minutes=10))
    assert refused(await victim.get(late)) == BAD_STATE


@pytest.mark.parametrize("body", ["state=a&state=b&sub=x", "sub=ann&sub=mallory&state=a"])
async def test_a_parameter_given_twice_is_refused(
    game: Game, victim: httpx.AsyncClient, body: str
) -> None:
    state = await away(game, victim)
    sent = body.replace("state=a", f"state={state}")
    at = f"/v1/sign-in/callback/{game.tenant.slug}/mirror"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert refused(await victim.post(at, content=sent, headers=form)) == (400, "query_invalid")
    assert refused(await victim.get(f"{at}?{sent}")) == (400, "query_invalid")
    assert (await game.come_back(victim, {"state": state, "sub": "ann"})).status_code == 303


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{}", "application/json", (415, "unsupported_media_type")),
        (b"state=x", "text/plain", (415, "unsupported_media_type")),
        (b"state=" + b"x" * 33_000, "application/x-www-form-urlencoded", (413, "body_too_large")),
        (b"a=1&" * 65, "application/x-www-form-urlencoded", (400, "bad_request")),
        (b"state=%ff", "application/x-www-form-urlencoded", (400, "bad_request")),
        ("state=é".encode(), "application/x-www-form-urlencoded", (400, "bad_request")),
    ],
)
async def test_what_is_no_form_of_a_provider_is_refused(
    game: Game,
    victim: httpx.AsyncClient,
    content: bytes,
    kind: str,
    expected: tuple[int, str],
) -> None:
    at = f"/v1/sign-in/callback/{game.tenant.slug}/mirror"
    answer = await victim.post(at, content=content, headers={"content-type": kind})
    assert refused(answer) == expected


@pytest.mark.parametrize(
    "url",
    [
        RETURN_URL + "/",
        RETURN_URL + "?next=https://evil.example",
        RETURN_URL + "/../evil",
        RETURN_URL.upper(),
        RETURN_URL.replace("https", "http"),
        "https://game.example.evil.example/signed-in",
        "https://game.example@evil.example/signed-in",
        "https://evil.example/signed-in",
        "javascript:alert(document.cookie)",
    ],
)
async def test_a_code_goes_to_an_exactly_registered_address_and_nowhere_else(
    game: Game, url: str
) -> None:
    begun = await game.begin(client(), returnUrl=url)
    assert refused(begun) == (422, "return_url_not_registered")


async def test_an_address_that_the_tenant_took_back_gets_no_code_any_more(
    game: Game, victim: httpx.AsyncClient
) -> None:
    state = await away(game, victim)
    done(await game.server.put("/v1/return-urls", json={"urls": []}))
    answer = await game.come_back(victim, {"state": state, "sub": "ann"})
    assert refused(answer) == (422, "return_url_not_registered")


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookie_of_a_sign_in_is_for_the_server_alone(house: House, secure: bool) -> None:
    url = "https://localhost" if secure else "http://localhost"
    async with (
        open_game(house, f"jar-{next(NUMBERS)}", url) as game,
        game.browser() as browser,
    ):
        left = await browser.get(path_of(done(await game.begin(client()))["url"]))
        name, _, rest = left.headers["set-cookie"].partition("=")
        attributes = {part.strip().lower() for part in rest.split(";")[1:]}
        assert {"httponly", "path=/", "max-age=600"} <= attributes
        assert not [part for part in attributes if part.startswith("domain")]
        assert name.startswith("__Host-") is secure
        # The mirror posts a form from its own page, with which no lax cookie comes.
        assert {"samesite=none", "secure"} <= attributes
        assert left.headers["referrer-policy"] == "no-referrer"
        assert left.headers["cache-control"] == "no-store"


async def test_a_cookie_comes_from_other_sites_only_where_a_provider_posts_a_form(
    game: Game, victim: httpx.AsyncClient
) -> None:
    await game.set_up("mirror", client_id="query")
    left = await victim.get(path_of(done(await game.begin(client()))["url"]))
    assert "samesite=lax" in left.headers["set-cookie"].lower()


async def test_what_is_kept_of_a_sign_in_is_sealed(game: Game, victim: httpx.AsyncClient) -> None:
    who = client()
    await game.begin(who)
    state = await away(game, victim)
    await game.code(who, sub="secret-subject", email="who@player.test")
    rows = await game.sql("SELECT encode(data, 'escape'), t::text FROM identity_ticket AS t")
    assert len(rows) == 3
    for secret in ("shh-keep", "secret-subject", "who@player.test", state, who.challenge):
        assert not [row for row in rows if secret in row[0] or secret in row[1]]


def init_data(game: Game, **changes: str) -> dict[str, str]:
    """Return the fields of init data that Telegram's bot would sign now."""
    fields = {
        "query_id": secrets.token_urlsafe(12),
        "user": json.dumps({"id": 279058397, "first_name": "Ann"}),
        "auth_date": str(int(game.clock.now().timestamp())),
        **changes,
    }
    return signed(fields, hmac.digest(b"WebAppData", BOT_TOKEN.encode(), "sha256"))


def widget(game: Game) -> dict[str, str]:
    """Return what the login widget would hand over now."""
    now = str(int(game.clock.now().timestamp()))
    fields = {"id": "279058397", "first_name": "Ann", "auth_date": now}
    return signed(fields, sha256(BOT_TOKEN.encode()).digest())


def signed(fields: Mapping[str, str], key: bytes) -> dict[str, str]:
    text = "\n".join(sorted(f"{name}={value}" for name, value in fields.items()))
    return {**fields, "hash": hmac.new(key, text.encode(), "sha256").hexdigest()}


async def telegram(game: Game, text: str, form: str = "init_data") -> httpx.Response:
    body = {"provider": "telegram", "assertion": {form: text}}
    return await game.web.post("/v1/sign-in/assertions", json=body)


@pytest.fixture
async def bot(game: Game) -> Game:
    await game.set_up("telegram", bot_token=BOT_TOKEN)
    return game


async def test_init_data_lets_in_once_however_it_is_written(bot: Game) -> None:
    fields = init_data(bot)
    first = done(await telegram(bot, urlencode(fields, quote_via=quote)))
    backwards = dict(reversed(fields.items()))
    for again in (fields, backwards):
        answer = await telegram(bot, urlencode(again))
        assert refused(answer) == (409, "assertion_replayed")
    fresh = done(await telegram(bot, urlencode(init_data(bot))))
    assert fresh["userId"] == first["userId"]


async def test_the_widget_and_the_web_app_know_one_person(bot: Game) -> None:
    by_widget = done(await telegram(bot, urlencode(widget(bot)), "widget"))
    by_app = done(await telegram(bot, urlencode(init_data(bot))))
    assert by_widget["userId"] == by_app["userId"]


async def test_of_twenty_who_replay_at_once_one_is_let_in(bot: Game) -> None:
    text = urlencode(init_data(bot))
    answers = await asyncio.gather(*(telegram(bot, text) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 19]


async def test_a_replay_is_refused_until_it_is_too_old_anyway(bot: Game) -> None:
    text = urlencode(init_data(bot))
    done(await telegram(bot, text))
    bot.clock.advance(timedelta(minutes=59))
    await forget_proofs(bot.identity)
    assert refused(await telegram(bot, text)) == (409, "assertion_replayed")
    bot.clock.advance(timedelta(minutes=1))
    assert refused(await telegram(bot, text)) == (400, "expired_assertion")
    await forget_proofs(bot.identity)
    assert await bot.sql("SELECT count(*) FROM identity_once") == [(0,)]


async def test_init_data_that_is_old_early_doubled_or_forged_lets_nobody_in(bot: Game) -> None:
    now = int(bot.clock.now().timestamp())
    good = urlencode(init_data(bot))
    for text, code in (
        (urlencode(init_data(bot, auth_date=str(now - 3_600))), "expired_assertion"),
        (urlencode(init_data(bot, auth_date=str(now + 61))), "future_assertion"),
        (good + "&auth_date=" + str(now), "bad_assertion"),
        (good.replace("279058397", "279058398"), "forged_assertion"),
        (good[:-1] + ("0" if good[-1] != "0" else "1"), "forged_assertion"),
        ("no-fields-at-all", "bad_assertion"),
    ):
        assert refused(await telegram(bot, text)) == (400, code), code
    assert await bot.sql("SELECT count(*) FROM identity_player") == [(0,)]
    assert await bot.sql("SELECT count(*) FROM identity_once") == [(0,)]


async def test_an_assertion_used_to_link_lets_nobody_in(game: Game) -> None:
    """Who overhears it on its way must not come after its owner."""
    body = assertion("owner")
    async with game.player(await game.register("owner-here")) as player:
        done(await player.post("/v1/identities", json=body))
    answer = await game.web.post("/v1/sign-in/assertions", json=body)
    assert refused(answer) == (409, "assertion_replayed")


async def test_making_guests_without_end_is_stopped(city: City, castle: Studio) -> None:
    key = await city.key(castle.ref, kind="publishable")
    async with city.client(**{"x-guildbank-key": key}) as stranger:
        made = [await stranger.post("/v1/guests") for _ in range(31)]
    assert [answer.status_code for answer in made] == [201] * 30 + [429]
    assert refused(made[-1]) == (429, "rate_limited")


async def test_a_guests_secret_is_nothing_next_door(game: Game, house: House) -> None:
    secret = done(await game.web.post("/v1/guests"))["guestSecret"]
    async with open_game(house, f"next-door-{next(NUMBERS)}") as other:
        answer = await other.web.post("/v1/guests/sign-in", json={"guestSecret": secret})
        assert refused(answer) == (401, "login_failed")
