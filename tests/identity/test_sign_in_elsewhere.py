"""A person signs in by an account elsewhere: through a browser, or with what the game holds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.house import House
from tests.identity.abroad import (
    RETURN_URL,
    Client,
    Game,
    assertion,
    client,
    done,
    open_game,
    query_of,
    refused,
)
from tests.servers.oidc_provider import SECRET, OidcProvider, is_installed

SLUG = "abroad"


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    slug = f"{SLUG}-{next(NUMBERS)}"
    async with open_game(house, slug) as game:
        yield game


NUMBERS = iter(range(1_000))


@pytest.fixture(scope="module")
def server() -> Iterator[OidcProvider]:
    if not is_installed():
        pytest.skip("needs Node 20 or later; then `make test` installs oidc-provider")
    backs = [f"{url}/v1/sign-in/callback/{SLUG}-{name}/oidc" for name, url in HOMES.items()]
    with OidcProvider(*backs) as running:
        yield running


HOMES = {"secure": "https://localhost", "plain": "http://localhost"}


@asynccontextmanager
async def at_provider(house: House, server: OidcProvider, home: str) -> AsyncIterator[Game]:
    """Open a game whose players may sign in at the real provider."""
    async with open_game(house, f"{SLUG}-{home}", HOMES[home]) as game:
        await game.set_up("oidc", issuer=server.issuer, client_id="game", client_secret=SECRET)
        yield game


async def return_of(
    game: Game, server: OidcProvider, who: Client, *, consents: bool = True
) -> dict[str, str]:
    """Go to the real provider as Ann and back; return what the game is told."""
    async with game.browser() as browser:
        away = await game.leave(browser, who, provider="oidc", state="level-7")
        assert away.startswith(server.issuer)
        back = await asyncio.to_thread(server.sign_in, away, "ann", consents=consents)
        returned = await game.come_back(browser, back, "oidc")
        assert returned.status_code == 303, returned.text
        assert not browser.cookies
    assert returned.headers["location"].startswith(f"{RETURN_URL}?")
    return query_of(returned.headers["location"])


@pytest.mark.parametrize("home", HOMES)
async def test_a_person_comes_in_through_a_real_openid_provider_and_comes_again(
    house: House, server: OidcProvider, home: str
) -> None:
    players = []
    async with at_provider(house, server, home) as game:
        for _ in range(2):
            who = client()
            told = await return_of(game, server, who)
            assert told.keys() == {"code", "state"}
            assert told["state"] == "level-7"
            tokens = done(await game.exchange(who, told["code"]))
            async with game.player(tokens) as player:
                (session, *_) = done(await player.get("/v1/sessions"))["items"]
                assert session["methods"] == ["external"]
                (link,) = done(await player.get("/v1/identities"))["items"]
                assert (link["provider"], link["issuer"]) == ("oidc", server.issuer)
            players.append(tokens["userId"])
        told = await return_of(game, server, client(), consents=False)
        assert told == {"error": "sign_in_denied", "state": "level-7"}
    assert players[0] == players[1]


async def test_fifty_first_sign_ins_at_once_make_one_player(game: Game) -> None:
    arrived = await asyncio.gather(*(game.arrive("same person") for _ in range(50)))
    assert len({one["userId"] for one in arrived}) == 1
    assert len({one["sessionId"] for one in arrived}) == 50
    assert await game.sql("SELECT count(*) FROM identity_player") == [(1,)]


async def test_a_player_is_known_by_issuer_and_subject_and_not_by_the_address(game: Game) -> None:
    one = await game.arrive("1", email="shared@player.test", verified="yes")
    other = await game.arrive("2", email="shared@player.test", verified="yes")
    again = await game.arrive("1", email="moved@player.test", verified="yes")
    assert one["userId"] == again["userId"] != other["userId"]


async def test_the_journal_tells_of_a_new_player_and_not_who_it_is(game: Game) -> None:
    tokens = await game.arrive("secret-subject", email="who@player.test", verified="yes")
    rows = await game.sql("SELECT kind, data::text FROM journal_entry ORDER BY seq DESC LIMIT 1")
    kind, data = rows[0]
    assert kind == "identity.player_created"
    assert tokens["userId"] in data
    assert "secret-subject" not in data
    assert "who@player.test" not in data


async def test_a_code_is_good_for_sixty_seconds(game: Game) -> None:
    who = client()
    code = await game.code(who, sub="ann")
    game.clock.advance(timedelta(seconds=59))
    done(await game.exchange(who, code))
    code = await game.code(who, sub="ann")
    game.clock.advance(timedelta(seconds=60))
    assert refused(await game.exchange(who, code)) == (401, "exchange_refused")


async def test_a_sign_in_may_take_ten_minutes(game: Game) -> None:
    async with game.browser() as browser:
        state = query_of(await game.leave(browser, client()))["state"]
        game.clock.advance(timedelta(minutes=10))
        late = await game.come_back(browser, {"state": state, "sub": "ann"})
    assert refused(late) == (400, "bad_state")


async def test_a_suspended_player_does_not_come_in(game: Game) -> None:
    tokens = await game.arrive("bob")
    await game.sql("UPDATE identity_player SET state = 'suspended'")
    assert refused(await game.vouch("bob")) == (403, "player_suspended")
    await game.sql("UPDATE identity_player SET state = 'closed'")
    assert refused(await game.vouch("bob")) == (403, "player_closed")
    assert tokens["userId"]


async def test_the_client_is_told_which_ways_there_are(game: Game) -> None:
    await game.set_up("telegram", bot_id="5768337691")
    listed = done(await game.web.get("/v1/sign-in/providers"))["items"]
    assert listed == [
        {"id": "mirror", "title": "Mirror", "redirecting": True, "asserting": True},
        {"id": "telegram", "title": "Telegram", "redirecting": False, "asserting": True},
    ]
    off = {"settings": {"bot_id": "5768337691"}, "enabled": False}
    done(await game.server.put("/v1/identity-providers/telegram", json=off))
    listed = done(await game.web.get("/v1/sign-in/providers"))["items"]
    assert [one["id"] for one in listed] == ["mirror"]


async def test_a_provider_that_is_switched_off_or_not_set_up_signs_nobody_in(game: Game) -> None:
    body = {"settings": {"client_id": "game"}, "enabled": False}
    done(await game.server.put("/v1/identity-providers/mirror", json=body))
    assert refused(await game.vouch("ann")) == (422, "unknown_identity_provider")
    assert refused(await game.begin(client())) == (422, "unknown_identity_provider")
    for unknown in ("telegram", "nobody", "x" * 64):
        begun = await game.begin(client(), provider=unknown)
        assert refused(begun) == (422, "unknown_identity_provider")
        body = assertion("ann") | {"provider": unknown}
        answer = await game.web.post("/v1/sign-in/assertions", json=body)
        assert refused(answer) == (422, "unknown_identity_provider")


async def test_a_provider_that_is_switched_off_lets_in_nobody_who_is_on_the_way(
    game: Game,
) -> None:
    who = client()
    code = await game.code(who, sub="ann")
    off = {"settings": {"client_id": "game"}, "enabled": False}
    done(await game.server.put("/v1/identity-providers/mirror", json=off))
    assert refused(await game.exchange(who, code)) == (422, "unknown_identity_provider")
    assert await game.sql("SELECT count(*) FROM identity_player") == [(0,)]


async def test_a_provider_that_only_takes_assertions_cannot_be_begun(game: Game) -> None:
    await game.set_up("telegram", bot_id="5768337691")
    begun = await game.begin(client(), provider="telegram")
    assert refused(begun) == (422, "unknown_identity_provider")


@pytest.mark.parametrize(
    "bad",
    [
        {"codeChallenge": "short"},
        {"codeChallenge": "x" * 42 + "="},
        {"returnUrl": "x"},
        {"state": "two words"},
        {"state": "x" * 201},
        {"provider": ""},
        {"locale": "not a tag"},
        {"codeChallengeMethod": "plain"},
    ],
)
async def test_a_bad_beginning_names_its_field_and_changes_nothing(
    game: Game, bad: dict[str, str]
) -> None:
    answer = await game.begin(client(), **bad)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == next(iter(bad))
    assert await game.sql("SELECT count(*) FROM identity_ticket") == [(0,)]
